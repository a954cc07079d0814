"""The file that tells which lines of an extract are left out: made when there is one to tell."""

from __future__ import annotations

import csv
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from registration.directory.entries import Reject
from runtime.cells import cell

_COLUMNS = ("ligne", "colonne", "motif")


class RejectsFile:
    """``ligne;colonne;motif``, UTF-8, for this account alone. Takes the place of one of the same name."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened here."""
        self.path = path
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def write(self, reject: Reject) -> None:
        """One more line."""
        if self._writer is None:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            file = self._stack.enter_context(os.fdopen(handle, "w", encoding="utf-8-sig", newline=""))
            self._writer = csv.writer(file, delimiter=";", lineterminator="\n")
            self._writer.writerow(_COLUMNS)
        self._writer.writerow([cell(value) for value in reject])
