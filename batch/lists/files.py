"""The files that relying parties download: what the database holds, replaced in one step, never by what is older."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from sqlalchemy import select

from batch.past.errors import PastError
from pki.authority import Authority
from pki.errors import CrlError
from pki.status.crl_reading import CrlHead, read_crl, read_delta, read_head
from runtime.whole_files import replace
from storage import tables
from storage.database import Database

CRL_FOLDER = "CRL"


def list_files(publication: Path, autorite: str) -> tuple[Path, Path]:
    """Where the full list and the delta of an authority are."""
    folder = publication / CRL_FOLDER
    return folder / f"{autorite}.crl", folder / f"{autorite}-delta.crl"


def signed_list(authority: Authority, der: bytes) -> x509.CertificateRevocationList | None:
    """These bytes as a full list or a delta that the authority has signed; None when they are none."""
    for read in (read_crl, read_delta):
        try:
            return read(authority, der)
        except CrlError:
            continue
    return None


def signed_head(authority: Authority, der: bytes) -> CrlHead | None:
    """As ``signed_list``, without reading the entries, of which there may be many."""
    try:
        return read_head(authority, der)
    except CrlError:
        return None


def number_of(crl: x509.CertificateRevocationList) -> int:
    """The CRLNumber of a list that was read (RFC 5280 §5.2.3)."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def bring_up_to_date(db: Database, publication: Path, authority: Authority) -> None:
    """Write the stored lists; under their lock, so that no slower worker puts an older one back.

    PastError, and nothing is written, when what is published bears a number that was never drawn, a later one than the
    stored list, or the same one for another list: the database is older than what the world has seen.
    """
    crl, name = tables.Crl, authority.short_name
    with db.write() as session:
        row = session.execute(
            select(crl.der, crl.delta, crl.dernier_numero, crl.apportee)
            .where(crl.autorite == name)
            .with_for_update(key_share=True)
        ).one_or_none()
        if row is None:
            return
        pairs = zip(list_files(publication, name), (row.der, row.delta), strict=True)
        changed = [(path, content) for path, content in pairs if _read(path) != content]
        for path, content in changed:
            newer = _newer(_read(path), authority, content, row.dernier_numero)
            if newer is not None and row.apportee and authority.is_root:
                return  # somebody carried a newer one there by hand: the root's word is above ours
            if newer is not None:
                raise PastError(f"CRL n° {newer} de {name} publiée, ce n'est pas celle de la base")
        for path, content in changed:
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                replace(path, content, secret=False)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _newer(published: bytes | None, authority: Authority, content: bytes | None, highest: int) -> int | None:
    """The number of what is published, when the database never drew it, or what is to be written is no later one."""
    known = signed_head(authority, published) if published is not None else None
    if known is None:
        return None
    stored = signed_head(authority, content) if content is not None else None
    late = known.number > highest or (stored is not None and known.number >= stored.number)
    return known.number if late else None
