"""Having the workers take samples, and reading those of a window of time."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measuring.window import Window
from bench.profiling.sampler import FOLDER, INTERVAL
from bench.profiling.stages import EXAMINATION, OTHER, stage_of

_SITE, _ROOT = Path(__file__).parent / "site", Path(__file__).parents[2]
# A look at the keys that were certified lasts long enough to be seen at the slow pace.
_SLOW_SECONDS, _FAST_SECONDS = 0.02, 0.004


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the samples of this run are."""

    folder: Path

    def by_stage(self, window: Window) -> Counter[str]:
        """µs of CPU of all workers in this window, by stage."""
        spent: Counter[str] = Counter()
        for weight, frames in self._in(window):
            spent[stage_of(frames)] += weight
        return spent

    def examination_us(self, window: Window) -> int:
        """µs of the look at keys certified before, which may fall into any window."""
        return self.by_stage(window)[EXAMINATION]

    def unknown(self, window: Window) -> Counter[str]:
        """µs of what has no stage, by its innermost function of ours: what to give a stage when the code has moved."""
        spent: Counter[str] = Counter()
        for weight, frames in self._in(window):
            if stage_of(frames) == OTHER:
                spent[frames[0] if frames else "-"] += weight
        return spent

    def _in(self, window: Window) -> Iterator[tuple[int, list[str]]]:
        for file in sorted(self.folder.glob("*.samples")):
            for line in file.read_text().splitlines():
                at, weight, *frames = line.split(" ")
                if window.start <= int(at) / 1e9 <= window.end:
                    yield int(weight), frames


@contextmanager
def sampled(folder: Path, *, fast: bool) -> Iterator[Samples]:
    """Workers that start within the ``with`` block take samples; ``fast`` ones tell the shares of single stages."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = os.pathsep.join(filter(None, [str(_SITE), str(_ROOT), os.environ.get("PYTHONPATH")]))
    changes = {FOLDER: str(folder), INTERVAL: str(_FAST_SECONDS if fast else _SLOW_SECONDS), "PYTHONPATH": path}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield Samples(folder)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
