"""Whether a revocation is on the published lists already: asked of the lists themselves, not of clocks."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from cryptography import x509
from sqlalchemy import select

from pki.authority import Authority
from pki.errors import CrlError
from pki.status.reasons import REASONS, RevocationReason
from storage import tables
from storage.database import Database
from storage.stored_lists import StoredLists

log = structlog.get_logger()

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

    def __init__(self, db: Database, authorities: Mapping[str, Authority]) -> None:
        """Nothing is read yet."""
        self._db = db
        self._lists = StoredLists(db, authorities)
        self._without: dict[str, tuple[int, object]] = {}

    def carry(self, autorite: str, serial: str, raison: str) -> bool:
        """Whether the list in force, or its delta, has this serial with this reason; a damaged one has nothing."""
        crl = tables.Crl
        with self._db.read() as session:
            mark = session.execute(
                select(crl.dernier_numero, crl.publie_le).where(crl.autorite == autorite)
            ).one_or_none()
        if mark is None or self._without.get(autorite) == tuple(mark):
            return False
        if self._is_listed(autorite, int(serial, 16), REASONS[raison]):
            return True
        self._without[autorite] = (mark[0], mark[1])
        return False

    def _is_listed(self, autorite: str, serial: int, reason: RevocationReason) -> bool:
        try:
            stored = self._lists.read(autorite)
        except CrlError as error:
            log.error("stored crl cannot be believed", autorite=autorite, error=str(error))  # noqa: TRY400 -- the text says it all
            return False
        lists = (stored.full, stored.delta) if stored is not None else ()
        return any(_carries(crl, serial, reason) for crl in lists if crl is not None)


def _carries(crl: x509.CertificateRevocationList, serial: int, reason: RevocationReason) -> bool:
    entry = crl.get_revoked_certificate_by_serial_number(serial)
    return entry is not None and reason_of(entry) is reason


def reason_of(entry: x509.RevokedCertificate) -> RevocationReason:
    """Why, as an entry of a list says it; unspecified when it says nothing (RFC 5280 §5.3.1)."""
    told = [extension.value.reason for extension in entry.extensions if isinstance(extension.value, x509.CRLReason)]
    return _NUMBERS.get(told[0], RevocationReason.UNSPECIFIED) if told else RevocationReason.UNSPECIFIED
