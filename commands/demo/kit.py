"""What the demo leaves in its folder for who goes on by hand: settings, a table and a code for ``igc-client``."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from pathlib import Path

from commands.demo.items import CONTACT, DOMAIN
from commands.trial.fictitious import HOPITAL
from runtime.settings.model import Settings

_CODE_NAME = "code-revocation.txt"
_CODE_ALPHABET_PART = "Aa-1"
"""Makes any random text a revocation code that rule ERR_IHM_011 accepts."""

_TABLE = f"""\
reference;offre;usage;structure;serviceApplicatif;adresseEmail;fqdn;emailActeur
accueil-1;ORG;AUTH_CLI;{HOPITAL};Accueil;;;{CONTACT}
labo-bal;SERV;S/MIME;{HOPITAL};Laboratoire;labo@{DOMAIN};;{CONTACT}
portail;SERV;SSL_SERV;{HOPITAL};;;portail.{DOMAIN} www.portail.{DOMAIN};{CONTACT}
"""


def make_code() -> str:
    """A revocation code that nobody has seen."""
    return secrets.token_urlsafe(12) + _CODE_ALPHABET_PART


def write_kit(folder: Path, settings: Settings, sender: str) -> tuple[str, str]:
    """Writes the files; gives the two commands that turn the table into certificates, run from here as they are.

    Settings follow the ports of this run. The table and the code stay as they are found: whoever changed them, or
    ran the commands before, goes on with them.
    """
    (folder / "igc-client.toml").write_text(
        "# Écrit par la démonstration à chaque départ.\n"
        f'url = "{settings.ws.public_url}/ws/lots/1.0"\n'
        f'certificat = "clients/{sender}.pem"\n'
        f'cle = "clients/{sender}.key"\n'
        'ca = "clients/ac-racine.pem"\n',
        encoding="utf-8",
    )
    table, code = folder / "lot.csv", folder / _CODE_NAME
    if not table.exists():
        table.write_text(_TABLE, encoding="utf-8")
    if not code.exists():
        with os.fdopen(os.open(code, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(f"{make_code()}\n")
    client = Path(sys.executable).with_name("igc-client")
    keys = folder / "cles"
    make = (client, "cles", table, "--dossier", keys)
    everything = (
        *(client, "--config", folder / "igc-client.toml", "tout", table.with_suffix(".xml"), folder / "certificats"),
        *("--cles", keys, "--code-fichier", code, "--accepter-cgu"),
    )
    return _typed(make), _typed(everything)


def short(path: Path) -> str:
    """As a person in this folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _typed(words: tuple[str | Path, ...]) -> str:
    return shlex.join(short(word) if isinstance(word, Path) else word for word in words)
