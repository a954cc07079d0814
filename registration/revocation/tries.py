"""Tries of revocation codes without login as rows: taken, given back, told to the audit trail, forgotten.

Several processes count together, and a restart forgets nothing. Rows are named by digests: nobody reads from them who
asked for which certificate. What is decided stands in ``rules.code_tries``.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from registration.life.jetons import any_over, forget_over
from registration.rules.code_tries import Count, Counts, TryPolicy, give_back, is_flooded, judge_try
from registration.vocabulary import Acte, Plateforme
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from storage.trail import note

_row = tables.EssaiCode
_table = cast("Table", _row.__table__)
_AT_ONCE = 500
_NATURES = {
    "address": "adresse", "certificate": "certificat", "pair": "essai", "overall": "ensemble", "place": "place",
    "told": "refus",
}  # fmt: skip
_WRITE = (
    update(_table)
    .where(_row.cle == bindparam("cle_"))
    .values(nombre=bindparam("nombre_"), debut_le=bindparam("debut_"), fin_le=bindparam("fin_"))
)


class Keys:
    """Under which names a try of this address for this certificate, as it was typed, is counted."""

    def __init__(self, plateforme: Plateforme, adresse: str, certificat: str) -> None:
        """``adresse`` is the canal's own name of an address; it is digested once more."""
        scopes = {
            "address": adresse, "certificate": certificat, "pair": f"{adresse}\n{certificat}", "overall": "",
            "place": adresse, "told": "",
        }  # fmt: skip
        self._names = {kind: f"{_NATURES[kind]} {_digest(plateforme, scope)}" for kind, scope in scopes.items()}
        self._natures = {name: _NATURES[kind] for kind, name in self._names.items()}

    def hold(self, session: Session, now: datetime) -> Counts:
        """The counts, which nobody else changes before the end of the transaction; new ones begin at nothing."""
        names = sorted(self._names.values())  # everybody in one order
        empty = {"nombre": 0, "debut_le": now, "fin_le": now}
        rows = [{"cle": name, "nature": self._natures[name], **empty} for name in names]
        query = select(_row.cle, _row.nombre, _row.debut_le, _row.fin_le).where(_row.cle.in_(names))
        held: dict[str, Count] = {}
        while len(held) < len(names):  # what is over may be forgotten between the two statements
            insert_rows(session, _row, rows, ignore_conflicts=True)
            found = session.execute(query.order_by(_row.cle).with_for_update(key_share=True))
            held = {row.cle: Count(row.nombre, row.debut_le, row.fin_le) for row in found}
        return Counts(**{kind: held[name] for kind, name in self._names.items()})

    def write(self, session: Session, counts: Counts) -> None:
        """What the counts are now."""
        values = [
            {"cle_": self._names[one.name], "nombre_": count.nombre, "debut_": count.debut_le, "fin_": count.fin_le}
            for one in fields(counts)
            for count in (getattr(counts, one.name),)
        ]
        session.connection().execute(_WRITE, values)


def take(session: Session, keys: Keys, now: datetime, policy: TryPolicy) -> datetime | None:
    """Count a try as failed and let it be made: None. Or when to come again; either way the caller has to commit.

    The same statements whatever was typed.
    """
    counts = keys.hold(session, now)
    kept = _kept_places(session, now) if is_flooded(counts.overall, now, policy) else 0
    judgement = judge_try(counts, kept, now, policy)
    keys.write(session, judgement.counts)
    return judgement.later


def return_try(session: Session, keys: Keys, now: datetime) -> None:
    """What was taken was right."""
    keys.write(session, give_back(keys.hold(session, now)))


def anything_to_forget(db: Database, now: datetime) -> bool:
    """Whether ``forget`` would find anything."""
    with db.read() as session:
        is_over = session.scalar(select(_row.fin_le).where(_row.fin_le <= now).limit(1)) is not None
        return is_over or any_over(session, now)


def forget(db: Database, now: datetime) -> None:
    """Remove what says nothing any more; how many tries were refused meanwhile gets one line of the audit trail."""
    with db.write() as session:
        forget_over(session, now)
    while _forget_some(db, now):
        pass


def _forget_some(db: Database, now: datetime) -> bool:
    """Whether there was anything."""
    with db.write() as session:
        query = select(_row.cle, _row.nature, _row.nombre, _row.debut_le).where(_row.fin_le <= now)
        over = session.execute(query.order_by(_row.cle).limit(_AT_ONCE).with_for_update(key_share=True)).all()
        session.connection().execute(delete(_table).where(_table.c.cle.in_([row.cle for row in over])))
        for row in over:
            if row.nature == _NATURES["told"] and row.nombre:
                told = {"nombre": row.nombre, "depuis": row.debut_le.isoformat(timespec="seconds")}
                note(session, Acte.CODES_REFUSED.value, now, told, essential=False)
    return bool(over)


def _kept_places(session: Session, now: datetime) -> int:
    kept = select(func.count()).where(_row.nature == _NATURES["place"], _row.fin_le > now, _row.nombre > 0)
    return session.scalar(kept) or 0


def _digest(plateforme: Plateforme, scope: str) -> str:
    return hashlib.sha256(f"{plateforme.value}\n{scope}".encode()).hexdigest()[:40]
