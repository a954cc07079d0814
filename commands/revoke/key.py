"""``igc revoke key``: block a compromised key, and revoke all that it certifies."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from commands.composition import Instance
from commands.options import ConfigOption, DryRunOption
from commands.revoke.support import PublishOption, YesOption, confirm, fail, opened, tell_publication
from pki.delegates.ocsp_signer import RESPONDER
from pki.delegates.seal import SEAL
from pki.keys.key_evidence import MAX_BYTES, KeyEvidence, KeyEvidenceError, KeyForm, KeyProblem, read_digest, read_key
from registration.revocation.by_key import Concerned, KeySurvey, revoke_key, survey_key
from registration.revocation.revoking import Revocations
from registration.rules.revocation import KEY_COMPROMISE, Outcome
from runtime.clock import system_clock
from runtime.secret_file import SecretFile

_FORMS = {
    KeyForm.CERTIFICATE: "un certificat",
    KeyForm.REQUEST: "une CSR",
    KeyForm.PUBLIC_KEY: "une clé publique",
    KeyForm.PRIVATE_KEY: "la clé privée elle-même",
    KeyForm.DIGEST: "son empreinte",
}
_PROBLEMS = {
    KeyProblem.UNREADABLE: "ni certificat, ni CSR, ni clé (PEM ou DER)",
    KeyProblem.PASS_PHRASE_MISSING: "clé privée chiffrée : donnez --passphrase-file",
    KeyProblem.PASS_PHRASE_WRONG: "la phrase de passe n'ouvre pas cette clé privée",
    KeyProblem.SEVERAL_KEYS: "plusieurs clés dans ce fichier : n'y laissez que celle qui est compromise",
}
_OUTCOMES = {
    Outcome.REVOKED: "à révoquer",
    Outcome.STRENGTHENED: "déjà révoqué, la raison devient keyCompromise",
    Outcome.UNCHANGED: "déjà révoqué",
    Outcome.EXPIRED: "expiré",
    None: "demande pas encore signée, à abandonner",
}
_CONSEQUENCES = {
    RESPONDER.product: (
        "Répondeur OCSP : la publication cesse d'utiliser cette clé, un worker en fait une nouvelle dans la minute ; "
        "d'ici là, OCSP répond « tryLater » pour cette AC."
    ),
    SEAL.product: "Sceau de la piste d'audit : le prochain scellement se fait avec une nouvelle clé.",
    "TLS_SERVER": (
        "Serveur TLS de la plateforme : lancez ensuite `igc ceremony tls`, qui lui fait une autre clé et un autre "
        "certificat ; nos processus les prennent sans redémarrage."
    ),
}


def run(
    key: Annotated[
        str,
        typer.Argument(
            metavar="CLE",
            help="Fichier : certificat, CSR, clé publique ou la clé privée divulguée, PEM ou DER ; ou le SHA-256 de la "
            "clé publique (SubjectPublicKeyInfo) en hexadécimal.",
        ),
    ],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Fichier (chmod 600) de la phrase de passe de la clé privée.", dir_okay=False)
    ] = None,
    dry_run: DryRunOption = False,  # noqa: FBT002 -- a flag
    yes: YesOption = False,  # noqa: FBT002 -- a flag
    publish: PublishOption = False,  # noqa: FBT002 -- a flag
    config: ConfigOption = None,
) -> None:
    """Clé compromise : l'interdit, révoque tous ses certificats (keyCompromise), abandonne ses demandes."""
    with opened(config) as here:
        evidence = _read(key, passphrase_file)
        typer.echo(f"Clé {evidence.spki_sha256.hex()} (lue dans {_FORMS[evidence.form]})")
        _refuse_authority(here, evidence.spki_sha256)
        survey = survey_key(here.db, evidence.spki_sha256, system_clock())
        _show(survey)
        if dry_run:
            typer.echo("Essai : rien n'a été fait.")
            return
        confirm(_question(here, survey), yes=yes)
        motif = f"clé compromise, d'après {_FORMS[evidence.form]}"
        done = revoke_key(here.db, evidence.spki_sha256, system_clock, motif)
        _conclude(done)
        tell_publication(here, _samples(survey, done), publish=publish)


def _read(key: str, passphrase_file: Path | None) -> KeyEvidence:
    digest = read_digest(key)
    if digest is not None:
        return digest
    with Path(key).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    pass_phrase = SecretFile(passphrase_file).read_text().encode() if passphrase_file is not None else None
    try:
        return read_key(data, pass_phrase)
    except KeyEvidenceError as error:
        fail(f"{key} : {_PROBLEMS[error.problem]}")


def _refuse_authority(here: Instance, key: bytes) -> None:
    """The key of an authority is the root's affair: revoking what it issued would only hide that."""
    for name, authority in here.client_authorities.items():
        if hashlib.sha256(authority.spki).digest() == key:
            fail(
                f"c'est la clé de l'autorité {name}. Rien n'a été fait : arrêtez les workers qui l'ont, faites "
                "révoquer l'autorité par sa racine ([root] revoked) et créez une nouvelle clé (docs/ceremonie.md)."
            )


def _show(survey: KeySurvey) -> None:
    if survey.blocked:
        typer.echo("Clé déjà interdite.")
    for holder in survey.concerned:
        typer.echo(_sentence(holder))
    if not survey.concerned:
        typer.echo("Aucun certificat ni demande de cette clé sur cette plateforme.")
    for produit, text in _CONSEQUENCES.items():
        if any(holder.produit == produit and holder.outcome in _CHANGES for holder in survey.concerned):
            typer.echo(text)


_CHANGES = {Outcome.REVOKED, Outcome.STRENGTHENED}


def _sentence(holder: Concerned) -> str:
    parts = [f"demande n° {holder.numero}"] if holder.numero is not None else ["hors demande"]
    if holder.serial is not None:
        parts.append(f"{holder.autorite} {holder.serial}")
    parts.append(holder.produit)
    if holder.structure is not None:
        parts.append(f"structure {holder.structure}")
    parts.append(f"porteur {holder.porteur}")
    if holder.contacts:
        parts.append(f"à prévenir : {', '.join(holder.contacts)}")
    return f"- {_OUTCOMES[holder.outcome]} : {' · '.join(parts)}"


def _question(here: Instance, survey: KeySurvey) -> str:
    count = sum(holder.outcome in _CHANGES for holder in survey.concerned)
    return f"Plateforme {here.settings.plateforme} : interdire cette clé et révoquer {count} certificats ?"


def _conclude(done: Revocations) -> None:
    counts = Counter(one.outcome for one in done.certificates)
    typer.echo(
        f"Clé interdite. Révoqués : {counts[Outcome.REVOKED]}, raison changée : {counts[Outcome.STRENGTHENED]}, "
        f"déjà révoqués : {counts[Outcome.UNCHANGED]}, expirés : {counts[Outcome.EXPIRED]}, "
        f"demandes abandonnées : {len(done.given_up)}."
    )


def _samples(survey: KeySurvey, done: Revocations) -> dict[str, tuple[str, str]]:
    """The last one of each authority; also of a run before, as long as a list must carry it."""
    expired = {(h.autorite, h.serial) for h in survey.concerned if h.not_after and h.not_after <= system_clock()}
    return {
        one.autorite: (one.serial, KEY_COMPROMISE)
        for one in done.certificates
        if one.raison == KEY_COMPROMISE and (one.autorite, one.serial) not in expired
    }
