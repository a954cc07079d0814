"""Tokens that serve once: of public forms, of those who end sessions from elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session

from storage import tables
from storage.bulk import insert_if_new

_row = tables.JetonServi
_table = cast("Table", _row.__table__)


def spend(session: Session, jeton: str, fin_le: datetime) -> bool:
    """Let a token serve, once: False when it has. ``fin_le`` is when it would not be accepted any more."""
    return insert_if_new(session, _row, {"id": jeton, "fin_le": fin_le})


def any_over(session: Session, now: datetime) -> bool:
    """Whether ``forget_over`` would find anything."""
    return session.scalar(select(_row.fin_le).where(_row.fin_le <= now).limit(1)) is not None


def forget_over(session: Session, now: datetime) -> None:
    """Remove those that would not be accepted any more."""
    session.connection().execute(delete(_table).where(_table.c.fin_le <= now))
