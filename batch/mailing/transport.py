"""What carries a mail away, and what it may answer; the folder that is there without any mail server."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.message import EmailMessage
from enum import Enum
from pathlib import Path
from typing import Protocol

from runtime.whole_files import replace

SUFFIX = ".eml"


class Verdict(Enum):
    """What became of a mail."""

    SENT = "taken"
    REFUSED = "never: the destinataire, or the mail itself"
    LATER = "not now, this one"


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and what was said."""

    verdict: Verdict
    text: str


class TransportError(Exception):
    """Nothing can be carried now, whatever the mail: nobody listens, or refuses the sender.

    ``is_mid_mail``: the way broke while this mail was on it, which may be its own fault, or may have arrived.
    """

    def __init__(self, text: str, *, is_mid_mail: bool = False) -> None:
        super().__init__(text)
        self.is_mid_mail = is_mid_mail


class Transport(Protocol):
    """A way that mails go."""

    def deliver(self, message: EmailMessage, name: str) -> Answer:
        """Hand over one mail; ``name`` is the same for the same notice. TransportError."""

    def rest(self) -> None:
        """Nothing more goes for now: keep no connection open."""

    def forget(self, before: float) -> None:
        """Remove what was kept of mails that went before this moment (seconds of the epoch)."""


class Folder:
    """Each mail as a file of its own, written whole; the same notice again is the same file."""

    def __init__(self, path: Path) -> None:
        """The folder is made with the first mail, closed to other accounts."""
        self._path = path

    def deliver(self, message: EmailMessage, name: str) -> Answer:
        """Write it; TransportError where that is impossible."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(self._path / f"{name}{SUFFIX}", message.as_bytes(), secret=True)
        except OSError as error:
            raise TransportError(f"{self._path} : {error.strerror}") from error
        return Answer(Verdict.SENT, f"écrit dans {name}{SUFFIX}")

    def rest(self) -> None:
        """Nothing is held."""

    def forget(self, before: float) -> None:
        """Remove the mails that were written before."""
        for file in self._path.glob(f"*{SUFFIX}") if self._path.is_dir() else ():
            if file.stat().st_mtime < min(before, time.time()):
                file.unlink(missing_ok=True)
