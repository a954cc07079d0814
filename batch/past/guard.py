"""The stop of a plateforme that finds itself in the past, and who asks for it.

Whoever signs compares by himself, before each job; the others (canals, OCSP) go by the row that he then leaves.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from batch.past.errors import PastError
from batch.past.evidence import Evidence, find_past
from batch.past.marks import is_due, raise_ceilings
from runtime.clock import Clock
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database

log = structlog.get_logger()

WHAT_TO_DO = "plus rien n'est émis, publié ni déposé : igc restore (docs/exploitation.md, « La base a été restaurée »)"
_TOLD_SECONDS = 60.0
_ID = 1


def reason_of(found: Sequence[str]) -> str:
    """What contradicts the database, in one line."""
    return " ; ".join(found)


def sentence_of(reason: str) -> str:
    """One French line for the operator."""
    return f"la base de données n'est pas celle d'avant : {reason}"


def stopped(db: Database) -> str | None:
    """Why the plateforme has stopped; None when it has not."""
    with db.read() as session:
        return session.scalar(select(tables.Arret.raison))


def lift(session: Session) -> None:
    """The plateforme may go on, once this transaction is committed: ``restoring`` alone says so."""
    session.execute(delete(tables.Arret))


@dataclass
class Guard:
    """Compares the database with the evidence of this machine, and stops the plateforme when they contradict."""

    db: Database
    evidence: Evidence
    clock: Clock
    _told: float = field(default=-_TOLD_SECONDS, repr=False)

    def check(self) -> None:
        """As ``require``, before some work; also lets numbers go on when they come near their ceiling."""
        marks = self.evidence.marks
        with self.db.view():
            is_present = stopped(self.db) is None and not find_past(self.db, self.evidence)
            is_low = is_present and marks is not None and is_due(self.db, marks)
        if not is_present:
            self.require()
        if is_low and marks is not None:
            raise_ceilings(self.db, marks)

    def require(self) -> None:
        """PastError when nothing may be issued or published here, which is also noted in the database."""
        reason = self.look()
        if reason is not None:
            raise PastError(sentence_of(reason))

    def halt(self, reason: str) -> NoReturn:
        """Stop the plateforme for what was found elsewhere, and raise PastError."""
        self.stop(reason)
        self.require()
        raise PastError(sentence_of(reason))

    def stop(self, reason: str) -> None:
        """Stop the plateforme; what stopped it already stays the reason."""
        row = {"id": _ID, "constate_le": self.clock(), "raison": reason}
        with self.db.write() as session:
            insert_rows(session, tables.Arret, [row], ignore_conflicts=True)

    def look(self) -> str | None:
        """Why the plateforme must stand still, or None. What is found now stops it; the log is told once a minute."""
        reason = stopped(self.db)
        if reason is None:
            found = find_past(self.db, self.evidence)
            if not found:
                return None
            reason = reason_of(found)
            self.stop(reason)
        now = time.monotonic()
        if now - self._told >= _TOLD_SECONDS:
            self._told = now
            log.error("plateforme stopped", raison=sentence_of(reason), suite=WHAT_TO_DO)
        return reason
