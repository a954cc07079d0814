"""Whether a list that is about to be signed says all that the published one says: a revocation is never taken back.

The published lists stand outside of the database. What they revoke may leave them only after its certificate has
expired (RFC 5280 §3.3), which the certificate itself says, not its row; and a compromised key stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cryptography import x509
from sqlalchemy import select

from pki.authority import Authority
from pki.certificates.reading import UNVERIFIED
from pki.certificates.serials import serial_hex
from pki.status.crl_entries import SortedEntries, entries_octets, raw_entries, reason_of_entry, serial_of
from pki.status.reasons import RevocationReason
from storage import tables
from storage.bulk import slices
from storage.database import Database

_COMPROMISED = RevocationReason.KEY_COMPROMISE
_FEW = 64  # so many times longer is a list in which each entry of another one is looked for by itself


def lacking_of(published: bytes, entries: SortedEntries) -> list[bytes]:
    """The entries of a published list that do not stand octet for octet among ``entries``."""
    if entries_octets(published) == entries.octets:
        return []
    told = raw_entries(published)
    if len(told) * _FEW < len(entries):  # a delta
        return [raw for raw in told if entries.find(serial_of(raw)) != raw]
    kept = set(entries)
    return [raw for raw in told if raw not in kept]


def find_undone(
    db: Database, authority: Authority, lacking: Iterable[bytes], entries: SortedEntries, expired_before: datetime
) -> str | None:
    """What ``entries`` no longer say of what is published, in a French sentence; None when they say it all.

    ``lacking`` are entries of the published lists that are not among ``entries`` as they were.
    """
    before = {serial_of(raw): reason_of_entry(raw) for raw in lacking}
    listed = {serial: raw for serial in before if (raw := entries.find(serial)) is not None}
    now = {serial: reason_of_entry(raw) for serial, raw in listed.items()}
    lesser = sorted(serial for serial, reason in before.items() if _says_less(now.get(serial), reason))
    expired = _expired(db, authority, [serial_hex(serial) for serial in lesser], expired_before)
    undone = [serial for serial in lesser if serial_hex(serial) not in expired or serial in listed]
    if not undone:
        return None
    return (
        f"la liste publiée de {authority.short_name} révoque {len(undone)} certificat(s) que la base ne révoque plus, "
        f"ou pour une raison adoucie, dont {serial_hex(undone[0])}"
    )


def _says_less(now: RevocationReason | None, before: RevocationReason) -> bool:
    return now is None or (before is _COMPROMISED and now is not _COMPROMISED)


def _expired(db: Database, authority: Authority, serials: Sequence[str], before: datetime) -> set[str]:
    """Those whose certificate is here, is the authority's own, and says that it ended before."""
    certificat = tables.Certificat
    ders: dict[str, bytes] = {}
    for part in slices(serials):
        query = select(certificat.serial, certificat.der).where(
            certificat.autorite == authority.short_name, certificat.serial.in_(part), certificat.der.is_not(None)
        )
        with db.read() as session:
            ders |= {row.serial: bytes(row.der or b"") for row in session.execute(query)}
    return {serial for serial, end in _ends(authority, ders).items() if end < before}


def _ends(authority: Authority, ders: Mapping[str, bytes]) -> dict[str, datetime]:
    found = {}
    for serial, der in ders.items():
        try:
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(authority.certificate)
        except UNVERIFIED:
            continue
        if serial_hex(certificate.serial_number) == serial:
            found[serial] = certificate.not_valid_after_utc
    return found
