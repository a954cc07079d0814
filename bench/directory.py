"""The import of the public extract: lines a second into an empty directory and again without a change, and memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from batch.directory.rpps import RppsExtract
from bench.extracts import Professionals
from registration.directory.conduct import Conduct
from registration.directory.importing import import_extract
from registration.vocabulary import Plateforme
from storage.database import Database
from storage.migrate import upgrade

LINES = 200_000
"""Enough for the indexes to be larger than every cache; the whole extract has twelve times as many."""


class Taken(NamedTuple):
    """What one import took: by the clock, of the processor, and memory at its peak."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def measure_directory(folder: Path, url: str | None = None, lines: int = LINES) -> dict[str, Any]:
    """Import an invented extract of so many lines twice, the second time with one name changed.

    ``url`` is that of an empty database; an SQLite file in ``folder`` without one. Lines a second are by the clock; the
    same by the processor's time says more where others work on the same cores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = url or f"sqlite:///{folder / 'annuaire.db'}"
    for left in folder.glob("annuaire.db*"):
        left.unlink()
    with _extract(folder / "premiere.txt", Professionals(lines)) as path:
        first = _apart(path, target)
    with _extract(folder / "seconde.txt", Professionals(lines, renamed=frozenset({lines // 4}))) as path:
        again = _apart(path, target)
    return {
        "import_lines_per_s": round(lines / first.seconds),
        "import_lines_per_cpu_s": round(lines / first.cpu_seconds),
        "import_again_lines_per_s": round(lines / again.seconds),
        "import_again_lines_per_cpu_s": round(lines / again.cpu_seconds),
        "import_peak_mb": round(max(first.peak_mb, again.peak_mb)),
    }


@contextmanager
def _extract(path: Path, professionals: Professionals) -> Iterator[Path]:
    yield professionals.write(path)
    path.unlink()


def _apart(path: Path, url: str) -> Taken:
    """In a process of its own, whose memory is that of the import."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_take, path, url).result()


def _take(path: Path, url: str) -> Taken:
    upgrade(url)
    db = Database(url)
    begin, cpu = time.perf_counter(), time.process_time()
    import_extract(db, Plateforme.TEST, RppsExtract(path), Conduct())
    taken = Taken(
        time.perf_counter() - begin,
        time.process_time() - cpu,
        _peak_mb(),
    )
    db.dispose()
    return taken


def _peak_mb() -> float:
    """Of this program alone: getrusage also counts what the process was before it began another (Linux, proc(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
