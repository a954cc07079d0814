"""How ``igc-client`` is told where the service is and who we are: options, IGCCLIENT_* variables, a TOML file.

Secrets are files: the configuration only holds their paths.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from clients.errors import SettingsError
from clients.files import existing_path, reason_of
from clients.text import UnreadableTextError, invisible_character, read_text

DEFAULT_FILE = Path("igc-client.toml")
PREFIX = "IGCCLIENT_"
"""Not IGC_, which belongs to the plateforme: its processes refuse variables they do not know."""
CONFIG_VARIABLE = f"{PREFIX}CONFIG"

_EXPECTED = {
    "delai": "un nombre de secondes, de plus de 0 à 86400",
    "essais": "un nombre entier, de 1 à 1000",
    "pour": "un numéro national, entre guillemets",
}
_PATHS = ("certificat", "cle", "ca", "mot_de_passe_cle")


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service and one client certificate. Paths of a TOML file are relative to that file.

    ``certificat`` and ``cle`` are PEM; ``mot_de_passe_cle`` a file holding the key's pass phrase; ``ca`` the PEM file
    of the CAs of the server (absent: those of the system); ``delai`` seconds of silence before a call is given up;
    ``essais`` how often a call is tried in all; ``mandataire`` the address of an HTTP proxy; ``pour`` the national id
    of the person in whose place to act.
    """

    url: str
    certificat: Path
    cle: Path
    ca: Path | None = None
    mot_de_passe_cle: Path | None = None
    delai: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 120.0
    essais: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 7
    mandataire: str | None = None
    pour: str | None = None


def load_configuration(
    options: Mapping[str, str | None], *, file: Path | None, environment: Mapping[str, str] | None = None
) -> Configuration:
    """The configuration in force. ``options`` win over IGCCLIENT_URL, IGCCLIENT_CERTIFICAT..., which win over TOML.

    Without ``file``, IGCCLIENT_CONFIG or ``igc-client.toml`` of the current folder is read when it exists. Raises
    SettingsError, in French, for an unknown key, a missing one or a value of the wrong type; also for a ``pour`` that
    is empty, wherever it stands: nothing is done in one's own name for want of the other's number.
    """
    environment = os.environ if environment is None else environment
    values = _read_toml(_chosen_file(file, environment))
    for field in msgspec.structs.fields(Configuration):
        given = options.get(field.name) or environment.get(f"{PREFIX}{field.name.upper()}")
        if given:
            values[field.name] = given
    told = (options.get("pour"), environment.get(f"{PREFIX}POUR"), values.get("pour"))
    if any(value is not None and not str(value).strip() for value in told):
        raise SettingsError("Il manque le numéro national de la personne pour laquelle agir : pour (--pour) est vide.")
    missing = [name for name in ("url", "certificat", "cle") if not values.get(name)]
    if missing:
        raise SettingsError(
            f"Il manque : {', '.join(missing)}. Donnez-les par option, par variable {PREFIX}... ou dans {DEFAULT_FILE}."
        )
    for name in ("url", "mandataire", "pour"):
        hidden = invisible_character(str(values.get(name, "")))
        if hidden is not None:
            raise SettingsError(f"Configuration refusée : {name} contient un caractère invisible ({hidden}).")
    try:
        return msgspec.convert(values, Configuration, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Configuration refusée : {_in_french(str(error))}") from error


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
        text = read_text(file)
        values: dict[str, object] = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"Le fichier {file} ne peut pas être lu : {reason_of(error)}.") from error
    except UnreadableTextError as error:
        raise SettingsError(f"Fichier {file} : {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"Le fichier {file} n'est pas un TOML lisible{_toml_place(text, error)}") from error
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


def _toml_place(text: str, error: tomllib.TOMLDecodeError) -> str:
    """Where TOML stopped, and the usual reasons, as an end of sentence; the library's own text is English."""
    found = re.search(r"at line (\d+)", str(error))
    if found is None:
        return " : la fin manque (un guillemet ou un crochet n'est pas fermé)."
    line = text.split("\n")[int(found[1]) - 1]
    hidden = invisible_character(line.replace("\t", " "))
    if hidden is not None:
        return f", ligne {found[1]} : caractère invisible ({hidden})."
    if "\\" in line:
        return f", ligne {found[1]} : écrivez un chemin de Windows entre apostrophes, 'C:\\certificats\\client.pem'."
    if "=" in line and '"' not in line and "'" not in line:
        return f", ligne {found[1]} : un texte s'écrit entre guillemets droits."
    return f", ligne {found[1]}."


def _to_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return existing_path(Path(value))
    raise NotImplementedError


def _in_french(message: str) -> str:
    # msgspec ends its messages with the place of the value: "... - at `$.delai`".
    _, _, place = message.rpartition("`$.")
    name = place.rstrip("`")
    return f"{name} doit être {_EXPECTED.get(name, 'un texte')}." if name else "valeur du mauvais type."
