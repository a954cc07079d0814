"""What the batch owes, written in the transaction that owes it. How it is done is the batch's affair."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from registration.policy import LotPolicy
from registration.slicing import slices
from storage import tables
from storage.bulk import insert_rows


class Nature(StrEnum):
    """Kinds of owed work: turn a page of a lot into demandes; sign some demandes."""

    REGISTER_PAGE = "REGISTER_PAGE"
    ISSUE = "ISSUE"


def owe_page(session: Session, id_lot: int, page: int, *, rang: int, now: datetime) -> None:
    """Owe the registration of one page of a lot; pages follow each other, so that the first item wins a key."""
    insert_rows(session, tables.Outbox, [_row(Nature.REGISTER_PAGE, {"page": page}, id_lot, rang, now)])


def owe_issuance(
    session: Session,
    numeros: Sequence[int],
    *,
    id_lot: int | None,
    first_position: int | None,
    now: datetime,
    policy: LotPolicy,
) -> None:
    """Owe the certificates of ``numeros``, one row a chunk.

    The rang of a chunk is its place in its lot, 0 for single demandes and small lots: so the first chunks of a new
    lot pass before the later ones of a large lot.
    """
    first = 0 if first_position is None else (first_position - 1) // policy.chunk_size
    rows = [
        _row(Nature.ISSUE, {"numeros": chunk}, id_lot, first + rank, now)
        for rank, chunk in enumerate(slices(numeros, policy.chunk_size))
    ]
    insert_rows(session, tables.Outbox, rows)


def _row(nature: Nature, payload: dict[str, Any], id_lot: int | None, rang: int, now: datetime) -> dict[str, Any]:
    return {
        "nature": nature.value,
        "id_lot": id_lot,
        "payload": payload,
        "rang": rang,
        "created_at": now,
        "lease_until": None,
        "worker": None,
        "attempts": 0,
    }
