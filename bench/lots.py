"""What a whole plateforme does: a fresh one per run, its real processes, messages over mutual TLS."""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.wire import Wire, deposit_message, follow_message, number
from commands.demo.plateforme import prepare, running
from commands.fictitious import HOPITAL
from commands.test_plateforme import Ceremony
from runtime.settings import Settings

_SENDER = "dr-leroux"
_FOLLOW_SECONDS = 5.0
_FOLLOW_CONNECTIONS = 2
_SINGLE_CONNECTIONS = 4
_POLL_SECONDS = 0.05
# Each look at a big lot costs the server some milliseconds that the workers then miss: rarely, so as not to measure us.
_LOT_POLL_SECONDS = 0.25
_DEPOSITS = 3


@dataclass(frozen=True, slots=True)
class Deposit:
    """Median seconds from the first byte sent to the index received; memory of the listener at its highest."""

    body: bytes
    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Results of one plateforme; only a full run has all of them."""

    lot_per_second: float
    deposit: Deposit | None = None
    follow_up_per_second: float | None = None
    singles_per_second: float | None = None


def measure_plateforme(
    folder: Path, bits: int, csrs: Sequence[bytes], singles: Sequence[bytes], console: Console, *, full: bool
) -> Measured:
    """A plateforme with an RSA-``bits`` authority: one big lot; with ``full`` deposits, follow-ups and single lots."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    settings, config = prepare(folder, lambda _text: None, Ceremony(key_bits=bits))
    with running(settings, config, folder / "journal.log"):
        body = deposit_message("bench-0", csrs, HOPITAL)
        console.print(f"AC RSA-{bits} : lot de {len(csrs)} demandes, {len(body) / 1e6:.1f} Mo")
        wire = _wire(settings)
        start = time.perf_counter()
        index = number(wire.call(body), "indexLot")
        accepted = time.perf_counter()
        _wait_issued(wire, index, len(csrs))
        rate = len(csrs) / (time.perf_counter() - accepted)
        if not full:
            return Measured(lot_per_second=rate)
        single_rate = _single_lots(settings, singles)
        follow_rate = _follow_ups(settings, index)
        times = [accepted - start, *_more_deposits(wire, csrs)]
        deposit = Deposit(body=body, seconds=statistics.median(times), peak_mb=_peak_mb(config))
        return Measured(rate, deposit, follow_rate, single_rate)


def _wire(settings: Settings) -> Wire:
    clients = settings.data_dir / "clients"
    pair = (clients / f"{_SENDER}.pem", clients / f"{_SENDER}.key")
    return Wire(f"{settings.ws.public_url}/ws/lots/1.0", pair, clients / "ac-racine.pem")


def _wait_issued(wire: Wire, index: int, count: int) -> None:
    """Until every item is signed; RuntimeError when one was refused."""
    message = follow_message(index)
    while True:
        answer = wire.call(message)
        if number(answer, "rejetees") or number(answer, "nonTraitees"):
            raise RuntimeError("an item of the bench was refused")
        if number(answer, "aRetirer") == count:
            return
        time.sleep(_POLL_SECONDS if count == 1 else _LOT_POLL_SECONDS)


def _more_deposits(wire: Wire, csrs: Sequence[bytes]) -> list[float]:
    """The same items under other references: accepted at the same cost, refused later one by one."""
    times = []
    for rank in range(1, _DEPOSITS):
        body = deposit_message(f"bench-{rank}", csrs, HOPITAL)
        start = time.perf_counter()
        index = number(wire.call(body), "indexLot")
        times.append(time.perf_counter() - start)
        while number(wire.call(follow_message(index)), "rejetees") < len(csrs):
            time.sleep(_POLL_SECONDS)
    return times


def _follow_ups(settings: Settings, index: int) -> float:
    """Calls per second of a few kept connections on the big lot."""
    message, counts = follow_message(index), [0] * _FOLLOW_CONNECTIONS
    deadline = time.perf_counter() + _FOLLOW_SECONDS

    def work(rank: int) -> None:
        wire = _wire(settings)
        while time.perf_counter() < deadline:
            wire.call(message)
            counts[rank] += 1

    _in_threads(work, _FOLLOW_CONNECTIONS)
    return sum(counts) / _FOLLOW_SECONDS


def _single_lots(settings: Settings, csrs: Sequence[bytes]) -> float:
    """Lots of one item per second, from the first deposit until the last is signed."""
    indexes: list[list[int]] = [[] for _ in range(_SINGLE_CONNECTIONS)]

    def work(rank: int) -> None:
        wire = _wire(settings)
        for position in range(rank, len(csrs), _SINGLE_CONNECTIONS):
            body = deposit_message(f"single-{position}", [csrs[position]], HOPITAL)
            indexes[rank].append(number(wire.call(body), "indexLot"))
        for index in indexes[rank]:
            _wait_issued(wire, index, 1)

    start = time.perf_counter()
    _in_threads(work, _SINGLE_CONNECTIONS)
    return len(csrs) / (time.perf_counter() - start)


def _in_threads(work: object, count: int) -> None:
    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(count)]  # type: ignore[arg-type]  # a function of the rank
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _peak_mb(config: Path) -> float:
    """The highest resident memory of the web service's process."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
            environment = (status.parent / "environ").read_bytes()
            if b"ws" in command and str(config).encode() in environment:
                return next(
                    int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")
                )
        except (OSError, StopIteration):
            continue
    raise RuntimeError("the web service's process was not found")
