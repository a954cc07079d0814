"""pkilint over the certificates, in processes of its own: it is the one slow check, some 130 a second and core."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from sqlalchemy import select

from audit.context import Audit
from audit.findings import Topic
from audit.pages import count, issued_since, name_of, pages
from pki.full_lint import find_all_breaches
from storage import tables

_SLICE = 25
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
    chosen = iter(ranks)
    rank, following = -1, next(chosen, None)
    drawn: list[_Named] = []
    for row in _rows(audit):
        rank += 1
        if wanted != total and rank != following:
            continue
        following = next(chosen, None)
        drawn.append((name_of(row), bytes(row.der)))
        if len(drawn) == _SLICE:
            yield drawn
            drawn = []
    if drawn:
        yield drawn


def _rows(audit: Audit) -> Iterator[Any]:
    query = select(
        _certificat.id, _certificat.autorite, _certificat.serial, _certificat.id_demande, _certificat.der
    ).where(_certificat.der.is_not(None), *issued_since(audit.scope.since))
    for rows, _ in pages(audit.db, query, _certificat.id, lambda _session, _rows: None):
        yield from rows


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
