"""Secrets that people choose and keep: read from a file or typed, never shown, never on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from clients.cli.display import Display
from clients.cli.failures import CommandLineError
from clients.contract.schema_check import InvalidMessageError, Problem
from clients.contract.values import ConditionsRetrait
from clients.errors import SettingsError
from clients.files import reason_of
from clients.text import UnreadableTextError, composed, invisible_character, read_text, untypable_character

_LENGTHS = range(12, 129)
"""Types ConditionsRetrait and CodeRevocation of the XSD: so many characters."""
CODE_RULE = (
    f"de {_LENGTHS.start} à {_LENGTHS.stop - 1} caractères, dont une majuscule, une minuscule et un caractère qui "
    "n'est ni une lettre ni un chiffre"
)


def read_secret(path: Path) -> str:
    """The first line of a secret's file, blanks included. Raises SettingsError when it is missing or empty.

    A byte order mark or a line end of Windows is the editor's, not the secret's. So is nothing else: what cannot be
    seen is refused rather than kept or taken away in silence.
    """
    try:
        secret = read_text(path).split("\n", 1)[0].removesuffix("\r")
    except OSError as error:
        raise SettingsError(f"Le fichier {path} ne peut pas être lu : {reason_of(error)}.") from error
    except UnreadableTextError as error:
        raise SettingsError(f"Fichier {path} : {error}") from error
    if not secret:
        raise SettingsError(f"La première ligne du fichier {path} est vide.")
    hidden = invisible_character(secret)
    if hidden is not None:
        raise SettingsError(f"Le fichier {path} contient un caractère invisible ({hidden}) ; retapez le secret.")
    return secret


def ask_conditions(code_file: Path | None, *, cgu_accepted: bool, display: Display) -> ConditionsRetrait:
    """The conditions of a withdrawal: the code from its file, or typed twice without being shown.

    The code goes out in NFC, whichever keyboard typed it, and is never trimmed. Raises CommandLineError when the CGU
    are not accepted, InvalidMessageError when the code of a file is too weak to be tried.
    """
    if not cgu_accepted:
        raise CommandLineError(
            "Retirer un certificat suppose d'accepter le certificat, les CGU et la PC : ajoutez --accepter-cgu."
        )
    if code_file is None:
        code = _prompt_code(display)
    else:
        code = composed(read_secret(code_file))
        weakness = weakness_of(code)
        if weakness is not None:
            problem = Problem(texte=weakness, champ="codeRevocation")
            raise InvalidMessageError((problem,), subject="Le code de révocation")
    return ConditionsRetrait(code_revocation=code, confirmation=code, acceptation_cgu=True)


def weakness_of(code: str) -> str | None:
    """Why the service is bound to refuse this code (ERR_IHM_011), without showing it; None when it is strong enough."""
    hidden = untypable_character(code)
    if hidden is not None:
        return f"il contient un caractère qui ne se retape pas ({hidden})."
    strong = (
        len(code) in _LENGTHS
        and any(character.isupper() for character in code)
        and any(character.islower() for character in code)
        and any(not character.isalnum() for character in code)
    )
    return None if strong else f"trop faible ou trop long : {CODE_RULE}."


def _prompt_code(display: Display) -> str:
    if not sys.stdin.isatty():
        raise CommandLineError(
            "Sans terminal pour le taper, le code de révocation se lit dans un fichier : --code-fichier."
        )
    display.say(
        f"Le code de révocation : {CODE_RULE}. Il ne s'affiche pas ; gardez-le. Un retrait répété demande le même code."
    )
    while True:
        code = composed(typer.prompt("Code de révocation", hide_input=True, err=True, prompt_suffix=" : "))
        weakness = weakness_of(code)
        if weakness is not None:
            display.say(f"Code refusé : {weakness}")
        elif composed(typer.prompt("Le même code", hide_input=True, err=True, prompt_suffix=" : ")) != code:
            display.say("Les deux codes tapés sont différents ; recommencez.")
        else:
            return code
