"""``igc-client``, the command line of a hospital: assembles the commands, turns errors into French and exit codes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from clients import lot_commands, query_commands
from clients.command_support import Caller, ExitCode, exit_code_of
from clients.display import Display
from clients.errors import IgcClientError

_HELP_TEXT = "Afficher cette aide."


class _FrenchHelp:
    def get_help_option(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - typer's own signature
        option = super().get_help_option(*arguments, **options)  # type: ignore[misc]  # of the class beside this one
        if option is not None:
            option.help = _HELP_TEXT
        return option

    def format_help(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - typer's own signature
        from typer import rich_utils  # noqa: PLC0415 - a third of the start-up time, for help only

        rich_utils.COMMANDS_PANEL_TITLE = "Commandes"
        rich_utils.DEFAULT_STRING = "[défaut : {}]"
        rich_utils.REQUIRED_LONG_STRING = "[obligatoire]"
        super().format_help(*arguments, **options)  # type: ignore[misc]  # of the class beside this one


class _FrenchCommand(_FrenchHelp, TyperCommand):
    pass


class _FrenchGroup(_FrenchHelp, TyperGroup):
    pass


app = typer.Typer(
    name="igc-client",
    help="Client du service de lots de certificats logiciels.",
    cls=_FrenchGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def connection(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="Fichier TOML ; igc-client.toml du dossier courant si absent.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Adresse https du service (IGCCLIENT_URL).")] = None,
    certificat: Annotated[str | None, typer.Option("--certificat", help="Certificat client, PEM.")] = None,
    cle: Annotated[str | None, typer.Option("--cle", help="Clé privée du certificat client, PEM.")] = None,
    ca: Annotated[str | None, typer.Option("--ca", help="AC du serveur, PEM.")] = None,
    mot_de_passe_cle: Annotated[
        str | None, typer.Option("--mot-de-passe-cle", help="Fichier du mot de passe de la clé.")
    ] = None,
    delai: Annotated[str | None, typer.Option("--delai", help="Secondes de silence tolérées.")] = None,
    essais: Annotated[str | None, typer.Option("--essais", help="Essais par appel, le premier compris.")] = None,
    mandataire: Annotated[str | None, typer.Option("--mandataire", help="Adresse d'un mandataire HTTP.")] = None,
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
    }
    context.obj = Caller(config=config, options=options)


for _name, _function in (
    ("cles", lot_commands.make_keys_command),
    ("verifier", lot_commands.verify_command),
    ("deposer", lot_commands.deposit_command),
    ("suivre", lot_commands.follow_command),
    ("retirer", lot_commands.withdraw_command),
    ("tout", lot_commands.all_command),
    ("lister", query_commands.list_command),
    ("rechercher", query_commands.search_command),
    ("consulter", query_commands.show_command),
    ("annuler", query_commands.cancel_command),
    ("etat", query_commands.state_command),
):
    app.command(_name, cls=_FrenchCommand)(_function)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits; never shows a traceback for what a user can correct."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    display = Display()
    try:
        code = int(app(arguments, prog_name="igc-client", standalone_mode=False) or ExitCode.OK)
    except IgcClientError as error:
        display.alert(str(error))
        return exit_code_of(error)
    except typer.Abort:
        display.alert("Interrompu.")
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        display.alert(f"{_usage_error(error)} Aide : igc-client --help")
        return ExitCode.MESSAGE
    except OSError as error:
        display.alert(f"Le fichier {error.filename} ne peut pas être lu ou écrit ({error.strerror}).")
        return ExitCode.LOCAL
    if code == ExitCode.INTERRUPTED:
        display.alert("Interrompu ; la même commande reprendra où celle-ci s'est arrêtée.")
    return code


def _usage_error(error: typer.TyperException) -> str:
    # typer words these in English; their class and the names they carry are enough to say it in French.
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    hint = getattr(parameter, "metavar", None) or " ".join(getattr(parameter, "opts", ()))
    kind = type(error).__name__
    if kind == "NoSuchOption":
        return f"Option inconnue : {option}."
    if kind == "MissingParameter":
        return f"Il manque {hint}."
    if kind == "BadParameter":
        return f"Valeur refusée pour {hint}."
    return f"Option {option} mal employée." if option else "Commande inconnue ou arguments en trop."
