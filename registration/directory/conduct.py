"""How an import goes about it, and what it has done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from registration.directory.entries import Reject
from registration.directory.imports import ImportRefusedError
from registration.directory.storing import Effect
from runtime.clock import Clock, system_clock


class ImportStoppedError(ImportRefusedError):
    """Somebody asked for the end."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the caller of an import decides, and what he is told.

    ``most_gone`` is how many per cent of what the source holds of each kind may vanish at once. ``reject`` is given
    what is left out; ``tell`` the step (French), how much of it is done and how much there is; ``stop`` is asked often.
    """

    reject: Callable[[Reject], None] = lambda _reject: None
    tell: Callable[[str, int, int | None], None] = lambda _step, _done, _total: None
    stop: Callable[[], bool] = lambda: False
    most_gone: float = 5.0
    clock: Clock = system_clock

    def go_on(self, step: str, done: int, total: int | None = None) -> None:
        """Say how far it is; ImportStoppedError when it shall end."""
        self.tell(step, done, total)
        if self.stop():
            raise ImportStoppedError("arrêté à la demande ; ce qui est écrit reste, relancer fait le reste")


@dataclass(slots=True)
class Summary:
    """What an import has done: lines, rejects, entries by (table, effect); ``is_unchanged`` when it did not begin."""

    lignes: int = 0
    rejets: int = 0
    effects: Counter[tuple[str, Effect]] = field(default_factory=Counter)
    is_unchanged: bool = False

    def totals(self) -> dict[Effect, int]:
        """By effect alone."""
        found = dict.fromkeys(Effect, 0)
        for (_, effect), count in self.effects.items():
            found[effect] += count
        return found
