"""Owe notices by mail, in the transaction of their cause (guide §8.5, 8.7, 9.4, 11.3).

A demande of its own gives one row for its acteur and one for the person to inform. Those of a lot give one row for the
lot, whatever their number: who sends gathers it into one mail a destinataire when the lot's step is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    String,
    Table,
    bindparam,
    case,
    func,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registration.vocabulary import Avis, EtatAvis, Plateforme, RoleAvis
from storage import tables
from storage.bulk import insert_rows, slices
from storage.types import UtcDateTime

QUIET = timedelta(minutes=5)
"""What falls to a lot is gathered when nothing more has fallen to it for so long."""

LONGEST = timedelta(hours=6)
"""It is gathered at the latest so long after the first."""

# A lot as a whole owes these from its deposit on (``owe_lot``): its pages and chunks have nothing to write.
_OF_WHOLE_LOTS = frozenset({Avis.VALIDATED, Avis.AVAILABLE})

_table, _demande = cast("Table", tables.Avis.__table__), tables.Demande
_SINGLE = ["plateforme", "nature", "id_demande", "destinataire", "role", "etat", "cree_le", "du_le", "essais"]
_NATURE = bindparam("nature_", type_=String)
_NOW = bindparam("now_", type_=UtcDateTime())
_AMONG = _demande.id.in_(bindparam("numeros", expanding=True))


def owe(session: Session, avis: Avis, numeros: Iterable[int], now: datetime) -> None:
    """Owe this notice of each of these demandes; the caller's transaction writes what it tells of.

    Two statements for 900 demandes, whichever they are. Owed again, nothing changes. Of lots the notices of validation
    and availability are owed by their deposit.
    """
    dialect = session.get_bind().dialect.name
    connection = session.connection()
    for part in slices(numeros):
        told: dict[str, Any] = {"nature_": avis.value, "now_": now, "numeros": part}
        connection.execute(_singles(dialect), told)
        if avis not in _OF_WHOLE_LOTS:
            connection.execute(_of_lots(dialect), {**told, "quiet": now + QUIET, "latest": now + LONGEST})


def owe_asked(session: Session, numeros: Iterable[int], now: datetime) -> None:
    """Owe the notice of revocation to the address that was typed with each of these demandes de révocation.

    Besides ``owe``, which tells those of the certificate's own demande: who is one of them has one mail. The items of
    a lot have none, for they would be thousands of mails to one address.
    """
    statement = _to_typed(session.get_bind().dialect.name)
    for part in slices(numeros):
        session.connection().execute(statement, {"nature_": Avis.REVOKED.value, "now_": now, "numeros": part})


def owe_lot(session: Session, plateforme: Plateforme, index: int, now: datetime) -> None:
    """Owe the digests of a lot that is deposited now: first of what was validated, then of what can be withdrawn."""
    insert_rows(session, tables.Avis, [_of_lot(plateforme.value, Avis.VALIDATED, index, now)])


def hasten(session: Session, avis: Avis, index: int, now: datetime) -> None:
    """Nothing more will fall to this lot: its digest of this kind need not wait for it."""
    session.connection().execute(_HASTEN, {"nature_": avis.value, "index_": index, "now_": now})


def owe_availability(session: Session, plateforme: str, index: int, now: datetime, since: datetime | None) -> None:
    """Owe the digest of what of a lot could be withdrawn after ``since`` (None: from the beginning)."""
    insert_rows(session, tables.Avis, [_of_lot(plateforme, Avis.AVAILABLE, index, now) | {"depuis": since}])


def _of_lot(plateforme: str, avis: Avis, index: int, now: datetime) -> dict[str, Any]:
    return {
        "plateforme": plateforme,
        "nature": avis.value,
        "id_lot": index,
        "depuis": None,
        "etat": EtatAvis.TO_GATHER.value,
        "cree_le": now,
        "du_le": now,
        "essais": 0,
    }


_HASTEN = (
    update(_table)
    .where(
        _table.c.nature == _NATURE,
        _table.c.id_lot == bindparam("index_"),
        _table.c.etat == literal(EtatAvis.TO_GATHER.value, literal_execute=True),
    )
    .values({_table.c.du_le: _NOW})
)


def _insert(dialect: str) -> Any:  # noqa: ANN401 -- each database has its own INSERT
    return (postgresql if dialect == "postgresql" else sqlite).insert(_table)


@cache
def _singles(dialect: str) -> Insert:
    """One row for the acteur, one for the person to inform unless it is the same address (ours: one mail each)."""
    acteur, informe = _demande.email_acteur, _demande.email_informe
    is_another = func.lower(informe) != func.lower(func.coalesce(acteur, ""))
    rows = union_all(
        _row_of(acteur, RoleAvis.ACTEUR, acteur.is_not(None)),
        _row_of(informe, RoleAvis.INFORME, informe.is_not(None) & is_another),
    )
    return cast("Insert", _insert(dialect).from_select(_SINGLE, rows).on_conflict_do_nothing())


def _row_of(address: Any, role: RoleAvis, condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 -- a column, a select
    due = literal(EtatAvis.TO_SEND.value)
    values = (_demande.plateforme, _NATURE, _demande.id, address, literal(role.value), due, _NOW, _NOW)
    return select(*values, literal(0, Integer)).where(_AMONG, _demande.id_lot.is_(None), condition)


@cache
def _to_typed(dialect: str) -> Insert:
    asked = tables.DemandeRevocation
    typed = func.lower(asked.email)
    told = (func.coalesce(func.lower(known), "") for known in (_demande.email_acteur, _demande.email_informe))
    rows = (
        select(
            _demande.plateforme,
            _NATURE,
            _demande.id,
            asked.email,
            literal(RoleAvis.ACTEUR.value),
            literal(EtatAvis.TO_SEND.value),
            _NOW,
            _NOW,
            literal(0, Integer),
        )
        .join(asked, asked.id_demande == _demande.id)
        .where(
            asked.id.in_(bindparam("numeros", expanding=True)),
            asked.id_lot.is_(None),
            asked.email.is_not(None),
            *(typed != one for one in told),
        )
    )
    return cast("Insert", _insert(dialect).from_select(_SINGLE, rows).on_conflict_do_nothing())


@cache
def _of_lots(dialect: str) -> Insert:
    """One row a lot; where one waits it begins with the earlier moment, and waits on until nothing more comes."""
    quiet, latest = bindparam("quiet", type_=UtcDateTime()), bindparam("latest", type_=UtcDateTime())
    names = ["plateforme", "nature", "id_lot", "depuis", "jusqu_a", "etat", "cree_le", "du_le", "essais"]
    waiting = literal(EtatAvis.TO_GATHER.value)
    lots = (
        select(_demande.plateforme, _demande.id_lot.label("lot"))
        .where(_AMONG, _demande.id_lot.is_not(None))
        .distinct()
        .order_by(_demande.id_lot)  # everybody in one order
        .subquery()
    )
    values = (lots.c.plateforme, _NATURE, lots.c.lot, _NOW, latest, waiting, _NOW, quiet, literal(0, Integer))
    # SQLite takes ON CONFLICT for a join of a select without WHERE.
    insert = _insert(dialect).from_select(names, select(*values).where(lots.c.lot.is_not(None)))
    new, old = insert.excluded, _table.c
    return cast(
        "Insert",
        insert.on_conflict_do_update(
            index_elements=[old.nature, old.id_lot],
            index_where=(old.etat == literal(EtatAvis.TO_GATHER.value, literal_execute=True)) & old.id_lot.is_not(None),
            set_={
                "depuis": case((new.depuis < old.depuis, new.depuis), else_=old.depuis),
                "du_le": case((new.du_le < old.jusqu_a, new.du_le), else_=old.jusqu_a),
            },
        ),
    )
