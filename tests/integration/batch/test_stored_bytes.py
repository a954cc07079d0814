"""Bytes that wait for their signature stand in the database: only those that the demande gives are signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update

from batch.queue.jobs import install, run_tasks
from pki.certificates.content import CertificateContent
from pki.certificates.serials import new_serial, serial_hex
from pki.delegates.delegated import Office, prepare_certificate
from pki.delegates.ocsp_signer import RESPONDER
from pki.delegates.seal import SEAL
from pki.issuing.issuance import PreparedCertificate, prepare
from registration.rules.validation import content_of
from registration.vocabulary import EtatDemande
from storage import tables
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.signers import broken
from tests.vectors.keys import key

ORG, CARTES = "ACI-EL-ORG-TEST", "ACI-CARTES-TEST"
Forge = Callable[[BatchWorld, int], PreparedCertificate]


def own_key() -> bytes:
    """Of who writes into the database."""
    public = key("leaf").public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def content(world: BatchWorld, numero: int) -> CertificateContent:
    return content_of(the(world.demande(numero).contenu))


def _another_key(world: BatchWorld, numero: int) -> PreparedCertificate:
    authority = world.hierarchy.authorities[ORG]
    return prepare(authority, content(world, numero), own_key(), new_serial(), world.clock())


def _another_name(world: BatchWorld, numero: int) -> PreparedCertificate:
    spki = world.values(select(tables.ClePublique.spki).where(tables.ClePublique.id_demande == numero))[0]
    other = replace(content(world, numero), common_name="Une autre application")
    return prepare(world.hierarchy.authorities[ORG], other, spki, new_serial(), world.clock())


def _a_shorter_term(world: BatchWorld, numero: int) -> PreparedCertificate:
    spki = world.values(select(tables.ClePublique.spki).where(tables.ClePublique.id_demande == numero))[0]
    now = world.clock()
    return prepare(
        world.hierarchy.authorities[ORG],
        content(world, numero),
        spki,
        new_serial(),
        now,
        not_after=now + timedelta(days=9),
    )


def _a_card(world: BatchWorld, _numero: int) -> PreparedCertificate:
    """Whose bearer is known without registration."""
    card = CertificateContent(
        product="CPS_AUTH", common_name="899700990011", title="Médecin", surname="LEROUX", given_name="CAMILLE", profession=10,
        upn="899700990011@carte.example",
    )  # fmt: skip
    return prepare(world.hierarchy.authorities[CARTES], card, own_key(), new_serial(), world.clock())


def _no_bytes(world: BatchWorld, numero: int) -> PreparedCertificate:
    return replace(_another_key(world, numero), tbs=bytes.fromhex("3003020100"))


def _a_delegate(office: Office) -> Forge:
    def forge(world: BatchWorld, _numero: int) -> PreparedCertificate:
        serial, start, life = new_serial(), world.clock().replace(microsecond=0), timedelta(days=9)
        authority = world.hierarchy.authorities[ORG]
        tbs = prepare_certificate(office, authority, key("leaf").public_key(), serial, start, life)
        return PreparedCertificate(
            tbs=tbs, issuer=ORG, product=office.product, serial=serial, not_before=start, not_after=start + life
        )

    return forge


@pytest.fixture
def waiting(world: BatchWorld) -> list[int]:
    """Demandes whose bytes are stored, and whose signer was away."""
    index = world.deposit_fresh(3)
    install(replace(world.context, signers=broken(world.hierarchy.signers)))
    (task,) = world.send()
    run_tasks([[task.id, task.attempt]])
    with world.db.write() as session:
        session.execute(update(tables.Outbox).values(lease_until=None))
    return world.numeros(index)


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(_another_key, id="another key"),
        pytest.param(_another_name, id="another name"),
        pytest.param(_a_shorter_term, id="another term"),
        pytest.param(_a_card, id="a card"),
        pytest.param(_no_bytes, id="no certificate at all"),
        pytest.param(_a_delegate(RESPONDER), id="an OCSP responder"),
        pytest.param(_a_delegate(SEAL), id="a seal of the audit trail"),
    ],
)
def test_bytes_put_in_the_place_of_others_are_not_signed(world: BatchWorld, waiting: list[int], forge: Forge) -> None:
    """Who can write to the database chooses nobody's certificate; the demandes get the one that they asked for."""
    forged = forge(world, waiting[1])
    row = {
        "tbs": forged.tbs, "produit": forged.product, "autorite": forged.issuer, "serial": serial_hex(forged.serial),
        "not_before": forged.not_before, "not_after": forged.not_after,
    }  # fmt: skip
    with world.db.write() as session:
        session.execute(update(tables.Certificat).where(tables.Certificat.id_demande == waiting[1]).values(**row))
    world.run_batch()
    ders = [the(world.certificat(numero).der) for numero in waiting]
    assert forged.tbs not in {x509.load_der_x509_certificate(der).tbs_certificate_bytes for der in ders}
    world.assert_complete(1, good=3)


def test_bytes_that_wait_are_signed_as_they_are(world: BatchWorld, waiting: list[int]) -> None:
    before = [world.certificat(numero).serial for numero in waiting]
    world.clock.now = world.clock() + timedelta(hours=3)
    world.run_batch()
    assert [world.certificat(numero).serial for numero in waiting] == before
    world.assert_complete(1, good=3)


@pytest.mark.parametrize(
    "product", ["CPS_AUTH", "CPF_AUTH", "CPE_AUTH", "CPA_AUTH", "TLS_SERVER", "ORG_SIGN", "OCSP_SIGNER"]
)
def test_a_demande_gets_no_other_product_than_its_own(world: BatchWorld, product: str) -> None:
    """What the authorities make for themselves is never asked for by a demande."""
    index = world.deposit_fresh(2)
    numeros = world.numeros(index)
    contenu = {**the(world.demande(numeros[0]).contenu), "product": product}
    with world.db.write() as session:
        session.execute(update(tables.Demande).where(tables.Demande.id == numeros[0]).values(contenu=contenu))
    world.run_batch()
    assert [world.demande(numero).etat for numero in numeros] == [
        EtatDemande.NON_TRAITEE.value,
        EtatDemande.TRANSMISE.value,
    ]
    assert world.signed() == 1
