"""Gather what a lot owes, or what ends soon, into one row a destinataire (ours, guide-coverage B9.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, String, Table, case, delete, exists, func, literal, null, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registration.notices.owing import LONGEST, owe_availability
from registration.notices.scope import EXPIRIES, fell_to
from registration.vocabulary import Avis, EtatAvis, EtatDemande, Plateforme, RoleAvis
from storage import tables
from storage.counts import NO_PRODUIT
from storage.database import Database
from storage.types import UtcDateTime

TWO_WEEKS = timedelta(days=14)
_PARIS = ZoneInfo("Europe/Paris")
_HOUR = time(7)
_AT_ONCE = 50
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
        due = session.scalars(
            select(_avis.id)
            .where(_avis.plateforme == plateforme.value, _avis.etat == EtatAvis.TO_GATHER.value, _avis.du_le <= now)
            .order_by(_avis.du_le)
            .limit(_AT_ONCE)
        ).all()
    return sum(_gather_one(db, ident, now, windows) for ident in due)


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
            .with_for_update(skip_locked=True)
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
    waiting = any(_waiting(session, avis, lot))
    late = now - row.cree_le >= LONGEST
    if waiting and not (avis is Avis.AVAILABLE and late):
        # Asked often at first, and ever less often.
        row.du_le = now + min(max((now - row.cree_le) / 4, _SOONEST), _LATEST)
        return 0
    until = now - _UNSEEN if waiting else now
    owed = _owe_each(session, row, row.depuis, until, now)
    session.execute(delete(_avis).where(_avis.id == row.id))
    if avis is Avis.VALIDATED and owed:
        owe_availability(session, row.plateforme, lot, now, None)
    elif waiting:
        owe_availability(session, row.plateforme, lot, now, until)
    return owed


def _waiting(session: Session, avis: Avis, lot: int) -> Iterator[bool]:
    """Whether more of this step is still to come for the lot."""
    page, compte = tables.LotPage, tables.LotCompte
    if avis in {Avis.VALIDATED, Avis.AVAILABLE}:
        yield bool(session.scalar(select(exists().where(page.id_lot == lot))))
    if avis is Avis.AVAILABLE:
        unsigned = compte.etat.in_([EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value])
        yield bool(
            session.scalar(
                select(
                    exists().where(compte.id_lot == lot, unsigned, compte.etat_produit == NO_PRODUIT, compte.nombre > 0)
                )
            )
        )


def _insert(session: Session) -> Any:  # noqa: ANN401 -- each database has its own INSERT
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(cast("Table", _avis.__table__))


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
        case((alone, func.min(both.c.numero))), literal(row.id_lot, Integer), structure,
        func.min(both.c.address), role, literal(since, moment), literal(until, moment),
        literal(EtatAvis.TO_SEND.value, String), literal(now, moment), literal(now, moment), literal(0, Integer),
    )  # fmt: skip
    key = func.lower(both.c.address)
    rows = select(*values).where(both.c.address.is_not(None)).group_by(*((key,) if by_lot else (key, both.c.structure)))
    insert = _insert(session).from_select(_COLUMNS, rows).on_conflict_do_nothing()
    # Of an INSERT the library counts rows only where it is told to.
    done = session.connection().execute(insert, execution_options={"preserve_rowcount": True})
    return max(0, done.rowcount)
