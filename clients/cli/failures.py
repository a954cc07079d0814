"""How a run that failed ends: its exit code, its French text, and the same as JSON.

docs/integrateurs.md lists the exit codes: a script may rely on them.
"""

from __future__ import annotations

import traceback
from enum import IntEnum
from pathlib import Path

import msgspec
import typer

from clients.cli.configuration import Configuration
from clients.contract.schema_check import InvalidMessageError, Problem
from clients.errors import (
    AccesRefuse,
    CertificateRefusedError,
    Conflit,
    ConnectionLostError,
    ErreurTechnique,
    Faute,
    IgcClientError,
    Introuvable,
    MessageRefuse,
    ServerNotTrustedError,
    ServiceFault,
    SettingsError,
    StateError,
    UnexpectedAnswerError,
)
from clients.files import reason_of
from clients.keys.certificate import CertificateFileError
from clients.keys.many import KeyFileError
from clients.text import printable


class ExitCode(IntEnum):
    """What a script may test."""

    OK = 0
    SOME_REFUSED = 1
    MESSAGE = 2
    ACCESS = 3
    CONNECTION = 4
    STATE = 5
    LOCAL = 6
    INTERNAL = 70
    INTERRUPTED = 130
    CLOSED_OUTPUT = 141


_BEFORE_THE_COMMAND = {"--config", *(f"--{name.replace('_', '-')}" for name in Configuration.__struct_fields__)}
"""Options of the connection, which belong to no command."""


class CommandLineError(IgcClientError):
    """Options that do not go together, one that is missing, or a value that cannot be right."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why a run ended without its result. ``nature`` is stable, ``texte`` is for people.

    The members of a fault of the contract keep their names, those of each fault of a message in ``fautes`` too;
    ``problemes`` are those of a lot, by line and field.
    """

    nature: str
    fin: int
    texte: str
    code: str | None = None
    position: int | None = None
    champ: str | None = None
    incident: str | None = None
    problemes: tuple[Problem, ...] = ()
    fautes: tuple[Faute, ...] = ()
    autres_fautes: int = 0


_KINDS: dict[type, tuple[str, ExitCode]] = {
    MessageRefuse: ("messageRefuse", ExitCode.MESSAGE),
    AccesRefuse: ("accesRefuse", ExitCode.ACCESS),
    Introuvable: ("introuvable", ExitCode.STATE),
    Conflit: ("conflit", ExitCode.STATE),
    ErreurTechnique: ("erreurTechnique", ExitCode.CONNECTION),
    InvalidMessageError: ("messageNonConforme", ExitCode.MESSAGE),
    CommandLineError: ("ligneDeCommande", ExitCode.MESSAGE),
    CertificateRefusedError: ("certificatRefuse", ExitCode.ACCESS),
    ConnectionLostError: ("connexion", ExitCode.CONNECTION),
    ServerNotTrustedError: ("serveurNonReconnu", ExitCode.CONNECTION),
    UnexpectedAnswerError: ("reponseInattendue", ExitCode.CONNECTION),
    SettingsError: ("reglage", ExitCode.LOCAL),
    StateError: ("etatLocal", ExitCode.LOCAL),
    KeyFileError: ("fichierDeCle", ExitCode.LOCAL),
    CertificateFileError: ("fichier", ExitCode.LOCAL),
}


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of a run that ended with this error."""
    return ExitCode(failure_of(error).fin)


def failure_of(error: BaseException) -> Failure:
    """What is told of any error that ends a run; nothing of a library's text, which may hold a secret."""
    if isinstance(error, ServiceFault):
        nature, code = _kind_of(type(error))
        return Failure(
            nature=nature,
            fin=code,
            texte=error.texte,
            code=error.code,
            position=error.position,
            champ=error.champ,
            incident=error.incident,
            fautes=error.fautes if isinstance(error, MessageRefuse) else (),
            autres_fautes=error.autres_fautes if isinstance(error, MessageRefuse) else 0,
        )
    if isinstance(error, IgcClientError):
        nature, code = _kind_of(type(error))
        problems = error.problems if isinstance(error, InvalidMessageError) else ()
        return Failure(nature=nature, fin=code, texte=printable(str(error)), problemes=problems)
    nature, code, texte = _told_of(error)
    return Failure(nature=nature, fin=code, texte=printable(texte))


def _told_of(error: BaseException) -> tuple[str, ExitCode, str]:
    match error:
        case typer.TyperException():
            return "ligneDeCommande", ExitCode.MESSAGE, f"{usage_error(error)} Aide : igc-client --help"
        case KeyboardInterrupt():
            texte = "Interrompu ; la même commande reprendra où celle-ci s'est arrêtée."
            return "interruption", ExitCode.INTERRUPTED, texte
        case typer.Abort():
            return "interruption", ExitCode.INTERRUPTED, "Abandonné ; rien n'a été fait."
        case BrokenPipeError():
            return "sortieFermee", ExitCode.CLOSED_OUTPUT, ""
        case OSError():
            what = f"Le fichier {error.filename}" if error.filename else "Un fichier"
            return "fichier", ExitCode.LOCAL, f"{what} ne peut pas être lu ou écrit : {reason_of(error)}."
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f", {Path(last[0].filename).name} ligne {last[0].lineno}" if last else ""
    texte = f"Erreur interne de igc-client ({type(error).__name__}{place}) ; signalez-la avec la commande employée."
    return "interne", ExitCode.INTERNAL, texte


def _kind_of(kind: type[BaseException]) -> tuple[str, ExitCode]:
    return next((_KINDS[one] for one in kind.__mro__ if one in _KINDS), ("reglage", ExitCode.LOCAL))


def usage_error(error: typer.TyperException) -> str:
    """A fault of the command line in French: typer words it in English; its class and names are enough to say it."""
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    hint = getattr(parameter, "metavar", None) or " ".join(getattr(parameter, "opts", ()))
    kind = type(error).__name__
    if kind == "NoSuchOption" and option in _BEFORE_THE_COMMAND:
        return f"L'option {option} se place avant le nom de la commande."
    if kind == "NoSuchOption":
        return f"Option inconnue : {option}."
    if kind == "MissingParameter":
        return f"Il manque {hint}."
    if kind == "BadParameter":
        return f"Valeur refusée pour {hint}{_expected_of(parameter)}."
    return f"Option {option} mal employée." if option else "Commande inconnue ou arguments en trop."


def _expected_of(parameter: object) -> str:
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return " : un nombre entier est attendu" if kind is int else ""
