"""Cut long lists for statements: both databases bound the number of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")
_LIMIT = 900


def slices(values: Iterable[_T], size: int = _LIMIT) -> Iterator[list[_T]]:
    """The values in order, at most ``size`` at a time."""
    ordered = list(values)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
