"""Certificates of our own listeners on a real database: when they are made anew, and when they are left alone."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, select, update

from batch.context import WorkerContext
from batch.lists.root_crls import take_carried_crl
from commands.ceremony import tls_pair
from commands.ceremony.tls_pair import locked
from commands.ceremony.tls_renewal import Look, TlsRenewal
from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig, RevokedConfig, RootConfig, read_config
from pki.ceremony.record import Protocol
from pki.certificates.serials import serial_hex
from pki.errors import CeremonyError
from pki.issuing.crl import CrlEntry, build_crl
from runtime.whole_files import move
from storage import tables
from tests.support.clock import NOON
from tests.support.world import World
from tests.vectors.keys import key
from tests.vectors.samples import KeySigner, make_issuing, make_root

ORG = "ACI-EL-ORG-TEST"
MARGIN = timedelta(days=45)
CEREMONY = read_config("""
plateforme = "TEST"
[[servers]]
name = "ws"
dns_names = ["ws.igc.example", "portail.igc.example"]
ip_addresses = ["127.0.0.1"]
state = "Paris (75)"
organization = "INSTITUT DES CERTIFICATS DE SANTE DE L'EXEMPLE"
organizational_unit = "10B0000000"
""")


@dataclass
class Place:
    """One listener's files and who looks after them."""

    world: World
    folder: Path

    @property
    def context(self) -> WorkerContext:
        return self.world.context

    @property
    def file(self) -> Path:
        return self.folder / "ws.pem"

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.file.read_bytes())

    def look(self, ceremony: CeremonyConfig = CEREMONY, context: WorkerContext | None = None) -> Look:
        protocol = Protocol(self.folder / "ceremony.jsonl", self.world.clock())
        (look,) = TlsRenewal(context or self.context, ceremony, self.folder, MARGIN, protocol).run()
        return look

    def rows(self) -> dict[str, tables.Certificat]:
        with self.world.db.read() as session:
            query = select(tables.Certificat).where(tables.Certificat.produit == "TLS_SERVER")
            return {row.serial: row for row in session.scalars(query)}

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


@pytest.fixture
def place(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Keys are the prepared ones, in turn: what is not looked at here is how they are made, and it takes long."""
    keys = cycle([key("leaf"), key("leaf-2")])
    monkeypatch.setattr("batch.issuing.own_certificates.rsa.generate_private_key", lambda **_options: next(keys))
    (tmp_path / "tls").mkdir()
    return Place(world, tmp_path / "tls")


def serial(certificate: x509.Certificate) -> str:
    return serial_hex(certificate.serial_number)


def test_a_certificate_is_made_kept_and_made_anew_before_its_end(place: Place) -> None:
    assert place.look().done == "créé"
    first = place.certificate
    before = place.files()
    assert place.look() == Look(place.file)
    place.world.clock.now = first.not_valid_after_utc - MARGIN
    assert place.look() == Look(place.file)
    assert place.files() == before
    place.world.clock.advance(seconds=1)
    assert place.look().done == f"refait : fin de validité le {first.not_valid_after_utc:%d/%m/%Y}"

    second = place.certificate
    assert second.public_key() != first.public_key()
    assert second.subject == first.subject
    assert second.not_valid_after_utc > first.not_valid_after_utc
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(place.file, place.folder / "ws.key")
    assert (place.folder / "ws.key.precedent").read_bytes() == before["ws.key"]
    assert (place.folder / "ws.pem.precedent").read_bytes() == before["ws.pem"]
    rows = place.rows()
    assert {row.der for row in rows.values()} == {one.public_bytes(Encoding.DER) for one in (first, second)}
    assert [row.revoque_le for row in rows.values()] == [None, None]  # the former one is good until its end
    events = [json.loads(line) for line in (place.folder / "ceremony.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["tls", "tls"]
    assert place.look() == Look(place.file)


def changed(**values: object) -> CeremonyConfig:
    server = msgspec.structs.replace(CEREMONY.servers[0], **values)
    return msgspec.structs.replace(CEREMONY, servers=(server,))


def no_longer_in_force(place: Place) -> None:
    with place.world.db.write() as session:
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.serial == serial(place.certificate))
            .values(revoque_le=place.world.clock(), raison_crl="keyCompromise")
        )


def forgotten(place: Place) -> None:
    with place.world.db.write() as session:
        session.execute(delete(tables.Certificat).where(tables.Certificat.serial == serial(place.certificate)))


@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_what_is_not_asked_for_any_more_is_made_anew(place: Place) -> None:
    place.look()
    for values in (
        {"dns_names": ("ws.igc.example",)},
        {"ip_addresses": ("127.0.0.1", "::1")},
        {"organization": "INSTITUT"},
    ):
        assert place.look(changed(**values)).done == "refait : autres noms dans le fichier de cérémonie"
        assert place.look(changed(**values)) == Look(place.file)
    place.look()
    for spoil, reason in (
        (no_longer_in_force, "révoqué le 02/03/2026"),
        (forgotten, "inconnu de la base"),
        (lambda _place: (place.folder / "ws.key").unlink(), "clé absente ou d'un autre certificat"),
    ):
        spoil(place)
        assert place.look().done == f"refait : {reason}"
        assert place.look() == Look(place.file)


def revoked(authority: Authority) -> CeremonyConfig:
    entry = RevokedConfig(serial=serial(authority.certificate), revoked_at=NOON, reason="keyCompromise")
    return msgspec.structs.replace(CEREMONY, root=RootConfig(revoked=(entry,)))


@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_certificate_of_a_revoked_authority_is_made_anew_by_another(place: Place) -> None:
    other, root = make_issuing(), replace(make_root(), short_name="ACR-AUTRE-TEST")
    signer = KeySigner(other.short_name, key("issuing"))
    with_other = {**place.context.authorities, other.short_name: other, root.short_name: root}
    place.look(context=replace(place.context, authorities=with_other, signers={other.short_name: signer}))
    both = replace(place.context, authorities=with_other)
    assert place.look(context=both) == Look(place.file)
    former = place.files()
    assert place.look(revoked(other), context=both).done == f"refait : AC {other.short_name} révoquée"
    assert place.certificate.issuer == place.context.authorities[ORG].certificate.subject
    # The list that was carried here says it as well as the file of the ceremony.
    for name, content in former.items():
        (place.folder / name).write_bytes(content)
    now = place.world.clock()
    entries = [CrlEntry(other.certificate.serial_number, now)]
    crl = build_crl(root, KeySigner(root.short_name, key("root")), entries, 1, now, now + timedelta(days=30))
    take_carried_crl(place.world.db, place.folder, root, crl, now)
    assert place.look(context=both).done == f"refait : AC {other.short_name} révoquée"


@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_interrupted_replacement_is_finished(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.look()
    first = place.certificate

    def stop(source: Path, target: Path) -> None:
        if target == place.file:
            raise KeyboardInterrupt
        move(source, target)

    monkeypatch.setattr(tls_pair, "move", stop)
    with pytest.raises(KeyboardInterrupt):
        place.look(changed(organization="INSTITUT"))
    monkeypatch.setattr(tls_pair, "move", move)
    assert place.certificate == first
    look = place.look(changed(organization="INSTITUT"))
    assert look.done == "remplacement interrompu, achevé"
    assert serial(place.certificate) == max(place.rows().values(), key=lambda row: row.id).serial
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(place.file, place.folder / "ws.key")


@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_what_needs_somebody_is_left_as_it_is(place: Place) -> None:
    authority = place.context.authorities[ORG]
    nobody = replace(place.context, signers={})
    assert "aucune AC" in (place.look(context=nobody).left or "")
    assert "révoquée" in (place.look(revoked(authority)).left or "")
    assert "profil" in (place.look(changed(dns_names=("un nom",))).left or "")
    assert place.rows() == {}
    assert not place.file.exists()

    # An authority that ends soon would issue the same short certificate night after night.
    place.world.clock.now = authority.not_after - timedelta(days=20)
    assert place.look().done == "créé"
    for content, left in (
        (place.file.read_bytes(), f"finit le {authority.not_after:%d/%m/%Y} avec l'AC {ORG}"),
        (make_root().certificate.public_bytes(Encoding.PEM), "délivré par une autre AC"),
        (b"words", "illisible"),
    ):
        place.file.write_bytes(content)
        before = place.files()
        assert left in (place.look().left or "")
        assert place.files() == before
    assert len(place.rows()) == 1


@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_two_ceremonies_do_not_meet(place: Place) -> None:
    with locked(place.folder), pytest.raises(CeremonyError):
        place.look()
    assert place.rows() == {}
