"""``igc-client``, the command line of a hospital: assembles the commands, turns errors into French and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from clients.cli import droits, lots, produits, queries, renewals, revocation_queries, revocations
from clients.cli.display import Display, utf8_streams
from clients.cli.failures import ExitCode, failure_of
from clients.cli.help import FrenchCommand, FrenchGroup, completion_script, ready_to_complete
from clients.cli.support import Caller

_NAME = "igc-client"
_EPILOG = (
    "À essayer d'abord : igc-client etat. Fin : 0, tout est fait ; 1, fait, mais un élément au moins est refusé ou "
    "attend ; 2, message ou commande à corriger ; 3, accès refusé ; 4, pas de connexion, ou service en panne : à "
    "relancer plus tard ; 5, introuvable ou conflit ; 6, fichier ou réglage d'ici ; 130, interrompu. Tout le reste "
    "est dans docs/integrateurs.md."
)

app = typer.Typer(
    name=_NAME,
    help="Client du service de lots de certificats logiciels.",
    cls=FrenchGroup,
    subcommand_metavar="COMMANDE ...",
    epilog=_EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def connection(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="Fichier TOML ; igc-client.toml du dossier courant si absent.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Adresse https du service (IGCCLIENT_URL).")] = None,
    certificat: Annotated[Path | None, typer.Option("--certificat", help="Certificat client, PEM.")] = None,
    cle: Annotated[Path | None, typer.Option("--cle", help="Clé privée du certificat client, PEM.")] = None,
    ca: Annotated[Path | None, typer.Option("--ca", help="AC racine ou émettrice du serveur, PEM.")] = None,
    mot_de_passe_cle: Annotated[
        Path | None, typer.Option("--mot-de-passe-cle", help="Fichier du mot de passe de la clé.")
    ] = None,
    delai: Annotated[str | None, typer.Option("--delai", help="Secondes de silence tolérées.")] = None,
    essais: Annotated[str | None, typer.Option("--essais", help="Essais par appel, le premier compris.")] = None,
    mandataire: Annotated[str | None, typer.Option("--mandataire", help="Adresse d'un mandataire HTTP.")] = None,
    pour: Annotated[
        str | None,
        typer.Option("--pour", help="Agir pour le compte de cette personne : son numéro national."),
    ] = None,
    _completion: Annotated[
        str | None,
        typer.Option(
            "--completion",
            help="Écrire le script qui complète les commandes, pour bash, zsh, fish ou powershell.",
            callback=completion_script,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Client du service de lots de certificats logiciels."""
    options = {
        "url": url,
        "certificat": certificat,
        "cle": cle,
        "ca": ca,
        "mot_de_passe_cle": mot_de_passe_cle,
        "delai": delai,
        "essais": essais,
        "mandataire": mandataire,
        "pour": pour,
    }
    given = {name: None if value is None else str(value) for name, value in options.items()}
    context.obj = Caller(config=config, options=given)


_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Obtenir": {
        "cles": lots.make_keys_command,
        "verifier": lots.verify_command,
        "deposer": lots.deposit_command,
        "suivre": lots.follow_command,
        "retirer": lots.withdraw_command,
        "retirer-demande": lots.withdraw_one_command,
        "tout": lots.all_command,
        "annuler": queries.cancel_command,
    },
    "Renouveler": {"a-renouveler": renewals.to_renew_command, "renouveler": renewals.renew_command},
    "Retrouver": {
        "lister": queries.list_command,
        "rechercher": queries.search_command,
        "consulter": queries.show_command,
        "produits": produits.search_command,
        "produit": produits.show_command,
        "telecharger": produits.download_command,
    },
    "Révoquer": {
        "revoquer": revocations.revoke_command,
        "revocations": revocation_queries.search_command,
        "revocation": revocation_queries.show_command,
    },
    "Service": {"etat": queries.state_command, "mes-droits": droits.rights_command},
}
"""Every command under the heading that the help shows it by."""

for _heading, _commands in _COMMANDS.items():
    for _name, _function in _commands.items():
        app.command(_name, cls=FrenchCommand, rich_help_panel=_heading)(_function)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits; never shows a traceback."""
    utf8_streams()
    code = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except OSError:
        # Said already, or nobody reads any more: the interpreter would try again at its exit, and say so in English.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    display = Display(as_json="--json" in arguments)
    ready_to_complete(_NAME)
    try:
        code = int(app(arguments or ["--help"], prog_name=_NAME, standalone_mode=False) or ExitCode.OK)
        sys.stdout.flush()
    except SystemExit as ended:
        # typer ends so for a reader that has gone (igc-client lister 1 | head), and for the completion of a shell.
        return ExitCode.CLOSED_OUTPUT if isinstance(ended.__context__, OSError) else _code_of(ended)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- whatever happens ends in French, with its code
        return _told(display, error)
    if code == ExitCode.INTERRUPTED:
        # typer has turned the interruption into its code.
        return _told(display, KeyboardInterrupt())
    return code if arguments else ExitCode.MESSAGE


def _told(display: Display, error: BaseException) -> int:
    failure = failure_of(error)
    with contextlib.suppress(OSError):
        display.failure(failure)
    return failure.fin


def _code_of(ended: SystemExit) -> int:
    return ended.code if isinstance(ended.code, int) else ExitCode.OK
