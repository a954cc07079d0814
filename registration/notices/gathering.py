"""Gather what a lot owes, or what ends soon, into one row a destinataire (ours, guide-coverage B9.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    Table,
    bindparam,
    case,
    delete,
    func,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registration.notices.owing import LONGEST, owe_availability
from registration.notices.scope import EXPIRIES, fell_to
from registration.vocabulary import Avis, EtatAvis, EtatDemande, Plateforme, RoleAvis
from storage import tables
from storage.bulk import slices
from storage.counts import NO_PRODUIT
from storage.database import Database
from storage.types import UtcDateTime

TWO_WEEKS = timedelta(days=14)
_PARIS = ZoneInfo("Europe/Paris")
_HOUR = time(7)
_AT_ONCE = 500
_YOUNG = timedelta(minutes=1)
_SOONEST, _LATEST = timedelta(seconds=1), timedelta(minutes=5)
# A certificate is dated before its transaction ends: what is dated later may not be there yet.
_UNSEEN = timedelta(minutes=15)

_avis, _demande, _certificat = tables.Avis, tables.Demande, tables.Certificat


@dataclass(frozen=True, slots=True)
class Windows:
    """How long before its end a certificate is told of."""

    renewal: timedelta = timedelta(days=30)

    @property
    def of(self) -> Mapping[Avis, timedelta]:
        """By kind of notice; the second one comes two weeks before the end."""
        return MappingProxyType({Avis.RENEWAL: self.renewal, Avis.EXPIRY: TWO_WEEKS})


def gather(db: Database, plateforme: Plateforme, now: datetime, windows: Windows = Windows()) -> int:
    """Gather every row whose time has come, each in a transaction of its own; gives the number of mails owed by that.

    A lot is told of when its step is over: all registered; nothing waits for its signature any more (or for six hours);
    nothing fell to it for some minutes. What ends is looked for once a day, at 7:00 in Paris. Of two that gather at the
    same time, one does.
    """
    with db.read() as session:
        due = session.execute(
            select(_avis.id, _avis.nature, _avis.id_lot, _avis.cree_le)
            .where(_avis.plateforme == plateforme.value, _avis.etat == EtatAvis.TO_GATHER.value, _avis.du_le <= now)
            .order_by(_avis.du_le)
            .limit(_AT_ONCE)
        ).all()
        waiting = _still_waiting(session, due, now)
    _postpone(db, [row for row in due if row.id in waiting], now, is_full=len(due) == _AT_ONCE)
    return sum(_gather_one(db, row.id, now, windows) for row in due if row.id not in waiting)


def _still_waiting(session: Session, rows: Sequence[Any], now: datetime) -> set[int]:
    """Those rows of which more is still to come, asked for all lots at once: nothing is written for them."""
    lots = {Avis.VALIDATED: set[int](), Avis.AVAILABLE: set[int]()}
    for avis, known in lots.items():
        asked = [row.id_lot for row in rows if row.nature == avis.value]
        for part in slices(asked):
            known.update(session.scalars(_unfinished(avis, part)))
    return {
        row.id
        for row in rows
        if row.id_lot in lots.get(Avis(row.nature), ()) and not _is_late(Avis(row.nature), row.cree_le, now)
    }


def _is_late(avis: Avis, since: datetime, now: datetime) -> bool:
    return avis is Avis.AVAILABLE and now - since >= LONGEST


def _unfinished(avis: Avis, lots: Sequence[int]) -> Any:  # noqa: ANN401 -- a select of one column
    """Those of these lots that are not all registered; or of which something still waits for its signature."""
    page, compte = tables.LotPage, tables.LotCompte
    pages = select(page.id_lot).where(page.id_lot.in_(lots))
    if avis is Avis.VALIDATED:
        return pages
    unsigned = compte.etat.in_([EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value])
    return pages.union(
        select(compte.id_lot).where(
            compte.id_lot.in_(lots), unsigned, compte.etat_produit == NO_PRODUIT, compte.nombre > 0
        )
    )


def _postpone(db: Database, rows: Sequence[Any], now: datetime, *, is_full: bool) -> None:
    """Look at lots that take longer ever less often; what began just now is looked at again without any writing."""
    told = [
        {"ident": row.id, "due": now + min(max((now - row.cree_le) / 4, _SOONEST), _LATEST)}
        for row in rows
        if is_full or now - row.cree_le >= _YOUNG
    ]
    if told:
        with db.write() as session:
            session.connection().execute(_POSTPONE, told)


_table = cast("Table", tables.Avis.__table__)
_POSTPONE = (
    update(_table)
    .where(_table.c.id == bindparam("ident"), _table.c.etat == EtatAvis.TO_GATHER.value)
    .values({_table.c.du_le: bindparam("due", type_=UtcDateTime())})
)


def begin(db: Database, plateforme: Plateforme, now: datetime, windows: Windows = Windows()) -> None:
    """Have what ends looked for every day from now on; nothing where that was begun before.

    What is told first is what ends from now on: in the last two weeks once, and not as if the window had just opened.
    """
    rows = [
        {
            "plateforme": plateforme.value,
            "nature": avis.value,
            "depuis": min(now + TWO_WEEKS, now + window) if avis is Avis.RENEWAL else now,
            "etat": EtatAvis.TO_GATHER.value,
            "cree_le": now,
            "du_le": now,
            "essais": 0,
        }
        for avis, window in windows.of.items()
    ]
    with db.read() as session:
        known = session.scalars(
            select(_avis.nature).where(
                _avis.plateforme == plateforme.value,
                _avis.etat == EtatAvis.TO_GATHER.value,
                _avis.nature.in_([avis.value for avis in EXPIRIES]),
            )
        ).all()
    missing = [row for row in rows if row["nature"] not in known]
    if missing:
        with db.write() as session:
            session.connection().execute(_insert(session).on_conflict_do_nothing(), missing)


def _gather_one(db: Database, ident: int, now: datetime, windows: Windows) -> int:
    with db.write() as session:
        row = session.scalar(
            select(_avis)
            .where(_avis.id == ident, _avis.etat == EtatAvis.TO_GATHER.value, _avis.du_le <= now)
            .with_for_update(skip_locked=True, key_share=True)
        )
        if row is None:
            return 0
        avis = Avis(row.nature)
        if avis in EXPIRIES:
            return _gather_day(session, row, now, now + windows.of[avis])
        return _gather_lot(session, row, now)


def _gather_day(session: Session, row: tables.Avis, now: datetime, horizon: datetime) -> int:
    owed = 0
    if row.depuis is None or horizon > row.depuis:
        owed = _owe_each(session, row, row.depuis, horizon, now)
        row.depuis = horizon
    row.du_le = _next_morning(now)
    return owed


def _next_morning(now: datetime) -> datetime:
    day = now.astimezone(_PARIS).date()
    return next(
        morning for rank in range(2) if (morning := datetime.combine(day + timedelta(days=rank), _HOUR, _PARIS)) > now
    )


def _gather_lot(session: Session, row: tables.Avis, now: datetime) -> int:
    avis, lot = Avis(row.nature), cast("int", row.id_lot)
    waiting = avis is Avis.AVAILABLE and session.scalar(_unfinished(avis, [lot])) is not None
    until = now - _UNSEEN if waiting else now
    owed = _owe_each(session, row, row.depuis, until, now)
    session.execute(delete(_avis).where(_avis.id == row.id))
    if avis is Avis.VALIDATED and owed:
        owe_availability(session, row.plateforme, lot, now, None)
    elif waiting:
        owe_availability(session, row.plateforme, lot, now, until)
    return owed


def _insert(session: Session) -> Any:  # noqa: ANN401 -- each database has its own INSERT
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(_table)


_COLUMNS = [
    "plateforme", "nature", "id_demande", "id_lot", "id_structure", "destinataire", "role", "depuis", "jusqu_a", "etat",
    "cree_le", "du_le", "essais",
]  # fmt: skip


def _owe_each(session: Session, row: tables.Avis, since: datetime | None, until: datetime, now: datetime) -> int:
    """One row a destinataire (and a structure, of what ends), in one statement; of a single demande, that demande's.

    Who is the acteur of some and informed of others is written to as the acteur.
    """
    avis = Avis(row.nature)
    by_lot = avis not in EXPIRIES
    place = [_demande.id_lot == row.id_lot] if by_lot else [_demande.plateforme == row.plateforme]
    about = (*place, *fell_to(avis, since, until))
    both = union_all(
        *(
            select(_demande.id.label("numero"), _demande.id_structure.label("structure"), address.label("address"))
            .add_columns(literal(is_acteur, Integer).label("is_acteur"))
            .outerjoin(_certificat, _certificat.id_demande == _demande.id)
            .where(address.is_not(None), *about)
            for address, is_acteur in ((_demande.email_acteur, 1), (_demande.email_informe, 0))
        )
    ).subquery()
    alone = func.count(both.c.numero.distinct()) == 1
    structure = null() if by_lot else both.c.structure
    role = case((func.max(both.c.is_acteur) == 1, RoleAvis.ACTEUR.value), else_=RoleAvis.INFORME.value)
    moment = UtcDateTime()
    values = (
        literal(row.plateforme), literal(row.nature),
        case((alone, func.min(both.c.numero))), literal(row.id_lot, BigInteger), structure,
        func.min(both.c.address), role, literal(since, moment), literal(until, moment),
        literal(EtatAvis.TO_SEND.value, String), literal(now, moment), literal(now, moment), literal(0, Integer),
    )  # fmt: skip
    key = func.lower(both.c.address)
    rows = select(*values).where(both.c.address.is_not(None)).group_by(*((key,) if by_lot else (key, both.c.structure)))
    insert = _insert(session).from_select(_COLUMNS, rows).on_conflict_do_nothing()
    # Of an INSERT the library counts rows only where it is told to.
    done = session.connection().execute(insert, execution_options={"preserve_rowcount": True})
    return max(0, done.rowcount)
