"""The processes below this one, by what they do: the CPU that each has used, the memory that each has (Linux, proc(5)).

Everything that the bench starts descends from it, so that what is left of the machine's time is strangers'.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

BENCH, QUEUE, DATABASE = "bench", "queue", "database"
_WORKER = "worker"
_PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_QUEUES = ("valkey-server", "redis-server")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU of one process in ns: its own, all its threads, and that of children it has buried."""

    role: str
    own: int
    buried: int


def usages() -> dict[int, Usage]:
    """Each living process from this one downwards, by pid."""
    parents, found = {}, {}
    for pid in _pids():
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # proc(5), counted after the name: ppid is the second, utime to cstime are the twelfth to the fifteenth.
        parents[pid] = int(fields[1])
        found[pid] = fields[11:15]
    ours = sorted(_descendants(os.getpid(), parents))
    known = {pid: usage for pid in ours if (usage := _usage(pid, [int(ticks) for ticks in found[pid]])) is not None}
    # RQ writes its own title over the name that a worker was started with; they start in the order of their numbers.
    workers = [pid for pid, usage in known.items() if usage.role == _WORKER]
    names = {pid: f"{_WORKER}-{number}" for number, pid in enumerate(workers, 1)}
    return {pid: replace(usage, role=names.get(pid, usage.role)) for pid, usage in known.items()}


def _usage(pid: int, ticks: list[int]) -> Usage | None:
    user, system, buried_user, buried_system = ticks
    try:
        precise = sum(int(path.read_text().split()[0]) for path in (_PROC / str(pid) / "task").glob("*/schedstat"))
        role = _role(pid)
    except OSError:
        return None
    # The scheduler counts in ns but forgets threads that have ended, the process counts in ticks and forgets none.
    own = max(precise, (user + system) * _TICK_NS)
    return Usage(role, own, (buried_user + buried_system) * _TICK_NS)


def role_of(argv: list[str]) -> str:
    """What a process does, by its command line: the verb of igc or the name of a worker, a service, or the bench."""
    if "commands" in argv[:-1]:
        verb = argv[argv.index("commands") + 1]
        return argv[argv.index("--name") + 1] if "--name" in argv[:-1] else verb
    if argv and argv[0].startswith("rq:"):
        return _WORKER
    program = Path(argv[0].split(" ")[0].rstrip(":")).name if argv else ""
    if program in _QUEUES or any(Path(word).name in _QUEUES for word in argv[:8]):
        return QUEUE
    if program.startswith("postgres") or any(word.endswith("/bin/postgres") for word in argv):
        return DATABASE
    return BENCH if not program or program.startswith("python") else program


def peak_resident(role: str) -> float:
    """The highest resident memory in MiB that any process of this role ever had; LookupError when there is none."""
    peaks = [
        int(line.split()[1]) / 1024
        for pid, usage in usages().items()
        if usage.role == role
        for line in (_PROC / str(pid) / "status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    if not peaks:
        raise LookupError(role)
    return max(peaks)


def proportional_memory() -> Mapping[str, float] | None:
    """PSS in MiB by role: what is shared counts once. None where this account may not ask."""
    sizes: dict[str, float] = {}
    for pid, usage in usages().items():
        try:
            lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError:
            return None
        kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
        sizes[usage.role] = sizes.get(usage.role, 0) + kilobytes / 1024
    return sizes


def _role(pid: int) -> str:
    if pid == os.getpid():
        return BENCH  # under whatever title
    argv = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    return role_of(argv)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _descendants(root: int, parents: Mapping[int, int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found
