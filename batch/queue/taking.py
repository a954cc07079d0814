"""What one job was given, and from when on it stands in this worker's name.

A claim of its own would be one more transaction a job, and for a single demande a third of all that it costs. So the
tasks are only read at first, and claimed in the transaction that writes the first rows of their work: serials and
bytes, or the demandes of a page. Nothing leaves the process before. But a claim is what counts a try, and what kills
its worker before that transaction would never be counted: so whatever failed before, or was sent more than once, is
claimed before any work.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from batch.context import WorkerContext
from batch.queue import leases
from registration.life import outbox
from registration.life.outbox import Task

Pairs = Sequence[tuple[int, int]]


class Taking:
    """The tasks of one job, as (id, attempt as sent); those that another run has claimed since are left out.

    Whoever calls ``claim_in`` sets ``is_claimed`` once its transaction is committed.
    """

    def __init__(self, context: WorkerContext, sent: Pairs) -> None:
        """Nothing is read yet."""
        self._context = context
        self.sent = list(sent)
        self.is_claimed = False
        self.tasks: list[Task] = []

    def begin(self) -> None:
        """Read the tasks; claim them at once when one of them was sent before, with or without a claim."""
        with self._context.db.read() as session:
            found = outbox.as_sent(session, self.sent)
        self.tasks = [task for task, _ in found]
        if any(sends > 1 or task.attempt > 0 for task, sends in found):
            self.claim()

    @property
    def outbox_ids(self) -> list[int]:
        """The rows of these tasks."""
        return [task.id for task in self.tasks]

    def claim(self) -> None:
        """Have what is not claimed yet stand in the name of this worker, in a transaction of its own."""
        if not self.is_claimed:
            context = self._context
            self.tasks = leases.claim(context.db, self.sent, context.worker, context.policy, context.clock())
            self.is_claimed = True

    def claim_in(self, session: Session) -> Collection[int]:
        """The demandes of these tasks that are this run's, claimed with the transaction of ``session`` at the latest.

        Called first in it: rows of the outbox are locked before demandes (docs/lots.md).
        """
        if not self.is_claimed:
            context = self._context
            self.tasks = leases.claim_in(session, self.sent, context.worker, context.policy, context.clock())
        return {numero for task in self.tasks for numero in task.numeros}
