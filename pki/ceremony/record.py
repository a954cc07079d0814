"""The protocol of a ceremony: one JSON object a line, written as things happen. No secret is ever noted."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from runtime.whole_files import adopt


class Protocol:
    """Appends lines to a file; each is on disk when note() returns, so that a crash leaves what was done."""

    def __init__(self, path: Path, now: datetime) -> None:
        """The file may exist: later acts follow earlier ones."""
        self._path = path
        self._at = now.astimezone(UTC).isoformat(timespec="seconds")

    def note(self, event: str, **facts: str | int) -> None:
        """Append one line."""
        line = msgspec.json.encode({"at": self._at, "event": event, **facts}) + b"\n"
        with self._path.open("ab") as stream:
            adopt(stream.fileno(), self._path)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
