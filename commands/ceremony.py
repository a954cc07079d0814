"""``igc ceremony``: make or extend the authorities of a plateforme from one commented file, with or without its root.

The settings of the instance only say where its folders and its token are; what is made is in the file alone.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from batch.responders import renew_due
from commands.composition import open_database, worker_context
from commands.enrolment import enroll, make_delegate_phrases, publish_missing_crls, write_pair
from commands.options import ConfigOption
from commands.signing_keys import signing_token
from pki.authority import Authority
from pki.ceremony import Outcome, advance, answer_requests, make_root, renew_root_crl
from pki.ceremony_steps import Workshop
from pki.content import CertificateContent
from pki.hierarchy import CeremonyConfig, ServerConfig, read_config
from pki.offline import check_carried_crl
from pki.profile_check import check_profiles_of
from pki.secret_files import replace_public, write_new_passphrase
from pki.signers.stores import FileStore, KeyStore, TokenStore
from registration.vocabulary import Plateforme
from runtime.clock import system_clock
from runtime.logs import configure
from runtime.settings import Settings
from storage.migrate import upgrade


class Step(StrEnum):
    """What is to be done, and where."""

    RUN = "run"  # on the platform's machine
    ROOT = "root"  # the others on the machine of an offline root
    ANSWER = "answer"
    CRL = "crl"


def run(
    step: Annotated[
        Step,
        typer.Argument(
            help="run : créer ce qui manque ici. Sur la machine d'une racine hors ligne : root (créer la racine), "
            "answer (certifier les demandes du dossier d'échange), crl (renouveler sa CRL)."
        ),
    ],
    file: Annotated[Path, typer.Argument(help="Fichier de cérémonie (TOML).", exists=True, dir_okay=False)],
    exchange: Annotated[
        Path | None, typer.Option(help="Dossier d'échange avec la machine d'une racine hors ligne.", file_okay=False)
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Tient une cérémonie des clés : AC racine, AC émettrices, nouvelles clés, certificats TLS."""
    settings = Settings.load(config)
    configure(settings.logging, process="ceremonie")
    ceremony = read_config(file.read_text(encoding="utf-8"))
    if ceremony.plateforme != settings.plateforme:
        raise typer.BadParameter(f"le fichier est pour {ceremony.plateforme}, l'instance pour {settings.plateforme}")
    if step is Step.RUN:
        _run(settings, ceremony, exchange)
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


def _run(settings: Settings, ceremony: CeremonyConfig, exchange: Path | None) -> None:
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
    if exchange is not None:
        _publish_root_crl(settings, ceremony, outcome, exchange)
    _complete(settings, ceremony.servers)


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


def _publish_root_crl(settings: Settings, ceremony: CeremonyConfig, outcome: Outcome, exchange: Path) -> None:
    """Take the CRL of the offline root from the exchange folder to where relying parties fetch it."""
    root = outcome.authorities[ceremony.short_name(ceremony.root.short_name)]
    carried = exchange / f"{root.short_name}.crl"
    if not ceremony.root.offline or not carried.exists():
        return
    published = settings.pki.publication_dir / "CRL" / carried.name
    published.parent.mkdir(parents=True, exist_ok=True)
    content = carried.read_bytes()
    number = check_carried_crl(root, content, published.read_bytes() if published.exists() else None, system_clock())
    replace_public(published, content)
    typer.echo(f"CRL n° {number} de la racine publiée")


def _complete(settings: Settings, servers: tuple[ServerConfig, ...]) -> None:
    """First CRLs and OCSP responders, and the TLS certificates that are missing; both are kept in the database."""
    upgrade(settings.database_dsn())
    make_delegate_phrases(settings)
    db = open_database(settings, "ceremonie")
    try:
        context = worker_context(settings, db, name="ceremony")
        publish_missing_crls(context)
        renew_due(context)
        for server in servers:
            certificate_file = settings.data_dir / "tls" / f"{server.name}.pem"
            if certificate_file.exists():
                continue
            enrolled = enroll(context, Plateforme(settings.plateforme), _content(server))
            write_pair(certificate_file, certificate_file.with_suffix(".key"), enrolled)
            typer.echo(f"Certificat TLS : {certificate_file}")
    finally:
        db.dispose()


def _content(server: ServerConfig) -> CertificateContent:
    return CertificateContent(
        product="TLS_SERVER",
        common_name=server.dns_names[0],
        dns_names=server.dns_names,
        ip_addresses=server.ip_addresses,
        state=server.state,
        organization=server.organization,
        organizational_unit=server.organizational_unit,
    )


def _show(authority: Authority, what: str) -> None:
    """One authority with the fingerprint that witnesses compare."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 -- needed nowhere else here

    typer.echo(f"{what} : {authority.short_name}, {authority.common_name}")
    typer.echo(f"  SHA-256 {authority.certificate.fingerprint(SHA256()).hex(':')}")
    typer.echo(f"  valable jusqu'au {authority.not_after:%d/%m/%Y}")
