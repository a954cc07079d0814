"""What every group of operations of ``ServiceLots`` stands on: one call, and the turning of pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from clients.contract.translation import Value


class Page(Protocol):
    """A page of the contract: ``suivant`` goes back for the next one, None on the last."""

    @property
    def suivant(self) -> int | None:
        """Where the next page begins."""


PageKind = TypeVar("PageKind", bound=Page)


class Calls(ABC):
    """A group of operations; ``ServiceLots`` makes the calls."""

    @abstractmethod
    def _call(self, kind: type[Value], operation: str, *, extra_seconds: float = 0.0, **arguments: Any) -> Value:  # noqa: ANN401 -- zeep takes what the WSDL says
        """The answer of an operation as a value; ``extra_seconds`` that it may take longer."""


def turn_pages(read: Callable[[int | None], PageKind], start: int | None = None) -> Iterator[PageKind]:
    """Every page that ``read`` gives from ``start`` on, the first one even when it is empty."""
    while True:
        page = read(start)
        yield page
        if page.suivant is None:
            return
        start = page.suivant
