"""``igc ceremony``: make or extend the authorities of a plateforme from one commented file, with or without its root.

The settings of the instance only say where its folders and its token are; what is made is in the file alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from batch.carried import take_carried_crl
from batch.context import WorkerContext
from batch.responders import renew_due
from commands.composition import open_database, worker_context
from commands.enrolment import make_delegate_phrases, publish_missing_crls
from commands.options import ConfigOption
from commands.profile_gate import check_deployed_profiles
from commands.signing_keys import signing_token
from commands.tls_renewal import Look, TlsRenewal
from pki.authority import Authority
from pki.ceremony import Outcome, advance, answer_requests, make_root, renew_root_crl
from pki.ceremony_steps import PROTOCOL_NAME, Workshop
from pki.hierarchy import CeremonyConfig, read_config
from pki.profile_check import check_profiles_of
from pki.protocol import Protocol
from pki.secret_files import write_new_passphrase
from pki.signers.stores import FileStore, KeyStore, TokenStore
from runtime.clock import system_clock
from runtime.logs import configure
from runtime.settings import Settings
from storage import tables
from storage.database import Database
from storage.migrate import upgrade


class Step(StrEnum):
    """What is to be done, and where."""

    RUN = "run"  # these two on the platform's machine
    TLS = "tls"
    ROOT = "root"  # the others on the machine of an offline root
    ANSWER = "answer"
    CRL = "crl"


def run(
    step: Annotated[
        Step,
        typer.Argument(
            help="run : créer ce qui manque ici, et tls. tls : renouveler les certificats TLS de la plateforme. "
            "Sur la machine d'une racine hors ligne : root (créer la racine), answer (certifier les demandes du "
            "dossier d'échange), crl (renouveler sa CRL)."
        ),
    ],
    file: Annotated[Path, typer.Argument(help="Fichier de cérémonie (TOML).", exists=True, dir_okay=False)],
    exchange: Annotated[
        Path | None, typer.Option(help="Dossier d'échange avec la machine d'une racine hors ligne.", file_okay=False)
    ] = None,
    tls_days: Annotated[
        int, typer.Option(min=1, max=180, help="Renouveler un certificat TLS qui finit avant ce nombre de jours.")
    ] = 45,
    config: ConfigOption = None,
) -> None:
    """Tient une cérémonie des clés : AC racine, AC émettrices, nouvelles clés, certificats TLS."""
    settings = Settings.load(config)
    configure(settings.logging, process="ceremonie")
    ceremony = read_config(file.read_text(encoding="utf-8"))
    if ceremony.plateforme != settings.plateforme:
        raise typer.BadParameter(f"le fichier est pour {ceremony.plateforme}, l'instance pour {settings.plateforme}")
    margin = timedelta(days=tls_days)
    if step is Step.RUN:
        _run(settings, ceremony, exchange, margin)
        return
    if step is Step.TLS:
        _renew_tls(settings, ceremony, margin)
        return
    workshop = _workshop(settings, ceremony, exchange)
    if step is Step.ROOT:
        _show(make_root(ceremony, workshop, system_clock()), "Racine créée")
        typer.echo(f"À porter sur la machine de la plateforme : {exchange}")
    elif step is Step.ANSWER:
        made = answer_requests(ceremony, workshop, system_clock())
        typer.echo(f"AC certifiées : {', '.join(made) or 'aucune nouvelle'}. Réponses dans {exchange}")
    else:
        typer.echo(f"CRL de la racine : {renew_root_crl(ceremony, workshop, system_clock())}")


def _run(settings: Settings, ceremony: CeremonyConfig, exchange: Path | None, margin: timedelta) -> None:
    _check_places(settings, ceremony)
    check_profiles_of(ceremony, system_clock())
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    outcome = advance(ceremony, _workshop(settings, ceremony, exchange), system_clock())
    for name in outcome.made:
        _show(outcome.authorities[name], "AC créée")
    if outcome.pending:
        typer.echo(f"En attente de la racine hors ligne : {', '.join(outcome.pending)}. Demandes dans {exchange}")
    if not outcome.authorities:
        return
    _complete(settings, ceremony, outcome, exchange, margin)


def _check_places(settings: Settings, ceremony: CeremonyConfig) -> None:
    """The file and the settings must agree on where each key is, or the instance would not find it afterwards."""
    members: list[tuple[str, str]] = [(member.short_name, member.key) for member in ceremony.issuing]
    members.append((ceremony.root.short_name, "offline" if ceremony.root.offline else ceremony.root.key))
    for plain, place in members:
        name = ceremony.short_name(plain)
        kind = settings.pki.signers.kind_of(name)
        if kind != place and not (place == "offline" and kind == "software"):
            raise typer.BadParameter(
                f'{name} : clé {place} dans le fichier, {kind} dans les réglages ; ajouter `{name} = "{place}"` '
                "sous [pki.signers.authorities]"
            )


def _workshop(settings: Settings, ceremony: CeremonyConfig, exchange: Path | None) -> Workshop:
    """The folders and the places for keys of this machine; a pass phrase is made when the first file needs one."""
    places = {ceremony.root.key, *(member.key for member in ceremony.issuing)}
    stores: dict[str, KeyStore] = {}
    if "software" in places:
        stores["software"] = FileStore(settings.pki.keys_dir, _pass_phrase(settings))
    if "pkcs11" in places:
        stores["pkcs11"] = TokenStore(signing_token(settings, writable=True))
    return Workshop(authorities=settings.pki.authorities_dir, stores=stores, root_stores=stores, exchange=exchange)


def _pass_phrase(settings: Settings) -> bytes:
    secret = settings.pki.pass_phrase_file
    if not secret.path.exists():
        secret.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return write_new_passphrase(secret.path)
    return secret.read_text().encode()


def _take_root_crl(settings: Settings, db: Database, root: Authority, carried: Path) -> None:
    """Take the CRL of the offline root to where relying parties fetch it, and where our own canals look it up."""
    if not carried.exists():
        return
    content = carried.read_bytes()
    number = take_carried_crl(db, settings.pki.publication_dir, root, content, system_clock())
    _protocol(settings).note("crl_published", authority=root.short_name, number=number, sha256=_sha256(content))
    typer.echo(f"CRL n° {number} de la racine publiée")


def _complete(
    settings: Settings, ceremony: CeremonyConfig, outcome: Outcome, exchange: Path | None, margin: timedelta
) -> None:
    """First CRLs and OCSP responders, and the TLS certificates that are due; all are kept in the database."""
    upgrade(settings.database_dsn())
    make_delegate_phrases(settings)
    db = open_database(settings, "ceremonie")
    try:
        if exchange is not None and ceremony.root.offline:
            root = outcome.authorities[ceremony.short_name(ceremony.root.short_name)]
            _take_root_crl(settings, db, root, exchange / f"{root.short_name}.crl")
        context = worker_context(settings, db, name="ceremony")
        protocol = _protocol(settings)
        for name, crl in publish_missing_crls(context).items():
            protocol.note("crl_published", authority=name, number=1, sha256=_sha256(crl))
        before = _responders(db)
        renew_due(context)
        for name, serial in sorted(_responders(db) - before):
            protocol.note("ocsp_signer", authority=name, serial=serial)
        _tell(_tls_renewal(settings, ceremony, context, margin).run())
    finally:
        db.dispose()


def _renew_tls(settings: Settings, ceremony: CeremonyConfig, margin: timedelta) -> None:
    """The TLS certificates alone, with status 1 when one needs somebody: for a nightly run."""
    db = open_database(settings, "ceremonie")
    try:
        context = worker_context(settings, db, name="ceremony")
        check_deployed_profiles(settings, context)
        looks = _tls_renewal(settings, ceremony, context, margin).run()
    finally:
        db.dispose()
    _tell(looks)
    if not any(look.done or look.left for look in looks):
        typer.echo("Certificats TLS : rien à renouveler.")
    if any(look.left for look in looks):
        raise typer.Exit(1)


def _tls_renewal(settings: Settings, ceremony: CeremonyConfig, context: WorkerContext, margin: timedelta) -> TlsRenewal:
    return TlsRenewal(context, ceremony, settings.data_dir / "tls", margin, _protocol(settings))


def _protocol(settings: Settings) -> Protocol:
    return Protocol(settings.pki.authorities_dir / PROTOCOL_NAME, system_clock())


def _responders(db: Database) -> set[tuple[str, str]]:
    """Authority and serial of every responder in service."""
    responder = tables.RepondeurOcsp
    with db.read() as session:
        return {(row.autorite, row.serial) for row in session.execute(select(responder.autorite, responder.serial))}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _tell(looks: Iterable[Look]) -> None:
    looks = tuple(looks)
    for look in looks:
        if look.done:
            typer.echo(f"Certificat TLS : {look.certificate} ({look.done})")
        if look.left:
            typer.echo(f"Certificat TLS laissé en place : {look.certificate} ({look.left})", err=True)
    if any(look.done for look in looks):
        typer.echo(
            "Nos processus en marche les prennent d'eux-mêmes ; relancer tout autre serveur qui lit ces fichiers."
        )


def _show(authority: Authority, what: str) -> None:
    """One authority with the fingerprint that witnesses compare."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 -- needed nowhere else here

    typer.echo(f"{what} : {authority.short_name}, {authority.common_name}")
    typer.echo(f"  SHA-256 {authority.certificate.fingerprint(SHA256()).hex(':')}")
    typer.echo(f"  valable jusqu'au {authority.not_after:%d/%m/%Y}")
