"""Where an operator types: a world of today, its authorities with their keys, and a settings file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from audit.context import Audit
from audit.reading.authorities import load_authorities
from audit.trail.lines import check_trail
from batch.issuing.own_certificates import Enrolled, enroll
from pki.certificates.content import CertificateContent
from storage.database import Database
from tests.support.acteurs import ALL_SENDERS
from tests.support.hierarchies import Hierarchy
from tests.support.verbs import igc
from tests.support.world import World, make_world


@dataclass
class Desk:
    """What is typed here is done to the database of the world."""

    world: World
    folder: Path
    config: Path

    def good(self, *words: object) -> str:
        done = igc(*words, "--config", self.config)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    def refused(self, *words: object) -> str:
        """Why; nothing is an accident."""
        done = igc(*words, "--config", self.config)
        assert done.exit_code == 1, done.output
        assert done.exception is not None
        return f"{done.output}{'' if isinstance(done.exception, SystemExit) else done.exception}"

    def client(self, content: CertificateContent | None = None) -> tuple[Enrolled, Path]:
        """A certificate that nobody has registered, as a PEM file with its chain."""
        enrolled = enroll(self.world.context, self.world.plateforme, content or ALL_SENDERS["dpi-acacias"].content)
        path = self.folder / f"{x509.load_der_x509_certificate(enrolled.der).serial_number:x}.pem"
        path.write_bytes(enrolled.chain_pem)
        return enrolled, path

    def faults(self) -> list[str]:
        """What the auditor finds in the trail and beside it."""
        audit = Audit(
            db=self.world.db,
            authorities=load_authorities(self.world.hierarchy.authorities_dir),
            publication_dir=self.folder,
            crl_refresh=timedelta(hours=1),
            clock=self.world.clock,
        )
        check_trail(audit)
        return [f"{one.topic} {one.subject} : {one.text}" for one in audit.report.findings]


def as_der(path: Path) -> Path:
    """The same certificate in the other form, without its chain."""
    certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    other = path.with_suffix(".der")
    other.write_bytes(certificate.public_bytes(Encoding.DER))
    return other


@pytest.fixture
def desk(database: Database, database_url: str, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[Desk]:
    world = make_world(database, hierarchy, now=datetime.now(UTC))
    world.clock.now = datetime.now(UTC)
    world.publish_crls("ACI-CARTES-TEST", "ACI-EL-ORG-TEST")
    config = tmp_path / "igc.toml"
    config.write_text(
        f'data_dir = "."\ndatabase_url = {json.dumps(database_url)}\n[pki]\n'
        f'authorities_dir = "{hierarchy.authorities_dir}"\nkeys_dir = "{hierarchy.keys_dir}"\n'
        f'pass_phrase_file = "{hierarchy.pass_phrase_file}"\n'
    )
    desk = Desk(world, tmp_path, config)
    yield desk
    world.clock.now = datetime.now(UTC) + timedelta(minutes=1)
    assert desk.faults() == []
