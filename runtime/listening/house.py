"""Who is in the house: every connection of a listener from accept to close, and who gives way when it is full."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from runtime.listening.limits import Limits
from runtime.listening.tally import Tally


class Stage(Enum):
    """What a connection is at."""

    ARRIVING = "TLS handshake"
    SILENT = "has not asked anything yet"
    IDLE = "between two requests"
    RECEIVING = "the body of a request is on its way"
    BUSY = "a whole request waits for its answer"
    LEAVING = "has its answer and will be closed"


_FEW_COME = (Stage.LEAVING, Stage.IDLE, Stage.RECEIVING, Stage.ARRIVING, Stage.SILENT)
"""In which order they give way; never who is being served."""
_MANY_COME = (Stage.LEAVING, Stage.ARRIVING, Stage.SILENT, Stage.IDLE, Stage.RECEIVING)
"""The same when a good part of the house has asked nothing yet: then it is they who are too many."""
_GOOD_PART = 4


class Guest(Protocol):
    """A connection."""

    def give_way(self) -> None:
        """End at once."""


class House:
    """Keeps the guests of each stage in the order of their coming to it: the first is the one that waits longest."""

    def __init__(self, limits: Limits, tally: Tally) -> None:
        """Empty."""
        self._limits = limits
        self._tally = tally
        self._guests: dict[Stage, dict[Guest, None]] = {stage: {} for stage in Stage}
        self._stages: dict[Guest, Stage] = {}

    def __len__(self) -> int:
        return len(self._stages)

    def guests(self, stage: Stage) -> tuple[Guest, ...]:
        """Those of a stage, the longest waiting first."""
        return tuple(self._guests[stage])

    def enter(self, guest: Guest, stage: Stage) -> None:
        """``guest`` comes in, for whom another may have to give way, or goes on to another stage."""
        former = self._stages.get(guest)
        if former is not None:
            del self._guests[former][guest]
        self._stages[guest] = stage
        self._guests[stage][guest] = None
        if former is None:
            self._keep_limits(guest)

    def leave(self, guest: Guest) -> None:
        """``guest`` is gone; it may be told twice."""
        stage = self._stages.pop(guest, None)
        if stage is not None:
            del self._guests[stage][guest]

    def has_room(self) -> bool:
        """Whether one more may come in: False when the house is full and everybody in it is being served."""
        if len(self) < self._limits.max_connections or len(self._guests[Stage.BUSY]) < len(self):
            return True
        self._tally.count("connection refused, all are busy")
        return False

    def make_room(self, newcomer: Guest | None = None) -> bool:
        """End a connection other than ``newcomer`` that is not being served; False when there is none."""
        coming = len(self._guests[Stage.ARRIVING]) + len(self._guests[Stage.SILENT])
        order = _MANY_COME if coming > max(1, self._limits.max_connections // _GOOD_PART) else _FEW_COME
        for guest in (guest for stage in order for guest in self._guests[stage]):
            if guest is not newcomer:
                self._send_away(guest)
                return True
        return False

    def _keep_limits(self, newcomer: Guest) -> None:
        arriving = self._guests[Stage.ARRIVING]
        while len(arriving) > self._limits.max_handshakes:
            self._send_away(next(iter(arriving)))
        while len(self) > self._limits.max_connections:
            if not self.make_room(newcomer):
                break

    def _send_away(self, guest: Guest) -> None:
        self.leave(guest)
        guest.give_way()
        self._tally.count("connection ended to make room")
