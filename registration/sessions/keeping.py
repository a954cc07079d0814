"""Sessions of the portal as rows: bound to what they were opened with, short, and over once they are ended.

The token is in the browser alone: whoever reads the table, or a backup of it, cannot take a session over.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from registration.life.jetons import forget_over, spend
from registration.sessions.values import Compte, Durees, FinDeSession, Ouverture, Porte, SessionOuverte
from registration.values import Sujet
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from storage.moments import Prepared

LONGEST = 4 * 1024
"""Bytes of what screens keep in a session: a secret for forms, a choice; what was typed is a brouillon."""
_MOST = 40
_FORGOTTEN_AT_ONCE = 200
_TOKEN_BYTES = 32
_SERVED_ID = 32

_row = tables.SessionPortail
_READ = Prepared(
    select(
        _row.porte, _row.acteur, _row.certificat, _row.sujet, _row.jeton, _row.donnees, _row.vue_le, _row.expire_le
    ).where(_row.cle == bindparam("cle"), _row.plateforme == bindparam("plateforme"))
)


def open_session(db: Database, plateforme: Plateforme, opening: Ouverture, durees: Durees, now: datetime) -> str:
    """Begin one and give its token, which nothing but the browser keeps.

    The acteur's oldest go when he has too many, and all that are over. ValueError for more than ``LONGEST`` bytes.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    compte = opening.compte
    row = tables.SessionPortail(
        cle=_key(token),
        plateforme=plateforme.value,
        porte=opening.porte.value,
        acteur=opening.acteur,
        certificat=opening.certificat,
        donnees=_encode(opening.donnees),
        ouverte_le=now,
        vue_le=now,
        expire_le=now + min(durees.inactivite, durees.au_plus),
        fin_le=now + durees.au_plus,
    )
    if compte is not None:
        row.sujet, row.jeton = msgspec.json.encode(compte.sujet), compte.jeton.encode()
        row.compte = _digest(compte.sujet.emetteur, compte.sujet.sub)
        row.sid = None if compte.sid is None else _digest(compte.sujet.emetteur, compte.sid)
    with db.write() as session:
        _forget(session, plateforme, opening.acteur, now)
        session.add(row)
    return token


def read_session(
    db: Database, plateforme: Plateforme, token: str, porte: Porte, certificat: str | None, now: datetime
) -> SessionOuverte | None:
    """The session of this token; None when it is over, or was opened at another door or with another certificate."""
    with db.view() as moment:
        rows = moment.rows(_READ, cle=_key(token), plateforme=plateforme.value)
    if not rows:
        return None
    (row,) = rows
    if row.expire_le <= now or row.porte != porte.value or row.certificat != certificat:
        return None
    return SessionOuverte(
        acteur=row.acteur,
        donnees=msgspec.json.decode(row.donnees, type=dict[str, Any]),
        vue_le=row.vue_le,
        compte=None if row.sujet is None else _account(row.sujet, row.jeton),
    )


def keep_session(db: Database, token: str, donnees: Mapping[str, Any] | None, durees: Durees, now: datetime) -> bool:
    """Note that it was seen, and keep these ``donnees`` unless they are None; False when it has ended meanwhile.

    Nothing brings a session back that somebody has ended. ValueError for more than ``LONGEST`` bytes.
    """
    values: dict[str, Any] = {"vue_le": now}
    if donnees is not None:
        values["donnees"] = _encode(donnees)
    with db.write() as session:
        found = select(_row.expire_le, _row.fin_le).where(_row.cle == _key(token)).with_for_update(key_share=True)
        row = session.execute(found).one_or_none()
        if row is None or row.expire_le <= now:
            return False
        expire_le = min(now + durees.inactivite, row.fin_le)
        session.execute(update(_row).where(_row.cle == _key(token)).values(expire_le=expire_le, **values))
    return True


def end_session(db: Database, token: str) -> None:
    """It opens nothing any more, whoever has its token."""
    with db.write() as session:
        session.execute(delete(_row).where(_row.cle == _key(token)))


def end_by_issuer(db: Database, plateforme: Plateforme, fin: FinDeSession, now: datetime) -> int | None:
    """How many sessions of that session or account of Pro Santé Connect it has ended; None for a token that has served.

    The session where one is named, else all of the account (OpenID Connect Back-Channel Logout 1.0 §2.7). ValueError
    when it names neither.
    """
    if fin.sid is None and fin.sub is None:
        raise ValueError("neither a session nor an account")
    meant = [_row.plateforme == plateforme.value]
    if fin.sid is not None:
        meant.append(_row.sid == _digest(fin.emetteur, fin.sid))
    if fin.sub is not None:
        meant.append(_row.compte == _digest(fin.emetteur, fin.sub))
    jeton = _digest("logout_token", fin.emetteur, fin.jti)[:_SERVED_ID]
    with db.write() as session:
        forget_over(session, now)
        if not spend(session, jeton, fin.fin_le):
            return None
        ended = list(session.scalars(select(_row.cle).where(*meant)))
        session.execute(delete(_row).where(_row.cle.in_(ended)))
    return len(ended)


def anything_to_forget(db: Database, now: datetime) -> bool:
    """Whether ``forget`` would find anything."""
    with db.read() as session:
        return session.scalar(select(_row.cle).where(_row.expire_le <= now).limit(1)) is not None


def forget(db: Database, now: datetime) -> None:
    """Remove the sessions that are over: nobody's claims and tokens stay longer than they serve."""
    with db.write() as session:
        session.execute(delete(_row).where(_row.expire_le <= now))


def _forget(session: Session, plateforme: Plateforme, acteur: str, now: datetime) -> None:
    mine = select(_row.cle).where(_row.plateforme == plateforme.value, _row.acteur == acteur)
    too_many = mine.order_by(_row.vue_le.desc()).offset(_MOST - 1)
    over = select(_row.cle).where(_row.expire_le <= now).order_by(_row.expire_le).limit(_FORGOTTEN_AT_ONCE)
    gone = {*session.scalars(too_many), *session.scalars(over)}
    if gone:
        session.execute(delete(_row).where(_row.cle.in_(gone)))


def _account(sujet: bytes, jeton: bytes | None) -> Compte:
    return Compte(sujet=msgspec.json.decode(sujet, type=Sujet), jeton=(jeton or b"").decode())


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _digest(*words: str) -> str:
    """Of words whose borders count."""
    return hashlib.sha256(msgspec.json.encode(words)).hexdigest()


def _encode(donnees: Mapping[str, Any]) -> bytes:
    encoded = msgspec.json.encode(donnees)
    if len(encoded) > LONGEST:
        raise ValueError(f"a session of {len(encoded)} bytes")
    return encoded
