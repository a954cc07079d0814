"""A whole TEST plateforme in one folder: settings, keys, authorities, TLS servers, and a fictitious little world.

Everything in it is invented. What exists is kept: a second call on the same folder changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from batch.context import WorkerContext
from batch.delegates.responders import renew_due
from batch.issuing.own_certificates import Enrolled, enroll
from batch.lists.crls import publish_missing_crls
from commands.ceremony.profile_gate import trust_default_profiles
from commands.ceremony.tls_pair import write_pair
from commands.composition import opened
from commands.database.preparing import prepare_database
from commands.signing_keys import make_delegate_phrases
from commands.trial.fictitious import PERSONNES, SENDERS, STRUCTURES, Sender
from pki.ceremony.configuration import CeremonyConfig
from pki.ceremony.perform import perform
from pki.certificates.content import CertificateContent
from pki.certificates.pem import certificate_pem
from pki.certificates.serials import serial_hex
from pki.containers.pkcs12 import to_pkcs12
from pki.keys.private import write_new_passphrase
from registration.acteurs.habilitations import register_acteur, register_identity
from registration.directory.filling import fill_directory
from registration.values import Identite
from registration.vocabulary import Plateforme, TypeActeurInscrit
from runtime.clock import system_clock
from runtime.settings.model import Settings
from runtime.whole_files import write_new
from storage.database import Database

log = structlog.get_logger()
CLIENTS_FOLDER = "clients"
_SESSION_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Ceremony:
    """Key size of the authorities and organization name; tests take smaller keys."""

    key_bits: int = 4096
    plateforme: str = "TEST"


def make_plateforme(
    settings: Settings, ceremony: Ceremony | None = None, step: Callable[[str], None] = lambda _text: None
) -> None:
    """Make what is missing in ``settings.data_dir``; ``step`` is told, in French, what is being done."""
    ceremony = ceremony or Ceremony(plateforme=settings.plateforme)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    step("Base de données")
    prepare_database(settings)
    new = not (settings.pki.authorities_dir / "authorities.json").exists()
    if new:
        step("Cérémonie : AC racine et AC émettrices")
        _perform_ceremony(settings, ceremony)
    make_delegate_phrases(settings)
    with opened(settings, "ceremonie") as here:
        context = here.worker_context("ceremony")
        if new:
            trust_default_profiles(settings, context)
        step("Listes de révocation et répondeurs OCSP")
        publish_missing_crls(context)
        renew_due(context)
        step("Certificats TLS des sites")
        _make_servers(settings, context)
        step("Structures, personnes, habilitations et certificats des clients (fictifs)")
        _make_world(here.db, here.plateforme)
        for sender in SENDERS:
            _make_sender(settings, context, sender)


def _perform_ceremony(settings: Settings, ceremony: Ceremony) -> None:
    phrase_file = settings.pki.pass_phrase_file.path
    phrase_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    perform(
        CeremonyConfig(plateforme=ceremony.plateforme, key_bits=ceremony.key_bits),  # type: ignore[arg-type]  # msgspec checks the literal when it decodes; here the settings have
        authorities_folder=settings.pki.authorities_dir,
        keys_folder=settings.pki.keys_dir,
        passphrase=write_new_passphrase(phrase_file),
        now=system_clock(),
    )


def _make_servers(settings: Settings, context: WorkerContext) -> None:
    plateforme = Plateforme(settings.plateforme)
    files = [
        (settings.ws.tls_certificate_file, settings.ws.tls_key_file.path),
        (settings.portal.tls_certificate_file, settings.portal.tls_key_file.path),
    ]
    if settings.sans_login.processes:
        files.append((settings.sans_login.tls_certificate_file, settings.sans_login.tls_key_file.path))
    for certificate_file, key_file in files:
        if certificate_file.exists():
            continue
        structure = STRUCTURES[0]
        enrolled = enroll(
            context,
            plateforme,
            CertificateContent(
                product="TLS_SERVER",
                common_name="localhost",
                dns_names=("localhost",),
                ip_addresses=("127.0.0.1",),
                state=structure.departement,
                organization=structure.raison_sociale,
                organizational_unit=structure.id_national,
            ),
        )
        write_pair(certificate_file, key_file, enrolled)
    _make_secret(settings.portal.session_secret_file.path)
    if settings.sans_login.processes:
        _make_secret(settings.sans_login.secret_file.path)


def _make_secret(secret_file: Path) -> None:
    if not secret_file.exists():
        secret_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(secret_file, secrets.token_urlsafe(_SESSION_SECRET_BYTES).encode() + b"\n", secret=True)


def _make_world(db: Database, plateforme: Plateforme) -> None:
    fill_directory(
        db,
        plateforme,
        (structure.entry for structure in STRUCTURES),
        (personne.entry for personne in PERSONNES),
        (rattachement for personne in PERSONNES for rattachement in personne.rattachements),
    )


def _make_sender(settings: Settings, context: WorkerContext, sender: Sender) -> None:
    folder = settings.data_dir / CLIENTS_FOLDER
    certificate_file = folder / f"{sender.name}.pem"
    if certificate_file.exists():
        return
    plateforme = Plateforme(settings.plateforme)
    enrolled = enroll(context, plateforme, sender.content)
    id_acteur = register_acteur(
        context.db,
        plateforme,
        id_national=sender.id_national,
        libelle=sender.libelle,
        type_acteur=sender.type_acteur,
        type_personne=sender.type_personne,
        habilitations=sender.habilitations,
        now=system_clock(),
    )
    if sender.type_acteur is TypeActeurInscrit.APPLICATION:  # a person is recognised by his card
        identite = Identite(emetteur=enrolled.authority.name_hash.hex(), serie=_serial(enrolled))
        with context.db.write() as session:
            register_identity(session, id_acteur, identite, system_clock())
    _write_client_files(folder, sender, enrolled, certificate_file)


def _serial(enrolled: Enrolled) -> str:
    from cryptography import x509  # noqa: PLC0415 -- parsing is needed nowhere else here

    return serial_hex(x509.load_der_x509_certificate(enrolled.der).serial_number)


def _write_client_files(folder: Path, sender: Sender, enrolled: Enrolled, certificate_file: Path) -> None:
    """The pair for programs, a PKCS#12 with its password for browsers, and the root to trust."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (f"{sender.name}.p12", f"{sender.name}.p12.password"):
        (folder / name).unlink(missing_ok=True)
    password = secrets.token_urlsafe(12)
    write_new(folder / f"{sender.name}.p12.password", password.encode() + b"\n", secret=True)
    container = to_pkcs12(enrolled.key, enrolled.der, enrolled.chain, password, friendly_name=sender.libelle)
    write_new(folder / f"{sender.name}.p12", container, secret=True)
    root = folder / "ac-racine.pem"
    if not root.exists():
        write_new(root, certificate_pem(enrolled.chain[-1]), secret=False)
    write_pair(certificate_file, folder / f"{sender.name}.key", enrolled)
