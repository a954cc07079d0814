"""The empty folder in which the operators' chapter is typed, with what the page leaves to whoever types it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.queue_server import free_port

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "exploitation.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SECONDS = 150
# The chapter is typed by an account without privilege. Root becomes one in a namespace of its own: whatever it may read
# it still may, its interpreter above all.
_AS_SOMEBODY = () if os.geteuid() else ("unshare", "--user", "--map-user=1000", "--map-group=1000")
# What the page asks to be replaced in the copy of the model, in its order.
_OF_THE_ACACIAS = (
    ('plateforme = "TEST"', 'plateforme = "PRODUCTION"'),
    ("IGC-EXEMPLE", "IGC-ACACIAS"),
    ("IGC EXEMPLE", "GIP DES ACACIAS"),
    ("0002 000000000", "0002 180089013"),
    ("igc.example", "igc.acacias-sante.fr"),
    ("1.3.6.1.4.1.32473", "1.2.250.1.99999"),
    ("\ncategory = 131", "\ncategory = 3"),
    ("card_category = 128", "card_category = 0"),
    # Not asked for: a key of 4096 bits only takes longer.
    ("key_bits = 4096", "key_bits = 2048"),
)
_SERVER = """
[[servers]]
name = "{name}"
dns_names = ["{name}.acacias-sante.fr"]
ip_addresses = ["127.0.0.1"]
state = "Paris (75)"
organization = "GIP DES ACACIAS"
organizational_unit = "10B0990011"
"""


def blocks_of(title: str) -> list[tuple[str, str]]:
    """The blocks of a chapter of the page, each with its kind."""
    (chapter,) = re.findall(rf"^## {re.escape(title)}\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    return _BLOCK.findall(chapter)


class Desk:
    """The folder, where ``igc`` and ``igc-client`` are on the path; ``here`` are ports of the page that others have."""

    def __init__(self, folder: Path, here: dict[str, str]) -> None:
        self.folder = folder
        # The machine of this test is not the one of the page: its name, and ports that are free here.
        self.here = {name: str(free_port()) for name in ("8443", "8444", "8080")} | here
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        for name, module in (("igc", "commands.main"), ("igc-client", "clients.cli.main")):
            command = bin_folder / name
            command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from {module} import main; main()" "$@"\n')
            command.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IGC")}
        self.environment = inherited | {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "IGC_CONFIG": "igc.toml",
        }
        (folder / "cles-previsibles.txt").write_text(f"{'0' * 20}\n")
        for name in ("cgu", "pc"):
            (folder / f"{name}.txt").write_text(f"Texte {name} des Acacias\n")

    def also_find_programs_in(self, folder: Path) -> None:
        """In front of those of the system, which may be of another version."""
        self.environment["PATH"] = f"{folder}{os.pathsep}{self.environment['PATH']}"

    def replace_what_is_invented(self) -> None:
        """As the page says, in the copy of the model of a ceremony."""
        path = self.folder / "ceremonie.toml"
        text = path.read_text(encoding="utf-8")
        for invented, ours in _OF_THE_ACACIAS:
            assert invented in text
            text = text.replace(invented, ours)
        path.write_text(text + "".join(_SERVER.format(name=name) for name in ("ws", "portail")), encoding="utf-8")

    def write(self, text: str) -> None:
        """A file of the page, whose name stands in its first line."""
        name = text.partition("\n")[0].removeprefix("# ")
        for there, here in self.here.items():
            text = re.sub(rf"\b{there}\b", here, text)
        if name == "igc-client.toml":
            text = text.replace("ws.acacias-sante.fr", "127.0.0.1")
        # The first line of a table is its header.
        (self.folder / name).write_text(text if name.endswith(".toml") else text.partition("\n")[2], encoding="utf-8")

    def run(self, script: str, *, fails: bool = False) -> str:
        """What the commands said; the test fails when they do, unless they are to be refused."""
        done = subprocess.run(
            [*_AS_SOMEBODY, "sh", "-eu", "-c", script.replace("/opt/igc", str(ROOT))],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=_SECONDS,
        )  # fmt: skip
        assert (done.returncode != 0) is fails, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    @contextmanager
    def serving(self, script: str) -> Iterator[None]:
        """The plateforme in another terminal, for the length of the block."""
        with (self.folder / "igc.log").open("wb") as log:
            process = subprocess.Popen(
                [*_AS_SOMEBODY, "sh", "-eu", "-c", f"exec {script}"],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                finally:
                    process.kill()
                    process.wait()

    def is_listening(self, port: str) -> bool:
        """Whether a TLS server of this desk answers there."""
        probe = f"from runtime.probes import tls_answers; raise SystemExit(not tls_answers('localhost', {port}))"
        return subprocess.run([sys.executable, "-c", probe], env=self.environment, check=False).returncode == 0
