"""A plateforme's status services over real parts: database, ceremony, batch, HTTP listener on loopback."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from sqlalchemy import update

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.crls import publish
from batch.responders import renew_due
from commands.enrolment import enroll
from pki.content import CertificateContent
from pki.serials import serial_hex
from publication.answers import KeptAnswers
from publication.app import PublicationApp
from publication.files import PublishedFiles
from publication.issued import IssuedReader
from publication.keys import ResponderKeys
from publication.maker import AnswerMaker
from publication.preparer import AnswerPreparer
from publication.responder import OcspResponder
from publication.statuses import StatusReader
from registration.vocabulary import Plateforme
from runtime.http_server import HttpServer
from storage import tables
from storage.database import Database
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.world import Clock
from tests.unit.pki.ocsp_support import make_request

PASSPHRASE = b"phrase des repondeurs de test"
ORG = "ACI-EL-ORG-TEST"
OCSP_TYPE = {"Content-Type": "application/ocsp-request"}
CONTENT = CertificateContent(
    product="ORG_AUTH_CLI",
    common_name="appli",
    state="Paris (75)",
    organization="HOPITAL",
    organizational_unit="10B0990011",
)


@pytest.fixture(scope="session")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Hierarchy]:
    folder = tmp_path_factory.mktemp("publication")
    return folder / "authorities", make_hierarchy(folder, "TEST")


@dataclass
class Reply:
    """What came back over HTTP; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Place:
    """The services of one test. ``clock`` stands still until it is turned; nothing is prepared until it is asked."""

    context: WorkerContext
    clock: Clock
    app: PublicationApp
    port: int
    preparer: AnswerPreparer

    @property
    def db(self) -> Database:
        return self.context.db

    def prepare(self) -> None:
        """All that the background would do until it has nothing left to do."""
        while self.preparer.round():
            pass

    def issue(self) -> x509.Certificate:
        """A certificate like any other."""
        return x509.load_der_x509_certificate(enroll(self.context, Plateforme.TEST, CONTENT).der)

    def revoke(self, certificate: x509.Certificate, reason: str = "keyCompromise") -> None:
        with self.db.write() as session:
            session.execute(
                update(tables.Certificat)
                .where(tables.Certificat.serial == serial_hex(certificate.serial_number))
                .values(revoque_le=self.clock(), raison_crl=reason)
            )

    def request(self, certificate: x509.Certificate, algorithm: type = SHA1, nonce: bytes | None = None) -> bytes:
        return make_request(self.context.authorities[ORG], certificate.serial_number, algorithm, nonce)

    def post(self, body: bytes, path: str = "/", headers: dict[str, str] | None = None) -> Reply:
        return self.call("POST", path, body, OCSP_TYPE if headers is None else headers)

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Reply:
        return self.call(method, path, None, headers or {})

    def call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def crl(self, name: str = ORG) -> x509.CertificateRevocationList:
        return x509.load_der_x509_crl(self.get(f"/CRL/{name}.crl").body)


@pytest.fixture
def make_place(ceremony: tuple[Path, Hierarchy], database: Database, tmp_path: Path) -> Iterator[Any]:
    folder, hierarchy = ceremony
    # Close to the real time, so that openssl and gnutls agree with what they are given.
    clock = Clock(datetime.now(UTC))
    readers: list[StatusReader] = []

    def make(**policy: Any) -> tuple[WorkerContext, Clock, PublicationApp, AnswerPreparer]:
        context = WorkerContext(
            db=database,
            worker="test-worker",
            authorities=hierarchy.authorities,
            # One authority is enough, and a key less to generate for each other.
            signers={ORG: hierarchy.signers[ORG]},
            publication=tmp_path / "publication",
            responders=DelegateFiles(tmp_path / "ocsp", PASSPHRASE),
            policy=replace(BatchPolicy(), **policy),
            clock=clock,
        )
        publish(context, ORG)
        renew_due(context)
        reader, background = StatusReader(database), StatusReader(database)
        readers.extend((reader, background))
        keys = ResponderKeys(hierarchy.authorities, tmp_path / "ocsp", PASSPHRASE, database)
        maker = AnswerMaker(hierarchy.authorities, keys, validity=timedelta(hours=1), clock=clock)
        kept = KeptAnswers(1000)
        app = PublicationApp(
            hierarchy.authorities,
            OcspResponder(maker, reader, kept),
            PublishedFiles(hierarchy.authorities, folder, tmp_path / "publication"),
            cache_seconds=300,
            clock=clock,
        )
        return context, clock, app, AnswerPreparer(maker, IssuedReader(database), background, kept)

    yield make
    for reader in readers:
        reader.close()


@pytest.fixture
def place(make_place: Any) -> Iterator[Place]:
    context, clock, app, preparer = make_place()
    with HttpServer(app, "127.0.0.1", 0, shortcut=app.memory).in_thread() as port:
        yield Place(context, clock, app, port, preparer)
