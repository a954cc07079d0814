"""A screen that nobody sees, with windows, a keyboard and a pointer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SIZE = "1280x900x24"
_PATIENCE = 40.0


@dataclass(frozen=True)
class Desktop:
    """The display ``name``, as programs that are started with ``environment`` see it."""

    name: str
    environment: Mapping[str, str]

    def wait_for(self, title: str) -> str:
        """The window whose title matches, once it is there and has the focus; an error after a while."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if found := self._ask("search", "--onlyvisible", "--name", title).split():
                self._ask("windowactivate", "--sync", found[-1])
                return found[-1]
            time.sleep(0.1)
        raise AssertionError(f"no window {title!r} among {self.titles()}")

    def has(self, title: str) -> bool:
        return bool(self._ask("search", "--onlyvisible", "--name", title).split())

    def titles(self) -> list[str]:
        """Of all windows that can be seen."""
        windows = self._ask("search", "--onlyvisible", "--name", ".+").split()
        return [self._ask("getwindowname", window).strip() for window in windows]

    def type(self, text: str) -> None:
        self._ask("type", "--delay", "40", text)

    def press(self, *keys: str) -> None:
        self._ask("key", "--delay", "40", *keys)

    def click(self, window: str, x: int, y: int) -> None:
        """Relative to the window's corner."""
        self._ask("mousemove", "--window", window, str(x), str(y), "click", "1")

    def _ask(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=dict(self.environment), capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout


@contextmanager
def make_desktop(folder: Path, environment: Mapping[str, str]) -> Iterator[Desktop]:
    """On the first display that is free; ``folder`` is the home of its windows."""
    with subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", _SIZE, "-nolisten", "tcp"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as screen:  # fmt: skip
        assert screen.stdout is not None
        name = f":{screen.stdout.readline().strip()}"
        own = {**environment, "DISPLAY": name, "HOME": str(folder)}
        own.pop("WAYLAND_DISPLAY", None)
        try:
            with subprocess.Popen(["openbox", "--sm-disable"], env=own, stderr=subprocess.DEVNULL) as windows:
                try:
                    yield Desktop(name, own)
                finally:
                    windows.terminate()
        finally:
            screen.terminate()
