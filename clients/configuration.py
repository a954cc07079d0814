"""How ``igc-client`` is told where the service is and who we are: options, IGCCLIENT_* variables, a TOML file.

Secrets are files: the configuration only holds their paths.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from clients.errors import SettingsError

DEFAULT_FILE = Path("igc-client.toml")
PREFIX = "IGCCLIENT_"
"""Not IGC_, which belongs to the plateforme: its processes refuse variables they do not know."""
CONFIG_VARIABLE = f"{PREFIX}CONFIG"

_PATHS = ("certificat", "cle", "ca", "mot_de_passe_cle")


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service and one client certificate. Paths of a TOML file are relative to that file.

    ``certificat`` and ``cle`` are PEM; ``mot_de_passe_cle`` a file holding the key's pass phrase; ``ca`` the PEM file
    of the CAs of the server (absent: those of the system); ``delai`` seconds of silence before a call is given up;
    ``essais`` how often a call is tried in all; ``mandataire`` the address of an HTTP proxy.
    """

    url: str
    certificat: Path
    cle: Path
    ca: Path | None = None
    mot_de_passe_cle: Path | None = None
    delai: float = 120.0
    essais: int = 7
    mandataire: str | None = None


def load_configuration(
    options: Mapping[str, str | None], *, file: Path | None, environment: Mapping[str, str] | None = None
) -> Configuration:
    """The configuration in force. ``options`` win over IGCCLIENT_URL, IGCCLIENT_CERTIFICAT..., which win over TOML.

    Without ``file``, IGCCLIENT_CONFIG or ``igc-client.toml`` of the current folder is read when it exists. Raises
    SettingsError, in French, for an unknown key, a missing one or a value of the wrong type.
    """
    environment = os.environ if environment is None else environment
    values = _read_toml(_chosen_file(file, environment))
    for field in msgspec.structs.fields(Configuration):
        given = options.get(field.name) or environment.get(f"{PREFIX}{field.name.upper()}")
        if given:
            values[field.name] = given
    missing = [name for name in ("url", "certificat", "cle") if not values.get(name)]
    if missing:
        raise SettingsError(
            f"Il manque : {', '.join(missing)}. Donnez-les par option, par variable {PREFIX}... ou dans {DEFAULT_FILE}."
        )
    try:
        return msgspec.convert(values, Configuration, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Configuration refusée : {_in_french(str(error))}") from error


def read_secret(path: Path) -> str:
    """The first line of a secret's file. Raises SettingsError when it is missing or empty."""
    try:
        secret = path.read_text(encoding="utf-8").split("\n", 1)[0].removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Le fichier {path} ne peut pas être lu.") from error
    if not secret:
        raise SettingsError(f"Le fichier {path} est vide.")
    return secret


def _chosen_file(file: Path | None, environment: Mapping[str, str]) -> Path | None:
    if file is None and environment.get(CONFIG_VARIABLE):
        file = Path(environment[CONFIG_VARIABLE])
    if file is not None and not file.is_file():
        raise SettingsError(f"Fichier de configuration introuvable : {file}")
    return file or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def _read_toml(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        values: dict[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"Le fichier {file} n'est pas un TOML lisible.") from error
    known = {field.name for field in msgspec.structs.fields(Configuration)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SettingsError(
            f"Clés inconnues dans {file} : {', '.join(unknown)} ; clés permises : {', '.join(sorted(known))}."
        )
    for name in _PATHS:
        if isinstance(values.get(name), str):
            values[name] = str(file.parent / str(values[name]))
    return values


def _to_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


def _in_french(message: str) -> str:
    # msgspec ends its messages with the place of the value: "... - at `$.delai`".
    _, _, place = message.rpartition("`$.")
    name = place.rstrip("`")
    return f"la valeur de {name} n'est pas du type attendu." if name else "valeur du mauvais type."
