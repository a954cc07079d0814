"""A small TEST plateforme with a served portal, for the tests of this folder: every part real, keys made on the spot."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select
from starlette.applications import Starlette

from batch.context import WorkerContext
from batch.issuing import issue_chunk
from commands.composition import (
    load_client_authorities,
    open_database,
    registration_authority,
    trust_anchors,
    worker_context,
)
from commands.enrolment import Enrolled, enroll, register_identity, write_pair
from commands.fictitious import CLINIQUE, HOPITAL
from commands.test_plateforme import Ceremony, make_plateforme
from pki.ceremony import perform
from pki.content import CertificateContent
from pki.hierarchy import CeremonyConfig
from pki.secret_files import certificate_pem, write_new_passphrase
from pki.serials import serial_hex
from pki.signers.software import load_software_signer
from portal_ihm.app import build_app
from registration.authority import RegistrationAuthority
from registration.values import DemandeForm, LotForm, Origin
from registration.views import SearchCriteria
from registration.vocabulary import Canal, EtatDemande, Offre, Plateforme, Usage
from runtime.http_server import HttpServer, Limits, server_ssl_context
from runtime.settings import Settings
from storage import tables
from storage.database import Database
from storage.migrate import upgrade

SECRET = bytes(range(32))
XSS = '<img src=x onerror="document.title=1">'
FORMULA = '=HYPERLINK("http://evil.example")'


def new_csr(bits: int = 2048) -> x509.CertificateSigningRequest:
    """A request signed by a key of its own."""
    key = rsa.generate_private_key(65537, bits)
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())


@dataclass(frozen=True)
class Client:
    """A client certificate as a program holds it."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class World:
    """The plateforme, its portal and a lot that the hospital deposited."""

    settings: Settings
    db: Database
    authority: RegistrationAuthority
    context: WorkerContext
    port: int
    lot: int
    sessions: list[requests.Session] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def root(self) -> Path:
        return self.settings.data_dir / "clients" / "ac-racine.pem"

    def client(self, name: str) -> Client:
        folder = self.settings.data_dir / "clients"
        return Client(folder / f"{name}.pem", folder / f"{name}.key")

    def session(self, name: str | None) -> requests.Session:
        """A program's connection with the certificate of ``name``, or without any."""
        session = requests.Session()
        self.sessions.append(session)
        session.verify = str(self.root)
        session.trust_env = False
        if name is not None:
            client = self.client(name)
            session.cert = (str(client.certificate), str(client.key))
        return session

    def origin(self, name: str, canal: Canal) -> Origin:
        der = x509.load_pem_x509_certificate(self.client(name).certificate.read_bytes()).public_bytes(Encoding.DER)
        return Origin(acteur=self.authority.identify(der), canal=canal)

    def enroll(
        self, name: str, *, registered: bool = True, habilitations: tuple[tuple[Offre, str], ...] = ()
    ) -> Client:
        """One more person with a card of his own, so that a test may do to it what it likes."""
        number = f"{zlib.crc32(name.encode()):010d}"
        content = CertificateContent(
            product="CPS_AUTH",
            common_name=f"89{number}",
            surname=name.upper(),
            given_name="ALIX",
            title="Infirmier",
            upn=f"8.{number}@carte.igc.example",
            profession=60,
            card_number=f"8025000001/{number}",
        )
        enrolled = enroll(self.context, Plateforme.TEST, content)
        client = self.client(name)
        pem = enrolled.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        client.key.write_bytes(pem)
        client.certificate.write_bytes(certificate_pem(enrolled.der) + certificate_pem(enrolled.chain[0]))
        if registered:
            self._register(name, content.common_name, enrolled, habilitations)
        return client

    def _register(
        self, name: str, id_national: str, enrolled: Enrolled, habilitations: tuple[tuple[Offre, str], ...]
    ) -> None:
        with self.db.write() as session:
            acteur = tables.Acteur(
                plateforme="TEST",
                type_acteur="PERSONNE",
                type_personne="PS",
                id_national=id_national,
                libelle=f"{name.upper()} ALIX",
            )
            session.add(acteur)
            session.flush()
            session.add_all(
                tables.Habilitation(
                    id_acteur=acteur.id, role="ADMINISTRATEUR_TECHNIQUE", offre=offre.value, id_structure=structure
                )
                for offre, structure in habilitations
            )
            id_acteur = acteur.id
        serial = serial_hex(x509.load_der_x509_certificate(enrolled.der).serial_number)
        register_identity(self.context, id_acteur, enrolled, serial)

    def revoke(self, name: str) -> None:
        """Revoke the certificate of a client, as the revocation service will."""
        serial = x509.load_pem_x509_certificate(self.client(name).certificate.read_bytes()).serial_number
        with self.db.write() as session:
            row = session.scalars(select(tables.Certificat).where(tables.Certificat.serial == serial_hex(serial))).one()
            row.revoque_le = datetime.now(UTC)

    def issue(self) -> None:
        """What the batch does: sign every demande that waits."""
        acteur = self.origin("dr-leroux", Canal.IHM).acteur
        criteria = SearchCriteria(all_offres=True, etat=EtatDemande.VALIDEE)
        waiting = [view.numero for view in self.authority.search(acteur, criteria, limit=500).demandes]
        issue_chunk(self.context, waiting)


def org_form(service: str, **changes: Any) -> DemandeForm:
    """A demande for the hospital that every rule accepts, unless ``changes`` say otherwise."""
    values: dict[str, Any] = {
        "offre": Offre.ORG,
        "usage": Usage.AUTH_CLI,
        "csr": new_csr().public_bytes(Encoding.DER),
        "email_acteur": "dsi@acacias.example",
        "structure": HOPITAL,
        "service_applicatif": service,
    }
    return DemandeForm(**(values | changes))


def deposit(world_authority: RegistrationAuthority, origin: Origin) -> int:
    """A lot with good items, a forbidden structure, a mail domain of others, hostile texts."""
    forms = (
        org_form("Messagerie du laboratoire", reference="labo-1"),
        org_form("Archivage des comptes rendus", usage=Usage.SIGN),
        org_form(XSS),
        org_form(FORMULA, usage=Usage.CONF),
        org_form("Application de la clinique", structure=CLINIQUE),
        org_form(
            "Passerelle de messagerie",
            offre=Offre.SERV,
            usage=Usage.SMIME,
            adresse_email="secretariat@mss.acacias.example",
        ),
        org_form(
            "x", offre=Offre.SERV, usage=Usage.SSL_SERV, service_applicatif=None, fqdns=("www.evilacacias.example",)
        ),
    )
    return world_authority.submit_lot(origin, LotForm(reference="LOT-2026-001", demandes=forms)).index


def make_production_client(settings: Settings) -> None:
    """A card of the other plateforme, whose CAs this one knows by name only."""
    folder = settings.data_dir / "production-client"
    keys = folder / "keys"
    phrase_file = settings.data_dir / "production.phrase"
    authorities = perform(
        CeremonyConfig(plateforme="PRODUCTION", key_bits=2048),
        authorities_folder=settings.ws.client_ca_dir / "production",
        keys_folder=keys,
        passphrase=write_new_passphrase(phrase_file),
        now=datetime.now(UTC),
    )
    name = next(name for name, authority in authorities.items() if "CPS_AUTH" in authority.products)
    signers = {name: load_software_signer(authorities[name], keys / f"{name}.key.pem", phrase_file)}
    own = f"sqlite:///{folder / 'production.db'}"
    upgrade(own)
    db = Database(own)
    try:
        context = WorkerContext(db=db, worker="production", authorities=authorities, signers=signers)
        content = CertificateContent(
            product="CPS_AUTH",
            common_name="899700990045",
            surname="VIDAL",
            given_name="ALIX",
            title="Infirmier",
            upn="8.99700990045@carte.igc.example",
            profession=60,
            card_number="8025000001/0000000045",
        )
        write_pair(folder / "vidal.pem", folder / "vidal.key", enroll(context, Plateforme.PRODUCTION, content))
    finally:
        db.dispose()


@contextmanager
def serve(settings: Settings, build: Any) -> Iterator[int]:
    """Serve behind mutual TLS on a free port of loopback; ``build`` makes the application for an address."""
    apps: list[Starlette] = []

    async def front(scope: Any, receive: Any, send: Any) -> None:
        await apps[0](scope, receive, send)

    context = server_ssl_context(
        settings.portal.tls_certificate_file,
        settings.portal.tls_key_file.path,
        trust_anchors(load_client_authorities(settings)),
    )
    server = HttpServer(front, "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=1))
    apps.append(build(f"https://localhost:{server.port}"))
    with server.in_thread() as port:
        yield port


def close(session: requests.Session) -> None:
    """Hang up now: ``Session.close`` only forgets its connections, which stay open as long as an answer is kept."""
    for adapter in session.adapters.values():
        pools = adapter.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 -- it cannot be iterated
            pools[key].close()
    session.close()


@contextmanager
def make_world(folder: Path) -> Iterator[World]:
    """Everything, from the ceremony to a served portal."""
    settings = Settings.from_mapping({"data_dir": str(folder / "test")}, base=folder)
    make_plateforme(settings, Ceremony(key_bits=2048))
    make_production_client(settings)
    db = open_database(settings)
    authority = registration_authority(settings, db)
    context = worker_context(settings, db, name="tests")

    def build(url: str) -> Starlette:
        return build_app(authority, session_secret=SECRET, public_url=url)

    try:
        with serve(settings, build) as port:
            world = World(settings, db, authority, context, port, lot=0)
            lot = deposit(authority, world.origin("dpi-acacias", Canal.WS))
            world = replace(world, lot=lot)
            yield world
            for session in world.sessions:
                close(session)
    finally:
        db.dispose()
