"""What every command of ``igc-client`` shares: the connection, and which lot is meant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer

from clients.cli.configuration import load_configuration
from clients.cli.display import Display
from clients.cli.secrets import read_secret
from clients.contract.values import Lot
from clients.errors import Introuvable
from clients.lots.file import read_lot
from clients.lots.state import load_state
from clients.service.lots import RetryPolicy, ServiceLots

_MAX_INDEX_DIGITS = 18


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
        pour=settings.pour,
    )


def find_index(service: ServiceLots, lot: str) -> int:
    """The index meant by an argument: a number is an index, an existing file its lot, anything else a reference."""
    if lot.isdecimal() and len(lot) <= _MAX_INDEX_DIGITS:
        return int(lot)
    path = Path(lot)
    if not path.is_file():
        return _index_of_reference(service, lot)
    state = load_state(path)
    if state is not None and state.url == service.url and state.index_lot is not None:
        return state.index_lot
    return service.suivre_lot(reference=open_lot(path).reference).index_lot


def _index_of_reference(service: ServiceLots, reference: str) -> int:
    try:
        return service.suivre_lot(reference=reference).index_lot
    except Introuvable as error:
        # Most often a file name mistyped, or the wrong current folder.
        raise Introuvable(error.code, f"{error.texte} Il n'y a pas non plus de fichier « {reference} » ici.") from error


def open_lot(path: Path, reference: str | None = None) -> Lot:
    """The lot of a file; a CSV lot that was already sent keeps the reference it was sent under."""
    if reference is None and path.suffix.lower() == ".csv":
        state = load_state(path)
        reference = None if state is None else state.reference
    return read_lot(path, reference=reference)
