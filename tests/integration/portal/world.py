"""A small TEST plateforme with a served portal, for the tests of this folder: every part real, keys made on the spot."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from requests.adapters import HTTPAdapter
from sqlalchemy import select
from starlette.applications import Starlette

from batch.context import WorkerContext
from batch.issuing.own_certificates import enroll
from commands.composition import Instance, opened
from commands.trial.plateforme import CLIENTS_FOLDER, Ceremony, make_plateforme
from pki.certificates.serials import serial_hex
from portal_ihm.app import build_app
from registration.acteurs.habilitations import Habilitation
from registration.authority import RegistrationAuthority
from registration.values import DemandeForm
from registration.vocabulary import Offre, Plateforme, Usage
from runtime.listening.server import HttpServer, Limits, server_ssl_context
from runtime.settings.model import Settings
from storage import tables
from storage.database import Database
from storage.migrate import upgrade
from tests.support.acteurs import CLINIQUE, add_acteur, nurse, read_acteurs
from tests.support.clock import Clock
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import Pair, write_pair
from tests.support.produits import demande_form
from tests.support.world import World
from ws.app import lot_file_reader

SECRET = bytes(range(32))
MAX_LOT = 32 * 1024 * 1024
XSS = '<img src=x onerror="document.title=1">'
FORMULA = '=HYPERLINK("http://evil.example")'


def new_csr(bits: int = 2048) -> x509.CertificateSigningRequest:
    """A request signed by a key of its own."""
    key = rsa.generate_private_key(65537, bits)
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())


@dataclass(kw_only=True)
class PortalWorld(World):
    """The plateforme as its settings compose it, its portal, and a lot that the hospital deposited.

    ``foreigner`` holds a card of the other plateforme, whose CAs this one knows by name only.
    """

    here: Instance
    worker: WorkerContext
    foreigner: Pair
    app: Starlette = field(default_factory=Starlette)
    port: int = 0
    lot: int = 0
    sessions: list[requests.Session] = field(default_factory=list)

    @property
    def ra(self) -> RegistrationAuthority:
        return self.here.registration_authority

    @property
    def context(self) -> WorkerContext:
        return self.worker

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def root(self) -> Path:
        return self.here.settings.data_dir / CLIENTS_FOLDER / "ac-racine.pem"

    def client(self, name: str) -> Pair:
        return Pair.at(self.here.settings.data_dir / CLIENTS_FOLDER, name)

    def session(self, holder: str | Pair | None) -> requests.Session:
        """A program's connection with the certificate of an acteur, with another, or without any."""
        session = requests.Session()
        self.sessions.append(session)
        session.verify = str(self.root)
        session.trust_env = False
        if holder is not None:
            session.cert = (self.client(holder) if isinstance(holder, str) else holder).strings
        return session

    def enroll(self, name: str, *, registered: bool = True, habilitations: tuple[Habilitation, ...] = ()) -> Pair:
        """One more person with a card of his own, so that a test may do to it what it likes."""
        sender = nurse(name, habilitations)
        if registered:
            self.acteurs[name] = add_acteur(self.db, self.plateforme, sender)
            enrolled = self.enroll_client(name, sender.content)
        else:
            enrolled = enroll(self.context, self.plateforme, sender.content)
        return write_pair(self.client(name).key.parent, name, enrolled)

    def revoke(self, name: str) -> None:
        """Revoke the certificate of a client, as the revocation service will."""
        serial = serial_hex(self.client(name).leaf().serial_number)
        with self.db.write() as session:
            row = session.scalars(select(tables.Certificat).where(tables.Certificat.serial == serial)).one()
            row.revoque_le = datetime.now(UTC)


def org_form(service: str, **changes: Any) -> DemandeForm:
    """A demande for the hospital that every rule accepts, unless ``changes`` say otherwise."""
    return demande_form(new_csr().public_bytes(Encoding.DER), **{"service_applicatif": service, **changes})


def hostile_forms() -> tuple[DemandeForm, ...]:
    """Good items, a forbidden structure, a mail domain of others, hostile texts."""
    return (
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


def enroll_foreigner(settings: Settings, production: Hierarchy) -> Pair:
    """Make the authorities of PRODUCTION known as client authorities; gives a card that they issued."""
    shutil.copytree(production.authorities_dir, settings.ws.client_ca_dir / "production")
    folder = settings.data_dir / "production-client"
    folder.mkdir()
    own = f"sqlite:///{folder / 'production.db'}"
    upgrade(own)
    db = Database(own)
    try:
        there = World(db=db, hierarchy=production, plateforme=Plateforme.PRODUCTION, clock=Clock(None))
        return write_pair(folder, "vidal", enroll(there.context, there.plateforme, nurse("vidal").content))
    finally:
        db.dispose()


@contextmanager
def serve(here: Instance, build: Callable[[str], Starlette]) -> Iterator[int]:
    """Serve behind mutual TLS on a free port of loopback; ``build`` makes the application for an address."""
    apps: list[Starlette] = []

    async def front(scope: Any, receive: Any, send: Any) -> None:
        await apps[0](scope, receive, send)

    context = server_ssl_context(
        here.settings.portal.tls_certificate_file,
        here.settings.portal.tls_key_file.path,
        here.trust_anchors,
    )
    server = HttpServer(front, "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=1))
    apps.append(build(f"https://localhost:{server.port}"))
    with server.in_thread() as port:
        yield port


def close(session: requests.Session) -> None:
    """Hang up now: ``Session.close`` only forgets its connections, which stay open as long as an answer is kept."""
    for adapter in session.adapters.values():
        assert isinstance(adapter, HTTPAdapter)
        pools = adapter.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 -- it cannot be iterated
            pools[key].close()
    session.close()


@contextmanager
def make_portal_world(folder: Path, production: Hierarchy) -> Iterator[PortalWorld]:
    """Everything, from the ceremony to a served portal."""
    settings = Settings.from_mapping({"data_dir": str(folder / "test")}, base=folder)
    make_plateforme(settings, Ceremony(key_bits=2048))
    foreigner = enroll_foreigner(settings, production)
    with opened(settings) as here:
        worker = here.worker_context("tests")
        world = PortalWorld(
            db=here.db,
            hierarchy=Hierarchy(authorities=worker.authorities, signers=worker.signers),
            clock=Clock(None),
            policy=worker.policy,
            acteurs=read_acteurs(here.db, Plateforme.TEST),
            here=here,
            worker=worker,
            foreigner=foreigner,
        )

        def build(address: str) -> Starlette:
            world.app = build_app(
                world.ra,
                session_secret=SECRET,
                public_url=address,
                exploitation=here.exploitation,
                read_lot=lot_file_reader(10_000),
                max_lot=MAX_LOT,
            )
            return world.app

        with serve(here, build) as world.port:
            world.lot = world.deposit(*hostile_forms(), reference="LOT-2026-001", sender="dpi-acacias").index
            yield world
            for session in world.sessions:
                close(session)
