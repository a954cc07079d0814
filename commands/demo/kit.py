"""What the demo leaves for who goes on by hand: the folder of an integrator, in which docs/integrateurs.md plays."""

from __future__ import annotations

import secrets
import shlex
import shutil
import sys
from pathlib import Path

from commands.demo.items import CONTACT, DOMAIN
from commands.trial.fictitious import HOPITAL
from commands.trial.plateforme import CLIENTS_FOLDER
from runtime.settings.model import Settings
from runtime.whole_files import write_new

KIT_FOLDER = "essai"
APPLICATION = "dpi-acacias"
"""Whose certificate the folder holds: the information system of the hospital."""
_CODE_NAME = "code-revocation.txt"
_CODE_ALPHABET_PART = "Aa-1"
"""Makes any random text a revocation code that rule ERR_IHM_011 accepts."""

TABLE = f"""\
reference;offre;usage;structure;serviceApplicatif;adresseEmail;fqdn;emailActeur
accueil-1;ORG;AUTH_CLI;{HOPITAL};Accueil;;;{CONTACT}
labo-bal;SERV;S/MIME;{HOPITAL};Laboratoire;labo@{DOMAIN};;{CONTACT}
portail;SERV;SSL_SERV;{HOPITAL};;;portail.{DOMAIN} www.portail.{DOMAIN};{CONTACT}
"""


def make_code() -> str:
    """A revocation code that nobody has seen."""
    return secrets.token_urlsafe(12) + _CODE_ALPHABET_PART


def write_kit(folder: Path, settings: Settings) -> tuple[Path, tuple[str, ...]]:
    """Writes the files; gives their folder, and the lines to type, from where the demo was started, for certificates.

    Settings and certificates follow this run. The table and the code stay as they are found: whoever changed them, or
    ran the commands before, goes on with them.
    """
    kit = folder / KIT_FOLDER
    kit.mkdir(mode=0o700, exist_ok=True)
    for name, source in (("client.pem", f"{APPLICATION}.pem"), ("client.key", f"{APPLICATION}.key")):
        _copy(folder / CLIENTS_FOLDER / source, kit / name)
    _copy(folder / CLIENTS_FOLDER / "ac-racine.pem", kit / "ca.pem")
    url = f"{settings.ws.public_url}/ws/lots/1.0"
    (kit / "igc-client.toml").write_text(client_settings(url), encoding="utf-8")
    (kit / "curl.conf").write_text(curl_settings(url), encoding="utf-8")
    if not (kit / "lot.csv").exists():
        (kit / "lot.csv").write_text(TABLE, encoding="utf-8")
    if not (kit / _CODE_NAME).exists():
        write_new(kit / _CODE_NAME, f"{make_code()}\n".encode(), secret=True)
    programs = shlex.quote(str(Path(sys.executable).parent))
    return kit, (
        f"cd {shlex.quote(short(kit))} && export PATH={programs}:$PATH",
        "igc-client cles lot.csv",
        f"igc-client tout lot.xml certificats --cles cles --code-fichier {_CODE_NAME} --accepter-cgu",
    )


def client_settings(url: str) -> str:
    """``igc-client.toml``, as the guide shows it."""
    return f'url = "{url}"\ncertificat = "client.pem"\ncle = "client.key"\nca = "ca.pem"\n'


def curl_settings(url: str) -> str:
    """The same for curl (``--config``), as the guide shows it."""
    return (
        f'url = "{url}"\ncert = "client.pem"\nkey = "client.key"\ncacert = "ca.pem"\n'
        'header = "Content-Type: text/xml; charset=utf-8"\nsilent\nshow-error\n'
    )


def short(path: Path) -> str:
    """As a person in this folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _copy(source: Path, target: Path) -> None:
    """The same content with the same mode: a key stays its owner's."""
    target.unlink(missing_ok=True)
    shutil.copy(source, target)
