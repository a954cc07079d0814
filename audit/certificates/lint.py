"""pkilint over the certificates, in processes of its own: it is the one slow check, some 130 a second and core."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

from sqlalchemy import select

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import PAGE, count, issued_since, name_of, pages, snapshot
from pki.lint.full import find_all_breaches
from storage import tables

_SLICE = 25
_IDS = 10_000
# Below it, to start processes takes longer than to do the work.
_NOT_WORTH_PROCESSES = 100
_WAITING_PER_PROCESS = 4
_certificat = tables.Certificat

_Named = tuple[str, bytes]


def check_lint(audit: Audit) -> None:
    """Read the certificates of the scope with pkilint, all of them or as many as the scope says, drawn by lot."""
    conditions = [_certificat.der.is_not(None), *issued_since(audit.scope.since)]
    total = count(audit.db, *conditions)
    wanted = total if audit.scope.sample is None else min(audit.scope.sample, total)
    audit.meter.start("pkilint", wanted)
    for names, breaches in _linted(_drawn(audit, total, wanted), wanted, audit.scope.processes):
        for name, found in zip(names, breaches, strict=True):
            if found:
                audit.report.add(Topic.LINT, name, ", ".join(found))
        audit.report.checked["certificats relus par pkilint"] += len(names)
        audit.meter.advance(len(names))


def _drawn(audit: Audit, total: int, wanted: int) -> Iterator[list[_Named]]:
    """Slices of (name, DER), in the order of the table; all when ``wanted`` is all there is."""
    ranks = range(total) if wanted == total else sorted(random.SystemRandom().sample(range(total), wanted))
    for ids in _batches(_chosen(audit, ranks)):
        query = select(_certificat.autorite, _certificat.serial, _certificat.id_demande, _certificat.der)
        with snapshot(audit.db) as session:
            rows = session.execute(query.where(_certificat.id.in_(ids)).order_by(_certificat.id)).all()
        named = [(name_of(row), bytes(row.der)) for row in rows if row.der is not None]
        yield from (named[start : start + _SLICE] for start in range(0, len(named), _SLICE))


def _chosen(audit: Audit, ranks: Sequence[int]) -> Iterator[int]:
    """The ids of the signed certificates of the scope at these ranks, which grow."""
    following = iter(ranks)
    wanted = next(following, None)
    if wanted is None:
        return
    query = select(_certificat.id).where(_certificat.der.is_not(None), *issued_since(audit.scope.since))
    rank = 0
    for rows, _ in pages(audit.db, query, _certificat.id, lambda _session, _rows: None, size=_IDS):
        while wanted is not None and wanted < rank + len(rows):
            yield rows[wanted - rank].id
            wanted = next(following, None)
        rank += len(rows)


def _batches(ids: Iterator[int]) -> Iterator[list[int]]:
    while batch := list(islice(ids, PAGE)):
        yield batch


def _linted(
    slices: Iterator[list[_Named]], wanted: int, processes: int
) -> Iterator[tuple[list[str], Sequence[tuple[str, ...]]]]:
    if processes <= 1 or wanted <= _NOT_WORTH_PROCESSES:
        for part in slices:
            yield [name for name, _ in part], lint_all([der for _, der in part])
        return
    # Never a fork: this process has threads and open connections.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[list[str], Future[list[tuple[str, ...]]]]] = deque()
        for part in slices:
            waiting.append(([name for name, _ in part], pool.submit(lint_all, [der for _, der in part])))
            if len(waiting) >= _WAITING_PER_PROCESS * processes:
                names, future = waiting.popleft()
                yield names, future.result()
        for names, future in waiting:
            yield names, future.result()


def lint_all(ders: Sequence[bytes]) -> list[tuple[str, ...]]:
    """The breaches of each certificate; runs in whatever process it is sent to."""
    return [find_all_breaches(der) for der in ders]
