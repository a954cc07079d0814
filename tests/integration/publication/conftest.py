"""A plateforme's status services over real parts: database, ceremony, batch, HTTP listener on loopback."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, HashAlgorithm
from sqlalchemy import update

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.delegates.responders import renew_due
from batch.issuing.own_certificates import enroll
from pki.certificates.content import CertificateContent
from pki.certificates.serials import serial_hex
from publication.preparer import AnswerPreparer
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.support.clock import Clock
from tests.support.hierarchies import Hierarchy
from tests.support.publications import Publication, open_publication
from tests.support.world import World
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


@dataclass
class Reply:
    """What came back over HTTP; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Place:
    """The services of one test. ``clock`` stands still until it is turned; nothing is prepared until it is asked."""

    world: World
    publication: Publication
    port: int = 0

    @property
    def preparer(self) -> AnswerPreparer:
        return self.publication.preparer

    @property
    def db(self) -> Database:
        return self.world.db

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def context(self) -> WorkerContext:
        return self.world.context

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

    def request(
        self, certificate: x509.Certificate, algorithm: type[HashAlgorithm] = SHA1, nonce: bytes | None = None
    ) -> bytes:
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
def make_place(hierarchy: Hierarchy, database: Database, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Makes the parts with another policy of the batch; nobody listens yet."""
    with ExitStack() as stack:

        def make(**policy: Any) -> Place:
            world = World(
                db=database,
                # One authority is enough, and a key less to generate for each other.
                hierarchy=replace(hierarchy, signers={ORG: hierarchy.signers[ORG]}),
                # Close to the real time, so that openssl and gnutls agree with what they are given.
                clock=Clock(datetime.now(UTC)),
                policy=BatchPolicy(**policy),
                publication=tmp_path / "publication",
                responders=DelegateFiles(tmp_path / "ocsp", PASSPHRASE),
            )
            world.publish_crls()
            renew_due(world.context)
            opened = open_publication(
                database,
                hierarchy.authorities,
                authorities_dir=hierarchy.authorities_dir,
                publication_dir=tmp_path / "publication",
                responders=DelegateFiles(tmp_path / "ocsp", PASSPHRASE),
                clock=world.clock,
            )
            return Place(world, stack.enter_context(opened))

        yield make


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Iterator[Place]:
    made = make_place()
    with made.publication.listening() as port:
        yield replace(made, port=port)
