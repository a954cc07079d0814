"""The steps on the machine of an offline root: it has no instance, and its pass phrase is in people's heads."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import typer

from commands.ceremony.materials import CeremonyStep, refuse_fictitious, show, workshop_of
from pki.ceremony.configuration import CeremonyConfig
from pki.ceremony.perform import answer_requests, make_root, renew_root_crl
from pki.errors import CeremonyError
from pki.keys.private import MIN_PASSPHRASE
from runtime.clock import system_clock
from runtime.secret_file import SecretFile
from runtime.settings.model import Settings


def in_the_vault(
    settings: Settings,
    ceremony: CeremonyConfig,
    step: CeremonyStep,
    exchange: Path | None,
    passphrase_file: Path | None,
) -> None:
    """The steps on the machine of an offline root; all that can be refused is refused before there is a key."""
    if not ceremony.root.offline:
        raise typer.BadParameter(f"{step} est pour une racine hors ligne : [root] offline = true dans le fichier")
    if exchange is None:
        raise typer.BadParameter("dossier d'échange attendu", param_hint="--exchange")
    if step is not CeremonyStep.CRL:
        refuse_fictitious(settings, ceremony)
    phrase = _asked_phrase(ceremony, passphrase_file, new=step is CeremonyStep.ROOT)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    workshop = workshop_of(settings, ceremony, exchange, phrase)
    workshop.exchange_folder()
    if step is CeremonyStep.ROOT:
        show(make_root(ceremony, workshop, system_clock()), "Racine créée")
        typer.echo(f"À porter sur la machine de la plateforme : {exchange}")
    elif step is CeremonyStep.ANSWER:
        made = answer_requests(ceremony, workshop, system_clock())
        typer.echo(f"AC certifiées : {', '.join(made) or 'aucune nouvelle'}. Réponses dans {exchange}")
    else:
        typer.echo(f"CRL de la racine : {renew_root_crl(ceremony, workshop, system_clock())}")


def _asked_phrase(ceremony: CeremonyConfig, file: Path | None, *, new: bool) -> bytes:
    """The pass phrase of a root whose key is in a file: it is never written on the machine that has the key."""
    if ceremony.root.key != "software":
        return b""
    if file is not None:
        return _octets(SecretFile(file).read_text())
    if not sys.stdin.isatty():
        raise CeremonyError("phrase de passe de la racine : sans terminal pour la demander, donner --passphrase-file")
    if new:
        typer.echo(f"La phrase de passe protège la clé de la racine : {MIN_PASSPHRASE} caractères au moins.", err=True)
    phrase: str = typer.prompt("Phrase de passe de la racine", hide_input=True, err=True, prompt_suffix=" : ")
    if new and typer.prompt("La même, encore une fois", hide_input=True, err=True, prompt_suffix=" : ") != phrase:
        raise CeremonyError("les deux phrases de passe diffèrent ; rien n'a été fait")
    return _octets(phrase)


def _octets(phrase: str) -> bytes:
    """The same octets from every keyboard."""
    return unicodedata.normalize("NFC", phrase).encode()
