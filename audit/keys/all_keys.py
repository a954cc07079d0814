"""Every public key of the database under the rules for keys: those that were certified, those that were presented."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from audit.context import Audit
from audit.keys.known_keys import check_known
from audit.keys.rules import NamedKey, check_blocked, check_keys, check_primes
from audit.keys.shared_primes import check_shared_primes
from audit.reading.asn1 import DerError
from audit.reading.certificate import read_certificate
from audit.reading.rows import certified_keys, count, issued_since, name_of, pages, snapshot
from storage import tables

_PAGE = 1_000
_certificat, _cle = tables.Certificat, tables.ClePublique


def check_all_keys(audit: Audit) -> None:
    """Judge the keys certified since the scope's date one by one, then look for broken and predictable ones.

    The latter among the same keys; without a date among all, those included that were presented and never certified.
    They hold every key in memory (shared_primes.py has figures).
    """
    signed = _certificat.der.is_not(None)
    audit.meter.start("Clés", count(audit.db, signed, *issued_since(audit.scope.since)))
    for rows in _certificates(audit, *issued_since(audit.scope.since)):
        _judge(audit, rows)
        audit.meter.advance(len(rows))
        audit.report.checked["clés certifiées"] += len(rows)
    everything = list(_all_keys(audit))
    # What was found broken after it was certified, and settled: nobody may present it again, and what of it is in force
    # has been named above. It still breaks others.
    blocked = _blocked(audit)
    settled = {subject for subject, spki in everything if hashlib.sha256(spki).digest() in blocked}
    audit.meter.start("Clés, ensemble", None)
    audit.report.checked["clés comparées entre elles"] += len(everything)
    broken = (finding for check in (check_primes, check_shared_primes) for finding in check(everything))
    for finding in (*broken, *check_known(everything, audit.weak_key_files)):
        if finding.subject not in settled:
            audit.report.add(finding.topic, finding.subject, finding.text)


def _judge(audit: Audit, rows: list[Any]) -> None:
    authorities = {one.certificate.spki: one.short_name for one in audit.authorities.values()}
    named: list[tuple[Any, NamedKey]] = [(row, key) for row in rows if (key := _key_of(row)) is not None]
    for p256 in (False, True):
        keys = [key for row, key in named if _admits_p256(audit, row.autorite) is p256]
        for finding in check_keys(keys, p256=p256, authorities=authorities):
            audit.report.add(finding.topic, finding.subject, finding.text)
    now = audit.clock()
    in_force = [key for row, key in named if row.revoque_le is None and row.not_after > now]
    for finding in check_blocked(in_force, _blocked(audit)):
        audit.report.add(finding.topic, finding.subject, finding.text)


def _admits_p256(audit: Audit, autorite: str) -> bool:
    authority = audit.authorities.get(autorite)
    return authority is not None and authority.settings.p256


def _blocked(audit: Audit) -> set[bytes]:
    """Read for every page anew: a key may be blocked, and its certificates revoked, while the audit runs."""
    with snapshot(audit.db) as session:
        return {bytes(digest) for digest in session.scalars(select(tables.CleInterdite.spki_sha256))}


def _certificates(audit: Audit, *conditions: Any) -> Iterator[list[Any]]:  # noqa: ANN401 -- conditions of SQL
    query = select(
        _certificat.id,
        _certificat.autorite,
        _certificat.serial,
        _certificat.id_demande,
        _certificat.der,
        _certificat.not_after,
        _certificat.revoque_le,
    ).where(_certificat.der.is_not(None), *conditions)
    for rows, _ in pages(audit.db, query, _certificat.id, lambda _session, _rows: None, _PAGE):
        yield list(rows)


def _key_of(row: Any) -> NamedKey | None:  # noqa: ANN401 -- a row of certificat
    try:
        return name_of(row), read_certificate(bytes(row.der)).spki
    except DerError:
        return None  # the check of certificates names it


def _all_keys(audit: Audit) -> Iterator[NamedKey]:
    yield from certified_keys(audit.db, audit.scope.since)
    if audit.scope.since is None:
        yield from _presented_keys(audit)


def _presented_keys(audit: Audit) -> Iterator[NamedKey]:
    """The keys of all demandes; one that was certified has the certificate's name already, which counts."""
    numero = _cle.id_demande
    last = 0
    while True:
        with snapshot(audit.db) as session:
            rows = session.execute(select(numero, _cle.spki).where(numero > last).order_by(numero).limit(_PAGE)).all()
        yield from ((f"demande n° {row.id_demande}", bytes(row.spki)) for row in rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1].id_demande
