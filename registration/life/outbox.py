"""What the batch owes: the rows of the outbox from the transaction that owes them to the one that settles them.

Nothing else touches the table. How the work is done, and what happens after too many tries, is the batch's affair.
``worker`` says who holds a row: the queue, a worker, or nobody. An attempt is counted when a worker claims a row, so
that a queue without workers costs no tries; its number fences, so that a job sent twice is claimed once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import msgspec
import structlog
from sqlalchemy import Row, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from registration.policy import LotPolicy
from registration.rules.cutting import chunk_sizes
from storage import tables
from storage.bulk import insert_rows, slices
from storage.changes import announce

log = structlog.get_logger()

# No worker can have this name: it is how a row says that it was sent and that nobody claimed it yet.
QUEUE = "(queue)"
# No honest lease ends later than this after its length: the clock was set back since.
_CLOCK_MARGIN = timedelta(minutes=5)


# Conditions over :now and :latest, the last end that an honest lease can have; made once, because they are asked often.
_NOW, _LATEST = (
    bindparam("now", type_=tables.Outbox.lease_until.type),
    bindparam("latest", type_=tables.Outbox.lease_until.type),
)
_READY = or_(tables.Outbox.lease_until.is_(None), tables.Outbox.lease_until < _NOW, tables.Outbox.lease_until > _LATEST)
_HELD = and_(tables.Outbox.worker.is_not(None), tables.Outbox.lease_until.between(_NOW, _LATEST))
_LOOK = select(
    select(func.count()).select_from(tables.Outbox).where(_HELD).scalar_subquery().label("held"),
    select(tables.Outbox.id).where(_READY).exists().label("ready"),
    select(tables.Outbox.id).exists().label("owed"),
)


_SETTLE = delete(cast("Table", tables.Outbox.__table__)).where(tables.Outbox.id.in_(bindparam("held", expanding=True)))
_AS_SENT = (
    select(*tables.Outbox.__table__.columns)
    .where(tables.Outbox.id.in_(bindparam("among", expanding=True)))
    .order_by(tables.Outbox.id)
)
_LOCK_SENT = _AS_SENT.with_for_update(key_share=True)
_HOLD = (
    update(cast("Table", tables.Outbox.__table__))
    .where(tables.Outbox.id.in_(bindparam("held", expanding=True)))
    .values(
        worker=bindparam("holder"), lease_until=bindparam("until"), envois=tables.Outbox.envois + bindparam("sends")
    )
)
_CLAIM = (
    update(cast("Table", tables.Outbox.__table__))
    .where(tables.Outbox.id.in_(bindparam("held", expanding=True)))
    .values(
        worker=bindparam("holder"),
        lease_until=bindparam("until"),
        attempts=tables.Outbox.attempts + 1,
        envois=0,
    )
)


class Nature(StrEnum):
    """Kinds of owed work: turn a page of a lot into demandes; sign some demandes."""

    REGISTER_PAGE = "REGISTER_PAGE"
    ISSUE = "ISSUE"


class PageWork(msgspec.Struct, frozen=True, kw_only=True):
    """Register one page of a lot."""

    id_lot: int
    page: int


class IssueWork(msgspec.Struct, frozen=True, kw_only=True):
    """Sign these demandes."""

    numeros: tuple[int, ...]


_WORK: dict[Nature, type[PageWork | IssueWork]] = {Nature.REGISTER_PAGE: PageWork, Nature.ISSUE: IssueWork}


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the outbox; ``attempt`` is how many workers have claimed it so far."""

    id: int
    attempt: int
    rang: int
    id_lot: int | None
    work: PageWork | IssueWork

    @property
    def numeros(self) -> tuple[int, ...]:
        """The demandes to sign, none when the work is another one."""
        return self.work.numeros if isinstance(self.work, IssueWork) else ()


def owe_page(session: Session, id_lot: int, page: int, *, rang: int, now: datetime) -> None:
    """Owe the registration of one page of a lot; pages follow each other, so that the first item wins a key."""
    _owe(session, [_row(PageWork(id_lot=id_lot, page=page), id_lot, rang, now)])


def owe_issuance(
    session: Session,
    numeros: Sequence[int],
    *,
    id_lot: int | None,
    first_position: int | None,
    after: int,
    now: datetime,
    policy: LotPolicy,
) -> None:
    """Owe the certificates of ``numeros``, one row a chunk; ``after`` more items of the lot are still to come.

    The rang of a chunk is its place in its lot, 0 for single demandes and small lots: so the first chunks of a new
    lot pass before the later ones of a large lot.
    """
    position = 0 if first_position is None else first_position - 1
    rows: list[dict[str, Any]] = []
    start = 0
    for size in chunk_sizes(len(numeros), after, policy):
        chunk = tuple(numeros[start : start + size])
        rows.append(_row(IssueWork(numeros=chunk), id_lot, (position + start) // policy.chunk_size, now))
        start += size
    _owe(session, rows)


def take_apart(session: Session, task: Task, now: datetime) -> None:
    """Owe each half of a task's demandes by itself, as a second try, and the task no more.

    Halved again and again, one bad demande ends up alone and sinks no other.
    """
    middle = (len(task.numeros) + 1) // 2
    halves = [half for half in (task.numeros[:middle], task.numeros[middle:]) if half]
    rows = [_row(IssueWork(numeros=half), task.id_lot, task.rang, now, attempts=1) for half in halves]
    settle(session, [task.id])
    _owe(session, rows)


def settle(session: Session, ids: Collection[int]) -> None:
    """The work is done, or given up: in the transaction that says so, before its other locks (docs/lots.md)."""
    if ids:
        session.connection().execute(_SETTLE, {"held": list(ids)})
        announce(session)


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in the outbox: how many rows the queue and the workers hold, whether any is ready, or there at all.

    Those that rest after a failure are held by nobody, and not ready.
    """

    held: int
    is_any_ready: bool
    is_any_owed: bool


def look(session: Session, lease: timedelta, now: datetime) -> Look:
    """One statement, because it is asked all the time."""
    row = session.execute(_LOOK, _moments(lease, now)).one()
    return Look(row.held, bool(row.ready), bool(row.owed))


def held_among(session: Session, ids: Collection[int]) -> set[int]:
    """Those of these rows that are there and that somebody holds."""
    outbox = tables.Outbox
    return set(session.scalars(select(outbox.id).where(outbox.id.in_(ids), outbox.worker.is_not(None))))


def is_anything_owed(session: Session) -> bool:
    """Whether any work stands in the outbox, ready or not."""
    return session.scalar(select(tables.Outbox.id).limit(1)) is not None


def lock_ready(session: Session, lease: timedelta, now: datetime, limit: int) -> list[Task]:
    """Rows that nobody holds, fairest first, locked for this transaction; not those that another relay looks at.

    A row that cannot be read (of a later version, or damaged) is said aloud, rests, and stops no other.
    """
    outbox = tables.Outbox
    rows = session.scalars(
        select(outbox)
        .where(_READY)
        .order_by(outbox.rang, outbox.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True),
        _moments(lease, now),
    ).all()
    tasks: list[Task] = []
    for row in rows:
        try:
            tasks.append(_as_task(row))
        except ValueError:
            log.exception("outbox row cannot be read", id=row.id, nature=row.nature)
            row.lease_until, row.worker = now + lease, None
    return tasks


def hold(session: Session, ids: Collection[int], holder: str | None, until: datetime) -> None:
    """Give locked rows to ``holder`` until that moment; to nobody, they rest until then."""
    if ids:
        told = {"held": list(ids), "holder": holder, "until": until, "sends": int(holder == QUEUE)}
        session.connection().execute(_HOLD, told)


def as_sent(session: Session, sent: Iterable[tuple[int, int]]) -> list[tuple[Task, int]]:
    """The tasks of (id, attempt as sent) that nobody claimed since, and how often each was sent as that attempt."""
    attempts = dict(sent)
    rows = session.connection().execute(_AS_SENT, {"among": list(attempts)}).all()
    return [(_as_task(row), row.envois) for row in rows if row.attempts == attempts[row.id]]


def claim(session: Session, sent: Iterable[tuple[int, int]], worker: str, until: datetime) -> list[Task]:
    """The tasks of (id, attempt as sent) that nobody claimed since, now in the name of ``worker`` as its attempt."""
    connection, attempts = session.connection(), dict(sent)
    rows = connection.execute(_LOCK_SENT, {"among": list(attempts)}).all()
    mine = [row for row in rows if row.attempts == attempts[row.id]]
    if mine:
        connection.execute(_CLAIM, {"held": [row.id for row in mine], "holder": worker, "until": until})
    return [replace(_as_task(row), attempt=row.attempts + 1) for row in mine]


def release(session: Session, sent: Iterable[tuple[int, int]], retry_at: datetime) -> None:
    """Give (id, attempt) back, to be sent again from ``retry_at`` on; what another attempt took over stays."""
    for task_id, attempt in sent:
        session.execute(
            update(tables.Outbox)
            .where(tables.Outbox.id == task_id, tables.Outbox.attempts == attempt)
            .values(lease_until=retry_at, worker=None)
        )


def release_held_by(session: Session, holder: str, retry_at: datetime | None = None, *, uncounted: int = 0) -> int:
    """What ``holder`` held is ready, at once or from ``retry_at`` on; gives the number of tasks.

    ``uncounted`` tries are given back with it.
    """
    outbox = tables.Outbox
    ids = session.scalars(
        select(outbox.id).where(outbox.worker == holder).order_by(outbox.id).with_for_update(key_share=True)
    ).all()
    for part in slices(ids):
        session.execute(
            update(outbox)
            .where(outbox.id.in_(part))
            .values(lease_until=retry_at, worker=None, attempts=outbox.attempts - uncounted)
            .execution_options(synchronize_session=False)
        )
    if ids:
        announce(session)
    return len(ids)


def _moments(lease: timedelta, now: datetime) -> dict[str, datetime]:
    return {"now": now, "latest": now + lease + _CLOCK_MARGIN}


def _owe(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    insert_rows(session, tables.Outbox, rows)
    announce(session)


def _row(
    work: PageWork | IssueWork, id_lot: int | None, rang: int, now: datetime, *, attempts: int = 0
) -> dict[str, Any]:
    nature = Nature.REGISTER_PAGE if isinstance(work, PageWork) else Nature.ISSUE
    return {
        "nature": nature.value,
        "id_lot": id_lot,
        "payload": msgspec.to_builtins(work),
        "rang": rang,
        "created_at": now,
        "lease_until": None,
        "worker": None,
        "attempts": attempts,
        "envois": 0,
    }


def _as_task(row: tables.Outbox | Row[Any]) -> Task:
    work = msgspec.convert(row.payload, _WORK[Nature(row.nature)])
    return Task(id=row.id, attempt=row.attempts, rang=row.rang, id_lot=row.id_lot, work=work)
