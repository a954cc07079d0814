"""``igc ceremony``: make or extend the authorities of a plateforme from one commented file, with or without its root.

The settings of the instance only say where its folders and its token are; what is made is in the file alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from batch.context import WorkerContext
from batch.delegates.responders import in_service, renew_due
from batch.lists.crls import publish_missing_crls
from batch.lists.root_crls import take_carried_crl
from commands.ceremony.materials import CeremonyStep, refuse_fictitious, show, workshop_of
from commands.ceremony.profile_gate import check_deployed_profiles
from commands.ceremony.tls_renewal import Look, TlsRenewal
from commands.ceremony.vault import in_the_vault
from commands.composition import configure_logs, load_settings, opened
from commands.database.preparing import prepare_database
from commands.options import ConfigOption
from commands.signing_keys import make_delegate_phrases
from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig, read_config
from pki.ceremony.fictitious import fictitious_servers
from pki.ceremony.perform import Performed, advance
from pki.ceremony.record import Protocol
from pki.ceremony.steps import PROTOCOL_NAME
from pki.errors import CeremonyError
from pki.issuing.profile_check import check_profiles_of
from runtime.clock import system_clock
from runtime.settings.model import Settings
from runtime.text_file import TextFileError, read_text_file
from storage.database import Database


def run(
    step: Annotated[
        CeremonyStep,
        typer.Argument(
            metavar="ETAPE",
            help="run : créer ce qui manque ici, et tls. tls : renouveler les certificats TLS de la plateforme. "
            "Sur la machine d'une racine hors ligne : root (créer la racine), answer (certifier les demandes du "
            "dossier d'échange), crl (renouveler sa CRL).",
        ),
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FICHIER", help="Fichier de cérémonie (TOML).", exists=True, dir_okay=False)
    ],
    exchange: Annotated[
        Path | None, typer.Option(help="Dossier d'échange avec la machine d'une racine hors ligne.", file_okay=False)
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            help="Fichier (chmod 600) de la phrase de passe d'une racine hors ligne ; par défaut elle est demandée.",
            dir_okay=False,
        ),
    ] = None,
    tls_days: Annotated[
        int, typer.Option(min=1, max=180, help="Renouveler un certificat TLS qui finit avant ce nombre de jours.")
    ] = 45,
    config: ConfigOption = None,
) -> None:
    """Tient une cérémonie des clés : AC racine, AC émettrices, nouvelles clés, certificats TLS."""
    settings = load_settings(config)
    configure_logs(settings, "ceremonie")
    ceremony = read_config(_text_of(file))
    vault = step not in (CeremonyStep.RUN, CeremonyStep.TLS)
    # The machine of an offline root needs no settings: it has no instance.
    told = not vault or "plateforme" in settings.model_fields_set
    if told and ceremony.plateforme != settings.plateforme:
        raise typer.BadParameter(f"le fichier est pour {ceremony.plateforme}, l'instance pour {settings.plateforme}")
    margin = timedelta(days=tls_days)
    if step is CeremonyStep.RUN:
        _run(settings, ceremony, exchange, margin)
    elif step is CeremonyStep.TLS:
        _renew_tls(settings, ceremony, margin)
    else:
        in_the_vault(settings, ceremony, step, exchange, passphrase_file)


def _text_of(file: Path) -> str:
    try:
        return read_text_file(file)
    except TextFileError as error:
        raise typer.BadParameter(str(error)) from None


def _run(settings: Settings, ceremony: CeremonyConfig, exchange: Path | None, margin: timedelta) -> None:
    refuse_fictitious(settings, ceremony)
    _check_places(settings, ceremony)
    check_profiles_of(ceremony, system_clock())
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    outcome = advance(ceremony, workshop_of(settings, ceremony, exchange), system_clock())
    for name in outcome.made:
        show(outcome.authorities[name], "AC créée")
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


def _take_root_crl(settings: Settings, db: Database, root: Authority, carried: Path) -> None:
    """Take the CRL of the offline root to where relying parties fetch it, and where our own canals look it up."""
    if not carried.exists():
        return
    content = carried.read_bytes()
    number = take_carried_crl(db, settings.pki.publication_dir, root, content, system_clock())
    _protocol(settings).note("crl_published", authority=root.short_name, number=number, sha256=_sha256(content))
    typer.echo(f"CRL n° {number} de la racine publiée")


def _complete(
    settings: Settings, ceremony: CeremonyConfig, outcome: Performed, exchange: Path | None, margin: timedelta
) -> None:
    """First CRLs and OCSP responders, and the TLS certificates that are due; all are kept in the database."""
    prepare_database(settings)
    make_delegate_phrases(settings)
    with opened(settings, "ceremonie") as here:
        if exchange is not None and ceremony.root.offline:
            root = outcome.authorities[ceremony.short_name(ceremony.root.short_name)]
            _take_root_crl(settings, here.db, root, exchange / f"{root.short_name}.crl")
        context = here.worker_context("ceremony")
        protocol = _protocol(settings)
        for name, crl in publish_missing_crls(context).items():
            protocol.note("crl_published", authority=name, number=1, sha256=_sha256(crl))
        before = in_service(here.db)
        renew_due(context)
        for name, serial in sorted(in_service(here.db) - before):
            protocol.note("ocsp_signer", authority=name, serial=serial)
        _tell(_tls_renewal(settings, ceremony, context, margin).run())


def _renew_tls(settings: Settings, ceremony: CeremonyConfig, margin: timedelta) -> None:
    """The TLS certificates alone, with status 1 when one needs somebody: for a nightly run."""
    if found := fictitious_servers(ceremony):
        raise CeremonyError("à remplacer dans le fichier de cérémonie :\n" + "\n".join(f"- {line}" for line in found))
    with opened(settings, "ceremonie") as here:
        context = here.worker_context("ceremony")
        check_deployed_profiles(settings, context)
        looks = _tls_renewal(settings, ceremony, context, margin).run()
    _tell(looks)
    if not any(look.done or look.left for look in looks):
        typer.echo("Certificats TLS : rien à renouveler.")
    if any(look.left for look in looks):
        raise typer.Exit(1)


def _tls_renewal(settings: Settings, ceremony: CeremonyConfig, context: WorkerContext, margin: timedelta) -> TlsRenewal:
    return TlsRenewal(context, ceremony, settings.data_dir / "tls", margin, _protocol(settings))


def _protocol(settings: Settings) -> Protocol:
    return Protocol(settings.pki.authorities_dir / PROTOCOL_NAME, system_clock())


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
