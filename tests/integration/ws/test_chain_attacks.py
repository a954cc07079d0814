"""Client certificates that should not open the door: the verdict on each, and of the TLS handshake before it."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki.certificates.serials import serial_hex
from registration.acteurs.identity import PeerChecker
from registration.errors import AccessError, Code
from storage import tables
from storage.database import Database
from tests.support.canals import serve_lots
from tests.support.hierarchies import Hierarchy
from tests.support.world import World, make_world
from tests.unit.ws.messages import V11, body_of, envelope, fault_of, request
from tests.vectors.chain_cases import CASES, DAY, ISSUERS, LABELS, REVOKED, SERIALS, Tls, certificate, trusted
from tests.vectors.crl_cases import CASES as CRL_CASES
from tests.vectors.keys import key
from tests.vectors.samples import SERIAL, KeySigner, spki
from ws.contract.files import ENDPOINT

CONSULT = envelope(request("consulterService"))
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Hall:
    """The canal of plateforme TEST over TLS; one acteur is registered for whatever the cases hold."""

    world: World
    port: int
    folder: Path

    def present(self, name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str | None:
        """What the client of a case is told: a code, None when he comes in, "alert" at the end of the handshake."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        if name is not None:
            case = CASES[name]
            pem = self.folder / f"{name}.pem"
            private = key(case.label).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            sent = (case.make(NOW), *case.sent_with(NOW))
            pem.write_bytes(b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in sent) + private)
            context.load_cert_chain(pem)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        try:
            connection.request("POST", ENDPOINT, CONSULT, {"Content-Type": V11.content_type})
            answer = connection.getresponse().read()
        except ssl.SSLError as error:
            return "alert" if "alert" in str(error).lower() else str(error)
        finally:
            connection.close()
        return None if body_of(answer).tag != V11.tag("Fault") else fault_of(answer)["code"]


def registrations(world: World) -> Iterator[tables.Identite]:
    """Every issuer's name that stands in a case, with every serial but that of strangers: only the defect is left."""
    for issuer in ISSUERS:
        for serial in (SERIAL, REVOKED, SERIAL - 1, SERIAL - 2, SERIAL + 7, *SERIALS):
            yield tables.Identite(
                id_acteur=world.acteurs["dr-leroux"].id,
                issuer_sha256=hashlib.sha256(issuer).digest(),
                serial=serial_hex(serial),
            )


def revoked(autorite: str, serial: int) -> tables.Certificat:
    return tables.Certificat(
        autorite=autorite, serial=serial_hex(serial), produit="ORG_AUTH_CLI", not_before=NOW, emis_le=NOW,
        not_after=NOW + DAY, revoque_le=NOW, raison_crl="keyCompromise",
    )  # fmt: skip


@pytest.fixture(scope="module")
def hall(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    folder = tmp_path_factory.mktemp("chains")
    shutil.copyfile(sqlite_template, folder / "igc.db")
    db = Database(f"sqlite:///{folder / 'igc.db'}")
    authorities = trusted(NOW)
    signers = {name: KeySigner(name, key(label)) for name, label in LABELS.items()}
    world = make_world(db, Hierarchy(authorities=authorities, signers=signers))
    world.clock.now = NOW
    with db.write() as session:
        session.add_all(registrations(world))
        # What counts is the issuer and the serial: the same serial is revoked under another authority.
        session.add_all([revoked("ACI-EL-TEST", REVOKED), revoked("ACI-EL", SERIAL)])
    world.publish_crls()
    server = folder / "server.pem"
    private = key("leaf-2").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own = certificate(NOW, public=spki("leaf-2"))
    server.write_bytes(ssl.DER_cert_to_PEM_cert(own).encode() + private)
    with serve_lots(world, server, server) as port:
        yield Hall(world, port, folder)
    db.dispose()


@pytest.mark.parametrize("name", CASES)
def test_verdict_on(hall: Hall, name: str) -> None:
    code: Code | None = None
    try:
        hall.world.ra.acteurs.identify(CASES[name].make(NOW))
    except AccessError as error:
        code = error.code
    assert code is CASES[name].code


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.tls is not Tls.CANNOT])
def test_at_the_door(hall: Hall, name: str) -> None:
    case = CASES[name]
    assert hall.present(name) == ("alert" if case.tls is Tls.ALERT else case.code)


ON_THE_WIRE = {
    None: "ERR_WS_020",
    "usage-of-a-server": "ERR_WS_021",
    "seal-of-an-organisation": "ERR_WS_021",
    "expired": "ERR_WS_022",
    "not-yet-valid": "ERR_WS_022",
    "revoked": "ERR_WS_022",
    "other-plateforme": "ERR_WS_023",
    "application-that-nobody-registered": "ERR_WS_024",
    "unknown-authority": "alert",
    "self-signed": "alert",
    "good": None,
}
"""What docs/integrateurs.md promises."""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_the_wire_says_the_same_in_every_version_of_tls(hall: Hall, name: str | None, version: ssl.TLSVersion) -> None:
    assert hall.present(name, version) == ON_THE_WIRE[name]


@pytest.mark.parametrize("name", CRL_CASES)
def test_a_list_that_cannot_be_believed_closes_the_door(hall: Hall, name: str) -> None:
    case, authority = CRL_CASES[name], hall.world.hierarchy.authorities["ACI-EL-TEST"]
    checker = PeerChecker(hall.world.db, hall.world.hierarchy.authorities, hall.world.plateforme)
    with hall.world.db.write() as session:
        row = session.get_one(tables.Crl, "ACI-EL-TEST")
        kept = row.der
        row.der = case.make(authority, key("issuing"), NOW)
    code: Code | None = None
    try:
        checker.identify(certificate(NOW), NOW)
    except AccessError as error:
        code = error.code
    finally:
        with hall.world.db.write() as session:
            session.get_one(tables.Crl, "ACI-EL-TEST").der = kept
    if case.wrong:
        assert code is Code.REVOCATION_STATUS_UNAVAILABLE
    else:
        assert code is (Code.CERTIFICATE_REVOKED if case.lists else None)
