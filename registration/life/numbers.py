"""Numbers that the world sees and that are used once: of demandes, of lots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from registration.errors import Code, IgcError
from storage.database import Database, NoNumberLeftError

DEMANDE, LOT = "demande", "lot"


@contextmanager
def numbered(db: Database, *, demandes: int = 0, lots: int = 0) -> Iterator[tuple[Session, int, int]]:
    """A transaction of a canal, the first of so many numeros of demandes, and the first of so many indexes of lots.

    ERR_WS_050 when no more may be handed out for the moment (``storage.tables.Compteur``). Nobody has seen a number
    whose transaction failed; whether it comes again is the database's affair.
    """
    try:
        with db.write_numbered({DEMANDE: demandes, LOT: lots}) as (session, first):
            yield session, first.get(DEMANDE, 0), first.get(LOT, 0)
    except NoNumberLeftError:
        raise IgcError(Code.BUSY) from None
