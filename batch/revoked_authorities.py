"""Which of our authorities a root has revoked, by the lists that are stored here."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from pki.authority import Authority, links_above
from pki.crl_reading import read_crl
from pki.errors import AuthorityError, CrlError
from pki.serials import serial_hex
from storage import tables
from storage.database import Database


def revoked_authorities(db: Database, authorities: Mapping[str, Authority]) -> frozenset[str]:
    """Short names of the authorities that stand on the list of one above them.

    In doubt too: when that list is damaged, or who is above is not among ``authorities``. Where no list was ever
    carried nobody is revoked. A list that has ended still counts: who is on it stays revoked.
    """
    links = {name: _links(authorities, authority) for name, authority in authorities.items()}
    above = {upper for chain in links.values() for upper, _ in chain or ()}
    crl = tables.Crl
    with db.read() as session:
        rows = session.execute(select(crl.autorite, crl.der).where(crl.autorite.in_(above))).all()
    lists = {name: _serials(authorities[name], der) for name, der in rows}
    return frozenset(
        name
        for name, chain in links.items()
        if chain is None or any(upper in lists and _is_on(lists[upper], serial) for upper, serial in chain)
    )


def _links(authorities: Mapping[str, Authority], authority: Authority) -> tuple[tuple[str, str], ...] | None:
    try:
        return links_above(authorities, authority)
    except AuthorityError:
        return None


def _serials(authority: Authority, der: bytes) -> frozenset[str] | None:
    try:
        return frozenset(serial_hex(entry.serial_number) for entry in read_crl(authority, der))
    except CrlError:
        return None


def _is_on(serials: frozenset[str] | None, serial: str) -> bool:
    """On a list that cannot be read anybody may stand."""
    return serials is None or serial in serials
