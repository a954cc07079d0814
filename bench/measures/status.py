"""What relying parties wait for, on a plateforme of its own whose database holds nothing but revoked certificates.

Their rows have no certificate in them: this database is the only one of a run that the auditor does not look at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measures.crls import measure_crls
from bench.measures.freshness import measure_freshness
from bench.measures.ocsp import measure_ocsp
from bench.measures.openssl import Openssl, wait_ready
from bench.measuring.figures import Book
from commands.composition import opened
from commands.trial.plateforme import Ceremony, make_plateforme
from runtime.probes import tcp_answers
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE, Settings
from tests.support.queue_server import free_port

_KEY_BITS = 4096  # the real authority's


def measure_status(folder: Path, book: Book) -> None:
    """Enter what crls, ocsp and freshness find."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "igc.toml"
    config.write_text(f'data_dir = "."\n[publication]\nport = {free_port()}\n')
    settings = Settings.load(config)
    make_plateforme(settings, Ceremony(key_bits=_KEY_BITS))
    with opened(settings) as here:
        context = here.worker_context("bench")
        peer = Openssl(folder / "openssl", settings, context)
        serials = measure_crls(context, peer, book)
        with _publication(settings, config), peer.responder() as port:
            measure_ocsp(context, settings.publication.port, port, serials[0], book)
            measure_freshness(settings, config, context, book)


@contextmanager
def _publication(settings: Settings, config: Path) -> Iterator[None]:
    command = bound([sys.executable, "-m", "commands", "publication"])
    env = {**os.environ, CONFIG_VARIABLE: str(config)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_ready(process, lambda: tcp_answers("127.0.0.1", settings.publication.port))
        yield
    finally:
        process.terminate()
        process.wait()
