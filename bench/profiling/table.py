"""µs of CPU for each certificate of a lot, by stage; with what was idle and what strangers had they sum to all cores.

Stages are the workers'; the other processes stand with their sums, which the scheduler knows to the ns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.measuring.processes import BENCH, DATABASE, QUEUE
from bench.measuring.window import Window
from bench.profiling.samples import Samples

_WORKER = "worker"
_PROCESSES = {
    "publication": "réponses OCSP faites d'avance (publication)",
    "relay": "relais",
    "ws": "service web (suivis de la mesure)",
    "portal": "portail",
    "serve": "surveillance (igc serve)",
    QUEUE: "file de travaux",
    DATABASE: "base de données",
    BENCH: "la mesure elle-même (à part)",
}


def table(samples: Samples, windows: Sequence[Window], items: int) -> dict[str, float]:
    """Of ``items`` in all these windows: by stage, the dearest first; then idle, strangers, and the sum of all."""
    stages: Counter[str] = Counter()
    cpu: Counter[str] = Counter()
    for window in windows:
        stages.update(samples.by_stage(window))
        cpu.update({role: round(1e6 * seconds) for role, seconds in window.cpu.items()})
    workers = sum(us for role, us in cpu.items() if role.startswith(_WORKER))
    # The first and the last sample of a worker reach over the edges of a window.
    scale = workers / stages.total() if stages.total() else 0.0
    spent = Counter({stage: round(us * scale) for stage, us in stages.items()})
    for role, us in cpu.items():
        if not role.startswith(_WORKER):
            spent[_PROCESSES.get(role, role)] += us
    rows = {stage: us / items for stage, us in spent.most_common()}
    rows["inoccupé"] = 1e6 * sum(window.idle for window in windows) / items
    rows["autres programmes et noyau"] = 1e6 * sum(window.strangers for window in windows) / items
    rows["somme (tous les cœurs)"] = sum(rows.values())
    return {name: round(us, 1) for name, us in rows.items()}


def by_process(windows: Sequence[Window], items: int) -> dict[str, float]:
    """µs for each certificate, by process."""
    cpu: Counter[str] = Counter()
    for window in windows:
        cpu.update({role: round(1e6 * seconds) for role, seconds in window.cpu.items()})
    return {role: round(us / items, 1) for role, us in sorted(cpu.items())}
