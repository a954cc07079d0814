"""What may be there once only: a serial under a name, a certificate of a demande, a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import name_of, snapshot
from storage import tables

# Nobody needs to be told more often; the number says the rest.
_MOST = 1_000
_certificat, _demande = tables.Certificat, tables.Demande


def check_uniqueness(audit: Audit) -> None:
    """Ask for every value that stands more than once. Not bounded by the scope: a double may be of any time."""
    audit.meter.start("Unicité", 3)
    for check in (_serials, _demandes, _keys):
        check(audit)
        audit.meter.advance()
    audit.report.checked["règles d'unicité"] += 3


def _serials(audit: Audit) -> None:
    """RFC 5280 §4.1.2.2: unique for an issuer's name, whatever keys it has or had."""
    by_name: dict[bytes, str] = {}
    first = {name: by_name.setdefault(one.certificate.subject_raw, name) for name, one in audit.authorities.items()}
    twins = {name: other for name, other in first.items() if name != other}
    issuer: ColumnElement[str] = case(twins, value=_certificat.autorite, else_=_certificat.autorite)
    if not twins:
        issuer = _certificat.autorite.expression
    for autorite, serial in _repeated(audit, issuer, _certificat.serial.expression):
        rows = _rows(audit, issuer == autorite, _certificat.serial == serial)
        if len(rows) > 1:
            names = " et ".join(sorted({row.autorite for row in rows}))
            audit.report.add(
                Topic.UNIQUENESS, f"{autorite} {serial}", f"numéro de série donné {len(rows)} fois ({names})"
            )


def _demandes(audit: Audit) -> None:
    for (numero,) in _repeated(audit, _certificat.id_demande.expression):
        rows = _rows(audit, _certificat.id_demande == numero)
        if len(rows) > 1:
            serials = ", ".join(f"{row.autorite} {row.serial}" for row in rows)
            audit.report.add(Topic.UNIQUENESS, f"demande n° {numero}", f"plusieurs certificats : {serials}")


def _keys(audit: Audit) -> None:
    """One key, one certificate, on each plateforme.

    A demande that was given up returned its key: what was signed of it meanwhile is revoked, and does not count.
    """
    for (digest,) in _repeated(audit, _certificat.spki_sha256.expression):
        by_plateforme: dict[bool | None, list[Any]] = defaultdict(list)
        for row in _rows(audit, _certificat.spki_sha256 == digest):
            authority = audit.authorities.get(row.autorite)
            if row.emis_le is not None and row.etat != "NON_TRAITEE":
                by_plateforme[authority.is_test if authority else None].append(row)
        for rows in by_plateforme.values():
            if len(rows) > 1:
                others = ", ".join(name_of(row) for row in rows[1:])
                audit.report.add(Topic.UNIQUENESS, name_of(rows[0]), f"même clé publique que {others}")


def _repeated(audit: Audit, *columns: ColumnElement[Any]) -> Sequence[Any]:
    # Named first and grouped by afterwards: PostgreSQL takes two equal expressions with parameters for different ones.
    named = select(*(column.label(f"value_{rank}") for rank, column in enumerate(columns))).subquery()
    query = (
        select(*named.c)
        .where(*(column.is_not(None) for column in named.c))
        .group_by(*named.c)
        .having(func.count() > 1)
        .limit(_MOST)
    )
    with snapshot(audit.db) as session:
        return session.execute(query).all()


def _rows(audit: Audit, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    query = (
        select(_certificat.autorite, _certificat.serial, _certificat.id_demande, _certificat.emis_le, _demande.etat)
        .outerjoin(_demande, _demande.id == _certificat.id_demande)
        .where(*conditions)
        .order_by(_certificat.id)
        .limit(_MOST)
    )
    with snapshot(audit.db) as session:
        return session.execute(query).all()
