"""Whether a revocation is on the published lists already: asked of the lists themselves, not of clocks."""

from __future__ import annotations

from cryptography import x509
from sqlalchemy import select

from pki.revocation import REASONS, RevocationReason
from storage import tables
from storage.database import Database

_NUMBERS = {
    flag: RevocationReason(number)
    for flag, number in (
        (x509.ReasonFlags.key_compromise, 1),
        (x509.ReasonFlags.affiliation_changed, 3),
        (x509.ReasonFlags.superseded, 4),
        (x509.ReasonFlags.cessation_of_operation, 5),
        (x509.ReasonFlags.privilege_withdrawn, 9),
    )
}


class PublishedLists:
    """Looks for one revocation of an authority on its CRL and delta; a list is read again only when it is new."""

    def __init__(self, db: Database) -> None:
        """Nothing is read yet."""
        self._db = db
        self._without: dict[str, tuple[int, object]] = {}

    def carry(self, autorite: str, serial: str, raison: str) -> bool:
        """Whether the list in force, or its delta, has this serial with this reason."""
        crl = tables.Crl
        with self._db.read() as session:
            mark = session.execute(
                select(crl.dernier_numero, crl.publie_le).where(crl.autorite == autorite)
            ).one_or_none()
            if mark is None or self._without.get(autorite) == tuple(mark):
                return False
            lists = session.execute(select(crl.der, crl.delta).where(crl.autorite == autorite)).one()
        if any(_carries(der, int(serial, 16), REASONS[raison]) for der in lists if der is not None):
            return True
        self._without[autorite] = (mark[0], mark[1])
        return False


def _carries(der: bytes, serial: int, reason: RevocationReason) -> bool:
    entry = x509.load_der_x509_crl(der).get_revoked_certificate_by_serial_number(serial)
    if entry is None:
        return False
    told = [extension.value.reason for extension in entry.extensions if isinstance(extension.value, x509.CRLReason)]
    return (_NUMBERS[told[0]] if told else RevocationReason.UNSPECIFIED) is reason
