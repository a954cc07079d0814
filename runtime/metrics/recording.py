"""How a process counts what it does: nothing unless it was told where, and then into files of its own.

The files are those of prometheus_client's multiprocess mode: one process reads them all and answers Prometheus, so that
no process with keys listens anywhere, and one address is all that is asked, however many processes there are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from runtime.metrics import catalogue
from runtime.metrics.catalogue import Kind, Metric

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

log = structlog.get_logger()

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MOST_SERIES = 5_000
"""Of one process: beyond, what is new is not counted. Labels are bounded; this is for the case that one is not."""


class Recorder:
    """The counters of one process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415 -- after the folder is set

        registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in catalogue.BY_PROCESSES:
            if metric.kind is Kind.COUNTER:
                self._counters[metric.name] = Counter(metric.name, metric.text, metric.labels, registry=registry)
            else:
                self._histograms[metric.name] = Histogram(
                    metric.name, metric.text, metric.labels, registry=registry, buckets=metric.buckets
                )
        self._counting: dict[tuple[str, ...], Counter] = {}
        self._timing: dict[tuple[str, ...], Histogram] = {}

    def count(self, metric: Metric, labels: tuple[str, ...], number: int) -> None:
        """So many more."""
        key = (metric.name, *labels)
        child = self._counting.get(key)
        if child is None:
            if len(self._counting) >= _MOST_SERIES:
                return
            counter = self._counters[metric.name]
            child = self._counting[key] = counter.labels(*labels) if labels else counter
        child.inc(number)

    def time(self, metric: Metric, labels: tuple[str, ...], seconds: float) -> None:
        """One more that took so long."""
        key = (metric.name, *labels)
        child = self._timing.get(key)
        if child is None:
            if len(self._timing) >= _MOST_SERIES:
                return
            child = self._timing[key] = self._histograms[metric.name].labels(*labels)
        child.observe(seconds)


class _Process:
    recorder: Recorder | None = None


def begin(folder: Path) -> None:
    """Count from now on, into this folder. Where it cannot be written nothing is counted, and the log says so.

    No process stops for want of metrics.
    """
    try:
        folder.mkdir(mode=0o770, parents=True, exist_ok=True)
        os.environ[FOLDER_VARIABLE] = str(folder)
        _Process.recorder = Recorder()
    except OSError as error:
        log.warning("nothing is counted", folder=str(folder), why=error.strerror)


def is_counting() -> bool:
    """Whether anything is counted in this process."""
    return _Process.recorder is not None


def count(metric: Metric, *labels: str, number: int = 1) -> None:
    """So many more of a counter of the catalogue."""
    if _Process.recorder is not None and number:
        _Process.recorder.count(metric, labels, number)


def called(canal: str, operation: str, outcome: str, seconds: float) -> None:
    """A request was answered."""
    recorder = _Process.recorder
    if recorder is not None:
        recorder.count(catalogue.REQUESTS, (canal, operation, outcome), 1)
        recorder.time(catalogue.REQUEST_SECONDS, (canal, operation), seconds)


def worked(job: str, outcome: str, seconds: float) -> None:
    """A job of a worker was done."""
    recorder = _Process.recorder
    if recorder is not None:
        recorder.count(catalogue.JOBS, (job, outcome), 1)
        recorder.time(catalogue.JOB_SECONDS, (job,), seconds)


def forget_dead(folder: Path) -> int:
    """Remove the files of processes that are gone; gives their number. For the start of who reads them.

    Not while it runs: a sum that shrinks would look like a restart of everything.
    """
    gone = 0
    for file in folder.glob("*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not _lives(int(pid)):
            file.unlink(missing_ok=True)
            gone += 1
    return gone


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
