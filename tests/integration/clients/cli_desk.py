"""igc-client as an operator meets it: its command line in a process, and a terminal to type on."""

from __future__ import annotations

import os
import pty
import select
import sys
import termios
import time
from pathlib import Path

CODE = "Mot-De-Passe-Long"
ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "from clients.cli.main import main; main()"]
WITHDRAW = ["--code-fichier", "code.txt", "--accepter-cgu"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def on_a_terminal(
    command: list[str], answers: dict[str, str] | list[tuple[str, str]], *, hidden: bool = False
) -> tuple[str, int]:
    """Everything a terminal showed, and the exit code.

    ``answers`` are pairs, or a mapping: each answer is typed once its question has come after the answer before and,
    when ``hidden``, once the terminal has stopped echoing: what is typed before that is thrown away, and would be seen.
    """
    child, descriptor = pty.fork()
    if child == 0:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(command[0], command)
    waiting = list(answers.items() if isinstance(answers, dict) else answers)
    shown, seen, end = "", 0, time.monotonic() + 60
    try:
        while time.monotonic() < end:
            asked = waiting and waiting[0][0] in shown[seen:]
            if asked and not (hidden and termios.tcgetattr(descriptor)[3] & termios.ECHO):
                seen = len(shown)
                os.write(descriptor, (waiting.pop(0)[1] + "\n").encode())
            if not select.select([descriptor], [], [], 0.02)[0]:
                continue
            try:
                piece = os.read(descriptor, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece.decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    return shown, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
