"""Help and completion of ``igc-client`` in French: what typer would say in English is said here."""

from __future__ import annotations

import os
from typing import Any

import typer
from typer.completion import (  # type: ignore[attr-defined]  # there, without being declared exported
    completion_init,
    get_completion_script,
)
from typer.core import TyperCommand, TyperGroup

from clients.cli.failures import CommandLineError

_HELP_TEXT = "Afficher cette aide."
_SHELLS = ("bash", "zsh", "fish", "powershell")
_TYPES = {int: "<nombre>", str: "<texte>"}


class _FrenchHelp:
    def get_help_option(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 -- typer's own signature
        option = super().get_help_option(*arguments, **options)  # type: ignore[misc]  # of the class beside this one
        if option is not None:
            option.help = _HELP_TEXT
        return option

    def collect_usage_pieces(self, context: Any) -> list[str]:  # noqa: ANN401 -- typer's own signature
        pieces: list[str] = super().collect_usage_pieces(context)  # type: ignore[misc]  # of the class beside this one
        return [piece.strip("{}") for piece in pieces]

    def format_help(self, context: Any, *arguments: Any) -> None:  # noqa: ANN401 -- typer's own signature
        from typer import rich_utils  # noqa: PLC0415 -- a third of the start-up time, for help only

        rich_utils.COMMANDS_PANEL_TITLE = "Commandes"
        rich_utils.DEFAULT_STRING = "[défaut : {}]"
        rich_utils.REQUIRED_LONG_STRING = "[obligatoire]"
        rich_utils.RANGE_STRING = ""
        for parameter in self.get_params(context):  # type: ignore[attr-defined]  # of the class beside this one
            parameter.display_type_rich = _naming(_type_of(parameter))
        super().format_help(context, *arguments)  # type: ignore[misc]  # of the class beside this one


class FrenchCommand(_FrenchHelp, TyperCommand):
    """A command whose help is in French."""


class FrenchGroup(_FrenchHelp, TyperGroup):
    """The command of commands, whose help is in French."""


def ready_to_complete(program: str) -> None:
    """Lets the shell ask for completions, when it is the shell that calls."""
    if f"_{program.replace('-', '_').upper()}_COMPLETE" in os.environ:
        completion_init()


def completion_script(context: typer.Context, shell: str | None) -> None:
    """Prints what a shell runs to complete our commands, and ends. Raises CommandLineError for an unknown shell."""
    if shell is None or context.resilient_parsing:
        return
    if shell not in _SHELLS:
        raise CommandLineError(f"« {shell} » n'est pas une valeur de --completion : {', '.join(_SHELLS)}.")
    program = context.find_root().info_name or ""
    variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
    typer.echo(get_completion_script(prog_name=program, complete_var=variable, shell=shell))
    raise typer.Exit


def _type_of(parameter: Any) -> str | None:  # noqa: ANN401 -- an option or an argument of typer
    if getattr(parameter, "is_flag", False):
        return None
    descriptor = parameter.type_descriptor
    return "<chemin>" if descriptor.is_path else _TYPES.get(descriptor.annotation, "<texte>")


def _naming(name: str | None) -> Any:  # noqa: ANN401 -- a method of typer
    def display_type_rich(**_context: object) -> str | None:
        return name

    return display_type_rich
