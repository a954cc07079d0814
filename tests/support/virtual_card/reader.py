"""A reader with two slots, and the card in each of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.system import FILES
from tests.support.virtual_card import enclosure
from tests.support.virtual_card.chip import ANSWER_TO_RESET, Chip

_OFF, _ON, _RESET, _GIVE_ATR = 0, 1, 2, 4
_PATIENCE = 20.0


def opensc_library() -> str:
    """OpenSC as browsers load it; an error where it is not installed."""
    (found,) = Path("/").glob(FILES["opensc-pkcs11"][1:])
    return str(found)


@dataclass(frozen=True)
class Reader:
    """A running pcscd that only those see who have this environment."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in order to find it."""
        return {
            **os.environ,
            "PCSCLITE_CSOCK_NAME": str(self.folder / "run" / "pcscd" / "pcscd.comm"),
            "LC_ALL": "C.UTF-8",
        }

    @contextmanager
    def inserted(self, chip: Chip, slot: int = 0) -> Iterator[Chip]:
        """The card is in the slot until the block ends."""
        with socket.socket(socket.AF_UNIX) as card:
            card.connect(str(self.folder / f"slot-{slot}"))
            seen = threading.Event()
            thread = threading.Thread(target=_live, args=(card, chip, seen), name=f"card-{slot}")
            thread.start()
            try:
                assert seen.wait(_PATIENCE), "the reader does not see the card"
                yield chip
            finally:
                card.shutdown(socket.SHUT_RDWR)
                thread.join()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program that asks the card; its status is the caller's to judge."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def make_reader(folder: Path) -> Iterator[Reader]:
    """Start it in ``folder``, whose path must be short: it holds sockets."""
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *own_user, "--net", "--mount", sys.executable, enclosure.__file__, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        end = time.monotonic() + _PATIENCE
        while not (folder / "run" / "pcscd" / "pcscd.comm").exists():
            assert process.poll() is None, "pcscd did not start"
            assert time.monotonic() < end, "pcscd did not start in time"
            time.sleep(0.02)
        yield Reader(folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(_PATIENCE)


def _live(card: socket.socket, chip: Chip, seen: threading.Event) -> None:
    """The card's side of vpcd: each message is a length of two bytes and what it counts."""
    chip.reset()
    while message := _receive(card):
        if message == bytes([_GIVE_ATR]):
            _send(card, ANSWER_TO_RESET)
            seen.set()
        elif len(message) == 1:
            if message[0] in {_OFF, _ON, _RESET}:
                chip.reset()
        else:
            _send(card, chip.answer(message))


def _receive(card: socket.socket) -> bytes:
    size = int.from_bytes(_exactly(card, 2), "big")
    return _exactly(card, size)


def _exactly(card: socket.socket, size: int) -> bytes:
    """So many bytes; none once the reader is gone."""
    heard = b""
    while len(heard) < size:
        more = card.recv(size - len(heard))
        if not more:
            return b""
        heard += more
    return heard


def _send(card: socket.socket, answer: bytes) -> None:
    try:
        card.sendall(len(answer).to_bytes(2, "big") + answer)
    except OSError:
        return  # pulled out in the middle of it
