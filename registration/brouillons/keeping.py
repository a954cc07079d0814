"""Forms under way as rows: what was typed survives going back, a reload, a second tab and the end of a session.

A brouillon becomes one demande at the most: whoever sends it twice, by a double click or after a lost answer, is told
the numero that it has become.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from registration.errors import Code, NotFoundError
from registration.values import Caller, Origin
from registration.views import Brouillon
from registration.vocabulary import GenreBrouillon, Plateforme
from storage import tables
from storage.database import Database

LONGEST = 256 * 1024
"""Bytes of one brouillon: a CSR, and some hundred short texts, many times over."""
KEPT = timedelta(days=3)
_MOST = 40
_FORGOTTEN_AT_ONCE = 200

_row = tables.Brouillon


def open_brouillon(
    db: Database, caller: Caller, genre: GenreBrouillon, donnees: Mapping[str, Any], now: datetime
) -> Brouillon:
    """Begin one with these ``donnees``; the oldest of his go when there are too many, and all that are over."""
    with db.write() as session:
        return open_in(session, caller, genre, donnees, now)


def open_in(
    session: Session, caller: Caller | Origin, genre: GenreBrouillon, donnees: Mapping[str, Any], now: datetime
) -> Brouillon:
    """As ``open_brouillon``, in the transaction of whoever keeps more with it."""
    opened = Brouillon(id=secrets.token_urlsafe(16), genre=genre, donnees=dict(donnees), numero=None, modifie_le=now)
    owner = _owner(caller)
    mine = select(_row.id).where(_row.plateforme == owner.plateforme.value, _row.proprietaire == owner.key)
    too_many = mine.order_by(_row.modifie_le.desc()).offset(_MOST - 1)
    over = select(_row.id).where(_row.fin_le < now).order_by(_row.fin_le).limit(_FORGOTTEN_AT_ONCE)
    gone = {*session.scalars(too_many), *session.scalars(over)}
    if gone:
        session.execute(delete(_row).where(_row.id.in_(gone)))
    session.add(
        tables.Brouillon(
            id=opened.id,
            plateforme=owner.plateforme.value,
            proprietaire=owner.key,
            genre=genre.value,
            donnees=_encode(opened.donnees),
            modifie_le=now,
            fin_le=now + KEPT,
            numero=None,
        )
    )
    session.flush()  # what is kept with it names it
    return opened


def read_brouillon(db: Database, caller: Caller | Origin, ident: str, now: datetime) -> Brouillon | None:
    """His own brouillon of this id; None for one that is over, that never was, or that is another one's."""
    with db.read() as session:
        row = session.scalar(_his(_owner(caller), ident, now))
        return None if row is None else _told(row)


def list_brouillons(
    db: Database, caller: Caller, genres: Collection[GenreBrouillon], now: datetime, limit: int
) -> tuple[Brouillon, ...]:
    """Those of his that have become nothing yet and are not over, what he typed last first."""
    owner = _owner(caller)
    with db.read() as session:
        rows = session.scalars(
            select(_row)
            .where(
                _row.plateforme == owner.plateforme.value,
                _row.proprietaire == owner.key,
                _row.genre.in_([genre.value for genre in genres]),
                _row.numero.is_(None),
                _row.fin_le >= now,
            )
            .order_by(_row.modifie_le.desc(), _row.id)
            .limit(limit)
        )
        return tuple(_told(row) for row in rows)


def keep_step(
    db: Database, caller: Caller | Origin, ident: str, etape: str, valeurs: object, now: datetime
) -> Brouillon | None:
    """Keep what was typed at one step in the place of what stood there; the other steps stay as they are.

    None as for ``read_brouillon``. One that has become a demande is told as it was sent, and changes no more.
    ValueError for more than ``LONGEST`` bytes in all.
    """
    with db.write() as session:
        row = session.scalar(_his(_owner(caller), ident, now).with_for_update(key_share=True))
        if row is None or row.numero is not None:
            return None if row is None else _told(row)
        donnees = _encode(_decode(row.donnees) | {etape: valeurs})
        if len(donnees) > LONGEST:
            raise ValueError(f"a brouillon of {len(donnees)} bytes")
        row.donnees, row.modifie_le, row.fin_le = donnees, now, now + KEPT
        return _told(row)


def drop_brouillon(db: Database, caller: Caller, ident: str) -> None:
    """Forget what was typed, if it is his and has become nothing."""
    owner = _owner(caller)
    with db.write() as session:
        session.execute(
            delete(_row).where(
                _row.id == ident,
                _row.plateforme == owner.plateforme.value,
                _row.proprietaire == owner.key,
                _row.numero.is_(None),
            )
        )


def hold(session: Session, origin: Origin, ident: str, now: datetime) -> tables.Brouillon:
    """The row, for whoever sends it: nobody else does before the transaction is over. NotFoundError without it."""
    row = session.scalar(_his(_Owner.of(origin), ident, now).with_for_update(key_share=True))
    if row is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)
    return row


class _Owner(msgspec.Struct, frozen=True):
    """Whoever acts, and in whose name: neither finds what the other one typed."""

    plateforme: Plateforme
    key: str

    @classmethod
    def of(cls, who: Caller | Origin) -> _Owner:
        acteur, administrateur = who.acteur, who.administrateur
        own = acteur.key if administrateur is None else f"{administrateur.key} pour {acteur.key}"
        return cls(acteur.plateforme, own)


def _owner(caller: Caller | Origin) -> _Owner:
    return _Owner.of(caller)


def _his(owner: _Owner, ident: str, now: datetime) -> Select[tables.Brouillon]:
    return select(_row).where(
        _row.id == ident, _row.plateforme == owner.plateforme.value, _row.proprietaire == owner.key, _row.fin_le >= now
    )


def _told(row: tables.Brouillon) -> Brouillon:
    return Brouillon(
        id=row.id,
        genre=GenreBrouillon(row.genre),
        donnees=_decode(row.donnees),
        numero=row.numero,
        modifie_le=row.modifie_le,
    )


def _encode(donnees: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(donnees)


def _decode(content: bytes) -> dict[str, Any]:
    return msgspec.json.decode(content, type=dict[str, Any])
