"""The command line in French: what typer itself says in help and errors, in the words of the verbs."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

_HELP = "Affiche cette aide."
_USAGE = "Usage : "
# What typer, and pydantic behind it, say of a value.
_VALUES = (
    (re.compile(r"\AInput should be a valid integer.*", re.DOTALL), "nombre entier attendu"),
    (re.compile(r"\AInput should be a valid number.*", re.DOTALL), "nombre attendu"),
    (re.compile(r"\AInput should be a valid boolean.*", re.DOTALL), "true ou false attendu"),
    (re.compile(r"\AInput should be greater than or equal to (\S+)", re.DOTALL), "la valeur minimale est {0}"),
    (re.compile(r"\AInput should be less than or equal to (\S+)", re.DOTALL), "la valeur maximale est {0}"),
    (
        re.compile(r"\A(?:Value error, )?(.+) does not match the formats? .*", re.DOTALL),
        "date attendue, comme 2027-01-31T08:00:00",
    ),
    (re.compile(r"\A(?:Value error, )?(.+) is not one of (.+?)\.?", re.DOTALL), "{0} : valeurs possibles {1}"),
    (re.compile(r"\A(?:file|dir|path) (.+) does not exist\.", re.DOTALL), "{0} n'existe pas"),
    (re.compile(r"\A(?:file|dir|path) (.+) is a directory\.", re.DOTALL), "{0} est un dossier"),
    (re.compile(r"\A(?:file|dir|path) (.+) is a file\.", re.DOTALL), "{0} est un fichier"),
    (re.compile(r"\A(?:file|dir|path) (.+) is not readable\.", re.DOTALL), "{0} ne peut pas être lu"),
    (re.compile(r"\A(?:file|dir|path) (.+) is not writable\.", re.DOTALL), "{0} ne peut pas être écrit"),
    (
        re.compile(r"\A(?:Value error, 'utf-8' codec|Input should be a valid string).*", re.DOTALL),
        "texte en UTF-8 attendu",
    ),
    # Whatever else the libraries say; our own verbs speak French.
    (re.compile(r"\A(?:Input should|Value error,).*", re.DOTALL), "valeur refusée"),
)
# What it says of the line as a whole.
_LINES = (
    (re.compile(r"\ANo such option: (.+)", re.DOTALL), "option inconnue : {0}"),
    (re.compile(r"\ANo such command (.+)\.", re.DOTALL), "commande inconnue : {0}"),
    (re.compile(r"\AMissing command\.", re.DOTALL), "commande attendue"),
    (re.compile(r"\AOption (.+) does not take a value\.", re.DOTALL), "l'option {0} ne prend pas de valeur"),
    (re.compile(r"\AOption (.+) requires .+\.", re.DOTALL), "l'option {0} demande une valeur"),
    (re.compile(r"\AGot unexpected extra arguments?(?:\(s\))? \((.+)\)", re.DOTALL), "arguments en trop : {0}"),
    (re.compile(r"\AArgument (.+) takes (\d+) values\.", re.DOTALL), "{0} demande {1} valeurs"),
)
_PLACES = {"int": "NOMBRE", "float": "NOMBRE", "str": "TEXTE", "bool": "", "file": "FICHIER", "dir": "DOSSIER"}


class _French:
    """What both a verb and a group of verbs change."""

    params: list[Any]

    def main(self, *arguments: Any, standalone_mode: bool = True, **options: Any) -> Any:  # noqa: ANN401 -- typer's own
        """As typer does; its errors in French, on the error output, with its status."""
        if not standalone_mode:
            return super().main(*arguments, standalone_mode=False, **options)  # type: ignore[misc]  # of the class beside
        try:
            code = super().main(*arguments, standalone_mode=False, **options)  # type: ignore[misc]  # of the class beside
        except typer.Abort:
            typer.echo("Abandonné.", err=True)
            sys.exit(1)
        except typer.TyperException as error:
            for line in _told(error):
                typer.echo(line, err=True)
            sys.exit(error.exit_code)
        sys.exit(code if isinstance(code, int) else 0)

    def get_usage(self, *arguments: Any) -> str:  # noqa: ANN401 -- typer's own signature
        """The line with the arguments."""
        usage: str = super().get_usage(*arguments)  # type: ignore[misc]  # of the class beside
        return usage.replace("Usage: ", _USAGE, 1).replace("COMMAND [ARGS]...", "COMMANDE [ARGUMENTS]...")

    def get_help_option(self, *arguments: Any) -> Any:  # noqa: ANN401 -- typer's own signature
        """The option that shows the help."""
        option = super().get_help_option(*arguments)  # type: ignore[misc]  # of the class beside
        if option is not None:
            option.help = _HELP
            option.metavar = ""
        return option

    def format_help(self, *arguments: Any) -> None:  # noqa: ANN401 -- typer's own signature
        """The whole help."""
        from typer import rich_utils  # noqa: PLC0415 -- a third of the start-up time, for help only

        rich_utils.COMMANDS_PANEL_TITLE = "Commandes"
        rich_utils.DEFAULT_STRING = "[par défaut : {}]"
        rich_utils.REQUIRED_LONG_STRING = "[obligatoire]"
        for param in self.params:
            _name_place(param)
        super().format_help(*arguments)  # type: ignore[misc]  # of the class beside


class FrenchCommand(_French, TyperCommand):
    """One verb."""


class FrenchGroup(_French, TyperGroup):
    """Verbs under one name."""


def _name_place(param: TyperOption | TyperArgument) -> None:
    """What stands for a value in the help, where the verb does not say it: a word, not the name of a type."""
    if param.type_descriptor.is_choice:
        return
    if isinstance(param, TyperArgument):
        param.display_type_rich = lambda ctx: ""  # type: ignore[method-assign]  # noqa: ARG005 -- its name says enough
    elif param.metavar is None:
        shown = param.display_type(typer.Context(TyperCommand(None))).strip("<>").split(" ")[0]
        param.metavar = _PLACES.get(shown.removeprefix("list[").rstrip("]"), "FICHIER" if shown == "path" else shown)


def _told(error: typer.TyperException) -> Sequence[str]:
    if type(error).__name__ == "NoArgsIsHelpError":
        return ()  # the help is the answer, and is there already
    context = getattr(error, "ctx", None)
    lines = [context.get_usage(), f"Aide : {context.command_path} --help"] if context is not None else []
    return [*lines, f"Erreur : {in_french(error)}"]


def in_french(error: typer.TyperException) -> str:
    """What is wrong with the command line. What our own verbs say is French already."""
    kind, param = type(error).__name__, getattr(error, "param", None)
    hint = getattr(error, "param_hint", None) or _hint(param)
    if kind == "MissingParameter":
        choices = getattr(getattr(param, "type_descriptor", None), "choices", None) or ()
        named = ", ".join(str(getattr(choice, "value", choice)) for choice in choices)
        return f"il manque {hint}" + (f" : {named}" if named else "")
    if isinstance(error, typer.BadParameter):
        text = _translated(error.message, _VALUES)
        return f"{hint} : {text}" if hint else text
    text = _translated(error.message, _LINES)
    possible = getattr(error, "possibilities", None)
    return f"{text} (peut-être {', '.join(sorted(possible))})" if possible else text


def _hint(param: Any) -> str:  # noqa: ANN401 -- an option, an argument or None
    if isinstance(param, TyperArgument):
        return str(param.metavar or param.name)
    return " / ".join(getattr(param, "opts", ()))


def _translated(text: str, patterns: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, french in patterns:
        if found := pattern.fullmatch(text):
            return french.format(*found.groups())
    return text


def number(count: int) -> str:
    """Thousands apart, as one reads them in French."""
    return f"{count:,}".replace(",", " ")
