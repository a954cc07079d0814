"""What is published as files: CRLs as they stand on disk, certificates and chains of the authorities."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import structlog
from cryptography import x509

from pki.authority import Authority
from pki.containers import pkcs7
from pki.errors import CrlError
from pki.status.crl_reading import read_crl, read_delta

log = structlog.get_logger()

CRL_TYPE = "application/pkix-crl"
CERTIFICATE_TYPE = "application/pkix-cert"
_HTTP = ("http", "https")
_Read = Callable[[Authority, bytes], x509.CertificateRevocationList]
_Check = Callable[[bytes], x509.CertificateRevocationList]


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
        self._sources: dict[str, tuple[Path, str, _Check | None]] = {}
        self._refused: dict[str, tuple[int, int]] = {}
        self._known: dict[str, tuple[tuple[int, int], Document]] = {}
        for name, authority in authorities.items():
            for path, file, read in _lists(authority, publication_dir / "CRL", name):
                self._sources[path] = (file, CRL_TYPE, partial(read, authority))
            certificate = _path_of(authority, authority.settings.ca_issuers_url)
            if certificate is None:
                continue
            self._sources[certificate] = (authorities_dir / f"{name}.cer", CERTIFICATE_TYPE, None)
            for chain in sorted(authorities_dir.glob("*.p7b")):
                self._sources[str(PurePosixPath(certificate).with_name(chain.name))] = (chain, pkcs7.MEDIA_TYPE, None)

    def find(self, path: str) -> Document | None:
        """The document at a path (decoded); None when nothing is published there, or not yet.

        A list that is damaged or not signed by its authority is not handed out: the former one is, if it is known.
        """
        source = self._sources.get(path)
        if source is None:
            return None
        file, media_type, check = source
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_ino)
            known = self._known.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            body = file.read_bytes()
        except OSError:
            return None
        try:
            document = _document(body, media_type, status.st_mtime, check)
        except CrlError as error:
            if self._refused.get(path) != mark:
                log.error("published crl cannot be believed", path=path, error=str(error))  # noqa: TRY400 -- the text says it all
                self._refused[path] = mark
            return None if known is None else known[1]
        self._known[path] = (mark, document)
        return document


def _lists(authority: Authority, folder: Path, name: str) -> Iterator[tuple[str, Path, _Read]]:
    """The full CRL at its address, the delta at its own, or beside the full one when that address is a directory's."""
    settings = authority.settings
    full = _path_of(authority, settings.crl_url)
    delta = _path_of(authority, settings.delta_crl_url)
    if full is not None:
        yield full, folder / f"{name}.crl", read_crl
        if settings.delta_addresses:
            delta = delta or str(PurePosixPath(full).with_name(f"{name}-delta.crl"))
    if delta is not None:
        yield delta, folder / f"{name}-delta.crl", read_delta


def _path_of(authority: Authority, template: str) -> str | None:
    parts = urlsplit(authority.url(template))
    return unquote(parts.path) if parts.scheme in _HTTP and parts.path not in ("", "/") else None


def _document(body: bytes, media_type: str, modified: float, check: _Check | None) -> Document:
    # Of a list too when its file was put here: thisUpdate is back-dated, and who asks for what has changed since the
    # moment at which he fetched the former one would not get the new one.
    last_modified = datetime.fromtimestamp(int(modified), UTC)
    next_update = None if check is None else check(body).next_update_utc
    etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
    return Document(body, media_type, etag, last_modified, next_update)
