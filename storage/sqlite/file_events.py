"""Be woken by the system when a file is written to (inotify(7), Linux)."""

from __future__ import annotations

import ctypes
import os
import select
from pathlib import Path

_IN_MODIFY = 0x00000002
_SOME = 64 * 1024  # octets; how many events came does not matter


class FileEvents:
    """Writes to one file. OSError when the system has no such watch, or none left for this account."""

    def __init__(self, path: Path) -> None:
        """The file must exist; a file put in its place is another one."""
        system = ctypes.CDLL(None, use_errno=True)
        if not hasattr(system, "inotify_init1"):
            raise OSError("no inotify here")
        self._events = system.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._events < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if system.inotify_add_watch(self._events, os.fsencode(path), _IN_MODIFY) < 0:
            error = ctypes.get_errno()
            self.close()
            raise OSError(error, "inotify_add_watch")

    def wait(self, seconds: float) -> bool:
        """Whether the file was written to since the last call; waits for ``seconds`` at most."""
        if not select.select([self._events], [], [], seconds)[0]:
            return False
        os.read(self._events, _SOME)
        return True

    def close(self) -> None:
        """Give the watch back."""
        os.close(self._events)
