"""Following what was deposited until it is signed, with as few looks as the figure allows."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.plateforme.http import Wire
from bench.plateforme.messages import follow_message, number

_FIRST_SECONDS = 0.1
# Each look at a big lot costs the server something that the workers then miss: rarely, so as not to measure us.
_LOT_SECONDS = 0.25
_SINGLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Signed:
    """Seconds until the first look that saw a certificate, and how many looks there were."""

    first_seconds: float
    polls: int


def wait_signed(wire: Wire, index: int, count: int) -> Signed:
    """Until every item is signed; RuntimeError when one was refused."""
    message, start, polls, first = follow_message(index), time.perf_counter(), 0, 0.0
    while True:
        answer = wire.call(message)
        polls += 1
        if number(answer, "rejetees") or number(answer, "nonTraitees"):
            raise RuntimeError("an item of the bench was refused")
        signed = number(answer, "aRetirer")
        if signed and not first:
            first = time.perf_counter() - start
        if signed == count:
            return Signed(first, polls)
        if count == 1:
            time.sleep(_SINGLE_SECONDS)
        else:
            time.sleep(_LOT_SECONDS if first else _FIRST_SECONDS)
