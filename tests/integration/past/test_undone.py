"""Who has only the database undoes what was published: an older list, a list that nobody renews, a revocation erased."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.lists.crls import publish, publish_due, write_stored
from batch.lists.files import list_files
from batch.past.errors import PastError
from batch.past.evidence import find_past
from batch.past.guard import stopped
from batch.past.restoring import Witnesses, carry_out, make_plan
from batch.queue.jobs import install, publish_crls
from registration.revocation.revoking import revoke
from storage import tables
from tests.integration.past.conftest import seal, set_rows
from tests.support.world import World

pytestmark = pytest.mark.long

ORG = "ACI-EL-ORG-TEST"
ROOT = "ACR-EL-TEST"


@pytest.fixture
def lived(world: World) -> World:
    """Two certificates revoked, the second one for keyCompromise, each on a list of its own."""
    world.issued(*world.forms(3))
    world.publish_crls()
    for row, raison in zip(world.certificats(), ("superseded", "keyCompromise"), strict=False):
        world.clock.advance(minutes=1)
        with world.db.write() as session:
            revoke(session, {row.id: raison}, world.clock(), "essai")
        world.clock.advance(minutes=2)
        publish(world.context, ORG)
    seal(world)
    install(world.context)
    publish_crls()
    assert stopped(world.db) is None
    return world


def full_list(world: World) -> x509.CertificateRevocationList:
    assert world.publication is not None
    return x509.load_der_x509_crl(list_files(world.publication, ORG)[0].read_bytes())


def put_back(world: World, older: bytes, numero: int | None) -> None:
    """The stored list is an older one from now on; its number may follow."""
    with world.db.write() as session:
        row = session.get_one(tables.Crl, ORG)
        row.der = older
        row.delta = None
        row.numero = numero or row.numero


@pytest.mark.parametrize("numero", [None, 1], ids=["its number as it was", "its own number"])
def test_an_older_list_is_never_published_over_a_newer_one(world: World, numero: int | None) -> None:
    world.issued(*world.forms(2))
    world.publish_crls()
    older = full_list(world).public_bytes(Encoding.DER)
    with world.db.write() as session:
        revoke(session, {world.certificats()[0].id: "keyCompromise"}, world.clock(), "essai")
    world.clock.advance(minutes=2)
    publish(world.context, ORG)
    write_stored(world.context)
    published = full_list(world)
    assert len(published) == 1
    put_back(world, older, numero)
    with pytest.raises(PastError, match="CRL n° 2"):
        write_stored(world.context)
    assert full_list(world) == published
    # A worker that starts afterwards.
    assert find_past(world.db, world.context.guard.evidence)


def test_an_older_delta_neither(lived: World) -> None:
    assert lived.publication is not None
    file = list_files(lived.publication, ORG)[1]
    older = file.read_bytes()
    lived.clock.advance(minutes=2)
    publish(lived.context, ORG, full=False)
    newer = file.read_bytes()
    with lived.db.write() as session:
        session.get_one(tables.Crl, ORG).delta = older
    with pytest.raises(PastError):
        write_stored(lived.context)
    assert file.read_bytes() == newer


@pytest.mark.parametrize("columns", ["apportee = true", "apportee = true, numero = 1, dernier_numero = 1"])
def test_a_list_of_ours_that_is_said_to_come_from_elsewhere_stops_the_plateforme(lived: World, columns: str) -> None:
    """Nobody would renew it, and no number of it would be compared."""
    set_rows(lived, f"UPDATE crl SET {columns} WHERE autorite = '{ORG}'")
    install(lived.context)
    publish_crls()
    assert ORG in (stopped(lived.db) or "")
    restored(lived)
    lived.clock.advance(minutes=2)
    publish(lived.context, ORG)
    assert len(full_list(lived)) == 2
    lived.clock.advance(hours=2)
    publish_due(lived.context)
    assert stopped(lived.db) is None
    assert find_past(lived.db, lived.context.guard.evidence) == []


def restored(world: World) -> None:
    evidence = world.context.guard.evidence
    carry_out(
        world.db, evidence, make_plan(world.db, evidence, Witnesses(), world.clock()), world.clock, world.context.marks
    )


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE certificat SET revoque_le = NULL, raison_crl = NULL, raison_modifiee_le = NULL WHERE {which}",
        "UPDATE certificat SET raison_crl = 'superseded' WHERE {which}",
        "UPDATE certificat SET autorite = 'ACI-EL-PP-TEST' WHERE {which}",
        "UPDATE certificat SET serial = '7f000000000000000000000000000001' WHERE {which}",
        "DELETE FROM certificat WHERE {which}",
    ],
)
def test_what_was_published_as_revoked_is_on_every_later_list(lived: World, act: str) -> None:
    """The lists that the world has are a witness: the worker signs none that says less."""
    which = next(row for row in lived.certificats() if row.raison_crl == "keyCompromise")
    before = full_list(lived)
    set_rows(lived, "DELETE FROM cle_interdite", act.format(which=f"id = {which.id}"))
    lived.clock.advance(minutes=5)
    with pytest.raises(PastError, match="ne révoque plus"):
        publish(lived.context, ORG)
    assert full_list(lived) == before
    assert "ne révoque plus" in (stopped(lived.db) or "")
    # The published list is also the way back.
    restored(lived)
    lived.clock.advance(minutes=5)
    publish(lived.context, ORG)
    entry = full_list(lived).get_revoked_certificate_by_serial_number(int(which.serial, 16))
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert stopped(lived.db) is None


def test_a_reason_that_became_stronger_and_an_end_that_came_are_no_contradiction(lived: World) -> None:
    first = next(row for row in lived.certificats() if row.raison_crl == "superseded")
    with lived.db.write() as session:
        revoke(session, {first.id: "keyCompromise"}, lived.clock(), "essai")
    lived.clock.advance(minutes=2)
    publish(lived.context, ORG)
    lived.clock.now = first.not_after + timedelta(days=1)
    publish(lived.context, ORG)  # still on one list after its end
    lived.clock.advance(minutes=2)
    publish(lived.context, ORG)
    assert len(full_list(lived)) == 0
    assert stopped(lived.db) is None


def test_a_certificate_that_the_row_alone_says_expired_is_told(lived: World) -> None:
    """Its own bytes say when it ends; what was done to the row is for people to undo."""
    which = lived.certificats()[0]
    set_rows(lived, f"UPDATE certificat SET not_after = '2020-01-01 00:00:00.000000' WHERE id = {which.id}")
    lived.clock.advance(minutes=5)
    with pytest.raises(PastError, match=which.serial):
        publish(lived.context, ORG)
