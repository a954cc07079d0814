"""Waiting until a plateforme has nothing left to do, so that what it puts off does not fall on the next measure."""

from __future__ import annotations

import time

from bench.measuring.window import Meter, Window

_LOOK_SECONDS = 0.5
_AT_REST = 0.05  # of a core
_LOOKS = 2
_LONGEST_SECONDS = 20.0


def settle(longest: float = _LONGEST_SECONDS) -> Window:
    """Until all processes together use less than a twentieth of a core for a second, ``longest`` at the most."""
    whole, quiet = Meter(), 0
    while quiet < _LOOKS and whole.read().seconds < longest:
        meter = Meter()
        time.sleep(_LOOK_SECONDS)
        window = meter.read()
        quiet = quiet + 1 if window.plateforme < _AT_REST * window.seconds else 0
    return whole.read()
