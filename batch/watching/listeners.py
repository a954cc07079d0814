"""Whether the platform's own listeners show certificates that are still good, by their files and by what is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509

from batch.issuing.own_certificates import revocation_of
from batch.watching.alarms import Alarm, Fault, Subject
from pki.authority import Authority, find_issuer
from pki.certificates.reading import UNREADABLE
from pki.certificates.serials import serial_hex
from pki.errors import AuthorityError
from storage.database import Database
from storage.stored_lists import StoredLists


def find_bad_listeners(
    db: Database, authorities: Mapping[str, Authority], files: Mapping[str, Path], served: Mapping[str, bytes]
) -> list[Alarm]:
    """Listeners, by name, whose certificate is revoked, or who show another one than their file has.

    ``served`` is what answered at their addresses, DER; a listener that did not answer is looked at by its file alone.
    Certificates of other CAs are theirs to revoke.
    """
    return [alarm for name, file in files.items() for alarm in _look(db, authorities, name, file, served.get(name))]


def _look(
    db: Database, authorities: Mapping[str, Authority], name: str, file: Path, shown: bytes | None
) -> Iterator[Alarm]:
    try:
        kept = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, *UNREADABLE):
        kept = None  # told by batch/watching/expiry.py
    served = _certificate(shown)
    if kept is not None and _is_revoked(db, authorities, kept):
        yield Alarm(Subject.TLS, name, None, Fault.REVOKED)
    elif served is not None and served != kept:
        revoked = _is_revoked(db, authorities, served)
        yield Alarm(Subject.TLS, name, None, Fault.SERVES_REVOKED if revoked else Fault.SERVES_ANOTHER, urgent=revoked)


def find_ended(served: Mapping[str, bytes], now: datetime) -> list[Alarm]:
    """Listeners that show a certificate whose time is over, whatever their file says."""
    alarms = []
    for name, shown in served.items():
        certificate = _certificate(shown)
        if certificate is not None and certificate.not_valid_after_utc <= now:
            alarms.append(Alarm(Subject.TLS, name, certificate.not_valid_after_utc))
    return alarms


def _certificate(der: bytes | None) -> x509.Certificate | None:
    try:
        return None if der is None else x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None


def _is_revoked(db: Database, authorities: Mapping[str, Authority], certificate: x509.Certificate) -> bool:
    """By our row, by the stored list, or with its authority."""
    try:
        issuer = find_issuer(authorities, certificate)
    except (AuthorityError, *UNREADABLE):
        return False
    try:
        if revocation_of(db, issuer.short_name, serial_hex(certificate.serial_number)) is not None:
            return True
    except LookupError:
        pass  # not of this database, which may be younger than the certificate
    return issuer.short_name in StoredLists(db, authorities).revoked_authorities()
