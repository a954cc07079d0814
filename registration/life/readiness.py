"""Whether this plateforme can do what is asked of it at this moment, in one short look; nothing is judged but that."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from registration.life import signs
from storage import tables
from storage.database import Database
from storage.refusals import DatabaseRefusedError


class Part(StrEnum):
    """What may not serve, by the word that a load balancer is told."""

    DATABASE = "base"
    STOPPED = "arret"
    LISTS = "crl"
    QUEUE = "file"


def not_ready(db: Database, parts: Collection[Part], authorities: Collection[str], now: datetime) -> Part | None:
    """The first of these parts that does not serve, None when all do; the database is always one of them.

    LISTS serve when each of the authorities has a CRL in force: without it no client certificate of its own is taken.
    QUEUE serves when the relay has just said so, which has access to it.
    """
    crl = tables.Crl
    try:
        db.check()
        with db.read() as session:
            if Part.STOPPED in parts and session.scalar(select(tables.Arret.id)) is not None:
                return Part.STOPPED
            if Part.LISTS in parts:
                there = session.scalars(select(crl.autorite).where(crl.next_update > now, crl.this_update <= now))
                if not set(authorities).issubset(there.all()):
                    return Part.LISTS
            if Part.QUEUE in parts and not signs.serves(session, now):
                return Part.QUEUE
    except (SQLAlchemyError, DatabaseRefusedError):
        return Part.DATABASE
    return None
