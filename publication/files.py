"""What is published as files: CRLs as they stand on disk, certificates and chains of the authorities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from cryptography import x509

from pki import pkcs7
from pki.authority import Authority

CRL_TYPE = "application/pkix-crl"
CERTIFICATE_TYPE = "application/pkix-cert"
_HTTP = ("http", "https")


@dataclass(frozen=True, slots=True)
class Document:
    """What is sent: `next_update` is None for what does not expire."""

    body: bytes
    media_type: str
    etag: str
    last_modified: datetime
    next_update: datetime | None


class PublishedFiles:
    """A fixed table of paths, made of the addresses that stand in the certificates. Anything else is not there."""

    def __init__(self, authorities: Mapping[str, Authority], authorities_dir: Path, publication_dir: Path) -> None:
        """Files are looked at when they are asked for."""
        self._sources: dict[str, tuple[Path, str]] = {}
        self._known: dict[str, tuple[tuple[int, int], Document]] = {}
        for name, authority in authorities.items():
            for path, file in _lists(authority, publication_dir / "CRL", name):
                self._sources[path] = (file, CRL_TYPE)
            certificate = _path_of(authority, authority.settings.ca_issuers_url)
            if certificate is None:
                continue
            self._sources[certificate] = (authorities_dir / f"{name}.cer", CERTIFICATE_TYPE)
            for chain in sorted(authorities_dir.glob("*.p7b")):
                self._sources[str(PurePosixPath(certificate).with_name(chain.name))] = (chain, pkcs7.MEDIA_TYPE)

    def find(self, path: str) -> Document | None:
        """The document at a path (decoded); None when nothing is published there, or not yet."""
        source = self._sources.get(path)
        if source is None:
            return None
        file, media_type = source
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_ino)
            known = self._known.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            body = file.read_bytes()
        except OSError:
            return None
        document = _document(body, media_type, status.st_mtime)
        self._known[path] = (mark, document)
        return document


def _lists(authority: Authority, folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The full CRL at its address, the delta at its own, or beside the full one when that address is a directory's."""
    settings = authority.settings
    full = _path_of(authority, settings.crl_url)
    delta = _path_of(authority, settings.delta_crl_url)
    if full is not None:
        yield full, folder / f"{name}.crl"
        if settings.delta_addresses:
            delta = delta or str(PurePosixPath(full).with_name(f"{name}-delta.crl"))
    if delta is not None:
        yield delta, folder / f"{name}-delta.crl"


def _path_of(authority: Authority, template: str) -> str | None:
    parts = urlsplit(authority.url(template))
    return unquote(parts.path) if parts.scheme in _HTTP and parts.path not in ("", "/") else None


def _document(body: bytes, media_type: str, modified: float) -> Document:
    last_modified = datetime.fromtimestamp(int(modified), UTC)
    next_update = None
    if media_type == CRL_TYPE:
        crl = x509.load_der_x509_crl(body)
        last_modified, next_update = crl.last_update_utc, crl.next_update_utc
    etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
    return Document(body, media_type, etag, last_modified, next_update)
