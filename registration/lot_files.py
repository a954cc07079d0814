"""A lot in a file, between whoever reads its form and the canal that takes it: neither knows the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registration.errors import IgcError
from registration.values import LotForm, RevocationLotForm


@dataclass(frozen=True, slots=True)
class LotFile:
    """What a file says. ``tiers`` is the number of whom it wants to be deposited for, as its sender wrote it."""

    form: LotForm | RevocationLotForm
    tiers: str | None = None


class FileRefusedError(Exception):
    """A file that is no lot: the refusal of the web service, and where in the file.

    ``faults`` are the first faults in French, each with its line where it is known; ``more`` how many came after them.
    """

    def __init__(self, error: IgcError, faults: tuple[str, ...], more: int = 0) -> None:
        super().__init__(error.text)
        self.error = error
        self.faults = faults
        self.more = more


ReadLot = Callable[[Iterable[bytes]], LotFile]
"""From the bytes of a file to its lot; FileRefusedError."""
