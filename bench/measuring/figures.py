"""A figure is the median of its rounds, with its spread and the share of the machine that strangers had meanwhile."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

_SHARE_DIGITS = 3
_Act = TypeVar("_Act")
_Floor = TypeVar("_Floor")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round gave, and the share of the cores that strangers had (0 to 1)."""

    value: float
    strangers: float = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """Several rounds of one measure."""

    samples: Sequence[Sample]

    @property
    def median(self) -> float:
        """The value to go by."""
        return statistics.median(sample.value for sample in self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """Least and most."""
        values = [sample.value for sample in self.samples]
        return min(values), max(values)

    @property
    def strangers(self) -> float:
        """Mean share of the cores."""
        return statistics.fmean(sample.strangers for sample in self.samples)


@dataclass
class Book:
    """All that a run finds: figures with their rounds, and plain values, by the keys of latest.json."""

    figures: dict[str, Figure] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    digits: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, samples: Iterable[Sample], digits: int = 3) -> Figure:
        """Enter a figure; gives it back."""
        self.figures[name] = figure = Figure(tuple(samples))
        self.digits[name] = digits
        return figure

    def add_all(self, strangers: Sequence[float], columns: Mapping[str, tuple[Sequence[float], int]]) -> None:
        """Enter figures of the same rounds: of each its values and digits."""
        for name, (values, digits) in columns.items():
            self.add(name, map(Sample, values, strangers), digits)

    def note(self, name: str, value: Any) -> None:  # noqa: ANN401 -- anything that JSON can say
        """Enter what has no rounds."""
        self.values[name] = value

    def as_json(self) -> dict[str, Any]:
        """Medians and plain values by name; the rounds of each figure under ``figures``."""
        medians = {name: round(figure.median, self.digits[name]) for name, figure in self.figures.items()}
        return {**self.values, **medians, "figures": {name: self._told(name) for name in self.figures}}

    def _told(self, name: str) -> Mapping[str, Any]:
        figure, digits = self.figures[name], self.digits[name]
        low, high = figure.spread
        return {
            "median": round(figure.median, digits),
            "min": round(low, digits),
            "max": round(high, digits),
            "rounds": [round(sample.value, digits) for sample in figure.samples],
            "strangers": round(figure.strangers, _SHARE_DIGITS),
        }


def between(
    rounds: int, act: Callable[[int], _Act], floor: Callable[[], _Floor]
) -> list[tuple[_Act, tuple[_Floor, _Floor]]]:
    """Each round of ``act`` with the floor just before and just after it: a neighbour's noise falls on both halves."""
    floors, acts = [floor()], []
    for rank in range(rounds):
        acts.append(act(rank))
        floors.append(floor())
    return list(zip(acts, pairwise(floors), strict=False))
