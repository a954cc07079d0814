"""The one reader of the lists that are stored here: issuer and signature are checked before anything is believed.

A list is read and checked again only when its number is new: a number is used once (RFC 5280 §5.2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from pki.authority import Authority, links_above
from pki.certificates.serials import serial_hex
from pki.errors import AuthorityError, CrlError
from pki.status.crl_reading import read_crl, read_delta
from storage import tables
from storage.database import Database


@dataclass(frozen=True, slots=True)
class StoredList:
    """The full list in force of an authority and its delta, if there is one, as they were signed."""

    full: x509.CertificateRevocationList
    delta: x509.CertificateRevocationList | None


_WHICH_LISTS = select(tables.Crl.autorite, tables.Crl.numero).where(
    tables.Crl.autorite.in_(bindparam("above", expanding=True))
)


class StoredLists:
    """Looks into the lists of these authorities; for several threads."""

    def __init__(self, db: Database, authorities: Mapping[str, Authority]) -> None:
        """Nothing is read yet."""
        self._db = db
        self._authorities = authorities
        self._serials: dict[str, tuple[int, frozenset[str]]] = {}
        self._links = {name: _links(authorities, authority) for name, authority in authorities.items()}

    def serials(self, session: Session, autorite: str, numero: int) -> frozenset[str]:
        """What the full list of this number, which is the one stored, has revoked (serial_hex).

        CrlError when it cannot be read, or is not signed by the authority.
        """
        known = self.known_serials(autorite, numero)
        if known is None:
            der = session.scalars(select(tables.Crl.der).where(tables.Crl.autorite == autorite)).one()
            entries = read_crl(self._authorities[autorite], der)
            known = frozenset(serial_hex(entry.serial_number) for entry in entries)
            self._serials = {**self._serials, autorite: (numero, known)}
        return known

    def known_serials(self, autorite: str, numero: int) -> frozenset[str] | None:
        """As ``serials`` for a list that was read before; None for any other."""
        known = self._serials.get(autorite)
        return known[1] if known is not None and known[0] == numero else None

    def read(self, autorite: str) -> StoredList | None:
        """The lists in force, None when there are none; CrlError as in ``serials``."""
        crl, authority = tables.Crl, self._authorities[autorite]
        with self._db.read() as session:
            row = session.execute(select(crl.der, crl.delta).where(crl.autorite == autorite)).one_or_none()
        if row is None:
            return None
        return StoredList(read_crl(authority, row.der), None if row.delta is None else read_delta(authority, row.delta))

    def revoked_authorities(self) -> frozenset[str]:
        """Short names of the authorities that stand on the list of one above them.

        In doubt too: when that list is damaged, or who is above is not among the authorities. Where no list was ever
        carried nobody is revoked. A list that has ended still counts: who is on it stays revoked.
        """
        above = [*{upper for chain in self._links.values() for upper, _ in chain or ()}]
        with self._db.read() as session:
            rows = session.connection().execute(_WHICH_LISTS, {"above": above}).all()
            lists = {name: self._serials_if_readable(session, name, numero) for name, numero in rows}
        return frozenset(
            name
            for name, chain in self._links.items()
            if chain is None or any(upper in lists and _is_on(lists[upper], serial) for upper, serial in chain)
        )

    def _serials_if_readable(self, session: Session, autorite: str, numero: int) -> frozenset[str] | None:
        try:
            return self.serials(session, autorite, numero)
        except CrlError:
            return None


def known_lists(db: Database) -> frozenset[str]:
    """Short names of the authorities that have a list, whatever its state."""
    with db.read() as session:
        return frozenset(session.scalars(select(tables.Crl.autorite)))


def lists_made_here(db: Database) -> frozenset[str]:
    """As ``known_lists``, without those that were carried here from the machine of a root."""
    with db.read() as session:
        return frozenset(session.scalars(select(tables.Crl.autorite).where(tables.Crl.apportee.is_(False))))


def list_in_force(db: Database, autorite: str) -> tuple[int, datetime]:
    """Number and end of the full list, as the table has them; LookupError when there is none."""
    crl = tables.Crl
    with db.read() as session:
        row = session.execute(select(crl.numero, crl.next_update).where(crl.autorite == autorite)).one_or_none()
    if row is None:
        raise LookupError(autorite)
    return row.numero, row.next_update


def _links(authorities: Mapping[str, Authority], authority: Authority) -> tuple[tuple[str, str], ...] | None:
    try:
        return links_above(authorities, authority)
    except AuthorityError:
        return None


def _is_on(serials: Iterable[str] | None, serial: str) -> bool:
    """On a list that cannot be read anybody may stand."""
    return serials is None or serial in serials
