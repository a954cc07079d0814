"""The ``igc`` command: one verb a file, each registered here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from rich.console import Console

from pki.errors import PkiError
from runtime.embedded_queue import EmbeddedQueueError
from runtime.settings_errors import SettingsError
from runtime.supervisor import SupervisorError

# A process loads its own room and no other: six of them start together, on machines with few cores.
_VERBS = {
    "demo": "commands.demo",
    "serve": "commands.serve",
    "init-test": "commands.init_test",
    "ceremony": "commands.ceremony",
    "check-config": "commands.check_config",
    "lint-sample": "commands.lint_sample",
    "audit": "commands.audit",
    "ws": "commands.ws_process",
    "portal": "commands.portal_process",
    "worker": "commands.worker_process",
    "relay": "commands.relay_process",
    "publication": "commands.publication",
    "revoke": "commands.revoke",
    "publish-crl": "commands.publish_crl",
    "check-publication": "commands.check_publication",
}


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """The command line for these arguments: the verb they begin with, or every verb when a person needs the list."""
    app = typer.Typer(
        name="igc",
        help="Plateforme de certificats logiciels de santé : serveurs, tâches et administration.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(lambda: None)  # so that a single verb still has to be named
    wanted = [arguments[0]] if arguments and arguments[0] in _VERBS else list(_VERBS)
    for verb in wanted:
        module = import_module(_VERBS[verb])
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(module.run)
    return app


def main() -> None:
    """Run the command line; what an operator can mend is one line on the error output, with status 1."""
    try:
        build_app(sys.argv[1:])()
    except (SettingsError, EmbeddedQueueError, SupervisorError, PkiError) as error:
        Console(stderr=True).print(f"igc : {error}", style="red", markup=False, highlight=False)
        sys.exit(1)
