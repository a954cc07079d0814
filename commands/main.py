"""The ``igc`` command: one verb a file, each registered here."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import typer
from rich.console import Console

from commands.french import FrenchCommand, FrenchGroup
from pki.errors import PkiError
from pki.refusals_in_french import told
from runtime.errors import OperatorError
from runtime.processes.undumpable import forbid_dumps

# A process loads its own room and no other: six of them start together, on machines with few cores.
_VERBS = {
    "demo": "commands.demo",
    "serve": "commands.processes.serve",
    "init-test": "commands.trial.init_test",
    "ceremony": "commands.ceremony.verb",
    "check-config": "commands.checks.check_config",
    "lint-sample": "commands.checks.lint_sample",
    "audit": "commands.checks.audit",
    "ws": "commands.processes.ws",
    "portal": "commands.processes.portal",
    "sans-login": "commands.processes.sans_login",
    "worker": "commands.processes.worker",
    "relay": "commands.processes.relay",
    "mailer": "commands.processes.mailer",
    "metrics": "commands.processes.metrics",
    "publication": "commands.processes.publication",
    "revoke": "commands.revoke.verb",
    "publish-crl": "commands.revoke.publish_crl",
    "migrate": "commands.database.migrate",
    "restore": "commands.database.restore",
    "directory": "commands.directory.verb",
    "administrateur": "commands.administrateur.verb",
    "operateur": "commands.operateur.verb",
    "application": "commands.application.verb",
    "demande": "commands.demande.verb",
    "habilitation": "commands.habilitation.verb",
    "produit": "commands.produit.verb",
    "avis": "commands.avis.verb",
    "check-publication": "commands.checks.check_publication",
}

_CAUSES = {
    errno.EACCES: "accès refusé",
    errno.EPERM: "accès refusé",
    errno.ENOENT: "absent",
    errno.ENOTDIR: "un dossier était attendu",
    errno.EISDIR: "un fichier était attendu",
    errno.ENOSPC: "disque plein",
    errno.EDQUOT: "quota épuisé",
    errno.EROFS: "disque en lecture seule",
    errno.EEXIST: "existe déjà",
    errno.EIO: "erreur du disque",
}


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """The command line for these arguments: the verb they begin with, or every verb when a person needs the list."""
    app = typer.Typer(
        name="igc",
        cls=FrenchGroup,
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
            app.add_typer(module.app, name=verb, cls=FrenchGroup)
        else:
            app.command(verb, cls=FrenchCommand)(module.run)
    return app


def main() -> None:
    """Run the command line; what an operator can mend is one line on the error output, with status 1."""
    try:
        forbid_dumps()
        build_app(sys.argv[1:])()
    except OperatorError as error:
        _refuse(str(error))
    except PkiError as error:
        _refuse(told(error))
    except OSError as error:
        # Of a file that is named, its operator knows more than a traceback would tell him.
        if error.filename is None:
            raise
        _refuse(f"{error.filename} : {_CAUSES.get(error.errno or 0, error.strerror)}")


def _refuse(text: str) -> NoReturn:
    Console(stderr=True).print(f"igc : {text}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
