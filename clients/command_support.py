"""What every command of ``igc-client`` shares: the connection, which lot is meant, exit codes, secrets."""

from __future__ import annotations

import sys
from enum import IntEnum
from pathlib import Path

import msgspec
import typer

from clients.configuration import load_configuration, read_secret
from clients.display import Display
from clients.errors import (
    AccesRefuse,
    CertificateRefusedError,
    Conflit,
    ConnectionLostError,
    ErreurTechnique,
    IgcClientError,
    Introuvable,
    MessageRefuse,
    ServerNotTrustedError,
    SettingsError,
    UnexpectedAnswerError,
)
from clients.lot_file import read_lot
from clients.schema_check import InvalidMessageError, Problem
from clients.service import RetryPolicy, ServiceLots
from clients.state import load_state
from clients.values import ConditionsRetrait, Lot

_CODE_LENGTH = 12
"""Type ConditionsRetrait of the XSD: so many characters, an upper and a lower case one, a sign that is neither."""


class ExitCode(IntEnum):
    """What a script may test; docs/integrateurs.md lists them."""

    OK = 0
    SOME_REFUSED = 1
    MESSAGE = 2
    ACCESS = 3
    CONNECTION = 4
    STATE = 5
    LOCAL = 6
    INTERRUPTED = 130


_EXIT_CODES: tuple[tuple[type[IgcClientError], ExitCode], ...] = (
    (MessageRefuse, ExitCode.MESSAGE),
    (InvalidMessageError, ExitCode.MESSAGE),
    (AccesRefuse, ExitCode.ACCESS),
    (CertificateRefusedError, ExitCode.ACCESS),
    (ConnectionLostError, ExitCode.CONNECTION),
    (ErreurTechnique, ExitCode.CONNECTION),
    (ServerNotTrustedError, ExitCode.CONNECTION),
    (UnexpectedAnswerError, ExitCode.CONNECTION),
    (Introuvable, ExitCode.STATE),
    (Conflit, ExitCode.STATE),
)


def exit_code_of(error: IgcClientError) -> ExitCode:
    """The exit code of a run that ended with this error; what is not the service's doing is local."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), ExitCode.LOCAL)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The options given before the command's name."""

    config: Path | None
    options: dict[str, str | None]


def open_service(context: typer.Context, display: Display) -> ServiceLots:
    """The service of the configuration in force. Raises SettingsError."""
    caller: Caller = context.obj
    settings = load_configuration(caller.options, file=caller.config)
    password = None if settings.mot_de_passe_cle is None else read_secret(settings.mot_de_passe_cle)
    return ServiceLots(
        settings.url,
        certificate=(settings.certificat, settings.cle),
        ca=settings.ca,
        key_password=password,
        timeout=settings.delai,
        retry=RetryPolicy(attempts=settings.essais),
        on_retry=display.on_retry,
        proxy=settings.mandataire,
    )


def find_index(service: ServiceLots, lot: str) -> int:
    """The index meant by an argument: a number is an index, an existing file its lot, anything else a reference."""
    if lot.isdecimal():
        return int(lot)
    path = Path(lot)
    if not path.is_file():
        return service.suivre_lot(reference=lot).index_lot
    state = load_state(path)
    if state is not None and state.url == service.url and state.index_lot is not None:
        return state.index_lot
    return service.suivre_lot(reference=open_lot(path).reference).index_lot


def open_lot(path: Path, reference: str | None = None) -> Lot:
    """The lot of a file; a CSV lot that was already sent keeps the reference it was sent under."""
    if reference is None and path.suffix.lower() == ".csv":
        state = load_state(path)
        reference = None if state is None else state.reference
    return read_lot(path, reference=reference)


def ask_conditions(code_file: Path | None, *, cgu_accepted: bool) -> ConditionsRetrait:
    """The conditions of a withdrawal: the code from its file, or typed twice without being shown.

    Raises SettingsError when the CGU are not accepted, InvalidMessageError when the code is too weak to be tried.
    """
    if not cgu_accepted:
        raise SettingsError(
            "Retirer un certificat suppose d'accepter le certificat, les CGU et la PC : ajoutez --accepter-cgu."
        )
    code = read_secret(code_file) if code_file is not None else _prompt_code()
    check_code(code)
    return ConditionsRetrait(code_revocation=code, confirmation=code, acceptation_cgu=True)


def _prompt_code() -> str:
    if not sys.stdin.isatty():
        raise SettingsError(
            "Sans terminal pour le taper, le code de révocation se lit dans un fichier : --code-fichier."
        )
    code: str = typer.prompt("Code de révocation", hide_input=True, err=True)
    if typer.prompt("Le même code", hide_input=True, err=True) != code:
        raise SettingsError("Les deux codes tapés sont différents.")
    return code


def check_code(code: str) -> None:
    """Raises InvalidMessageError when the service is bound to refuse this code (ERR_IHM_011), never showing it."""
    strong = (
        len(code) >= _CODE_LENGTH
        and any(character.isupper() for character in code)
        and any(character.islower() for character in code)
        and any(not character.isalnum() for character in code)
    )
    if not strong:
        texte = (
            f"trop faible : {_CODE_LENGTH} caractères au moins, dont une majuscule, une minuscule et un caractère qui "
            "n'est ni une lettre ni un chiffre."
        )
        raise InvalidMessageError((Problem(texte=texte, champ="codeRevocation"),), subject="Le code de révocation")
