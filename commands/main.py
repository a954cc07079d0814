"""The ``igc`` command: one verb a file, each registered here."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from commands import check_config, check_publication, demo, init_test, processes, publication, serve
from runtime.embedded_queue import EmbeddedQueueError
from runtime.settings_errors import SettingsError
from runtime.supervisor import SupervisorError

app = typer.Typer(
    name="igc",
    help="Plateforme de certificats logiciels de santé : serveurs, tâches et administration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_VERBS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("demo", demo.run),
    ("serve", serve.run),
    ("init-test", init_test.run),
    ("check-config", check_config.run),
    ("check-publication", check_publication.run),
    ("ws", processes.run_ws),
    ("portal", processes.run_portal),
    ("publication", publication.run),
    ("worker", processes.run_worker_process),
    ("relay", processes.run_relay),
)
for _name, _function in _VERBS:
    app.command(_name)(_function)


def main() -> None:
    """Run the command line; what an operator can mend is one line on the error output, with status 1."""
    try:
        app()
    except (SettingsError, EmbeddedQueueError, SupervisorError) as error:
        Console(stderr=True).print(f"igc : {error}", style="red", markup=False, highlight=False)
        sys.exit(1)
