"""A database restored from its backup is found out at once, and nothing is issued, published or deposited on it."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from sqlalchemy import select

from batch.lists.crls import publish, publish_due, write_stored
from batch.lists.files import list_files
from batch.past.errors import PastError
from batch.past.evidence import find_past
from batch.past.guard import stopped
from batch.past.marks import AHEAD, read_marks
from batch.queue.jobs import install, publish_crls, run_tasks
from batch.watching.alarms import Fault, find_past_alarms
from registration.errors import AccessError, Code, IgcError
from registration.revocation.revoking import revoke
from storage import tables
from tests.integration.past.conftest import Backup, seal
from tests.support.databases import reserve
from tests.support.world import World

pytestmark = pytest.mark.long

ORG = "ACI-EL-ORG-TEST"


def live_on(world: World) -> None:
    """What is lost with the backup: lots, certificates, a revocation, three lists, sealed lines of the trail."""
    world.issued(*world.forms(3, first_key=10), reference="lost")
    ident = world.certificats()[0].id
    with world.db.write() as session:
        revoke(session, {ident: "keyCompromise"}, world.clock(), "essai")
    for _ in range(3):
        world.clock.advance(minutes=1)
        publish(world.context, ORG)
    seal(world)


@pytest.fixture
def restored(world: World, backup: Backup) -> World:
    world.issued(*world.forms(2))
    world.publish_crls()
    seal(world)
    restore = backup(world)
    world.clock.advance(hours=1)
    live_on(world)
    world.clock.advance(minutes=10)
    return restore()


def published(world: World) -> int:
    assert world.publication is not None
    crl = x509.load_der_x509_crl(list_files(world.publication, ORG)[0].read_bytes())
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_an_honest_plateforme_finds_nothing(world: World, backup: Backup) -> None:
    world.issued(*world.forms(2))
    world.publish_crls()
    seal(world)
    live_on(world)
    assert find_past(world.db, world.context.guard.evidence) == []
    install(world.context)
    publish_crls()
    assert stopped(world.db) is None
    # A restoration that loses nothing is none.
    again = backup(world)()
    assert find_past(again.db, again.context.guard.evidence) == []


def test_lists_and_trail_contradict_a_restored_database(restored: World) -> None:
    found = find_past(restored.db, restored.context.guard.evidence)
    assert found[0] == f"CRL n° 4 de {ORG} publiée, la base s'arrête au n° 1"
    assert found[1].startswith("piste d'audit scellée jusqu'à la ligne ")
    assert stopped(restored.db) is None  # who looks changes nothing
    (alarm,) = find_past_alarms(restored.db, restored.context.guard.evidence)
    assert (alarm.fault, alarm.urgent) == (Fault.PAST, True)
    assert f"CRL n° 4 de {ORG}" in alarm.name


@pytest.mark.parametrize("left", ["lists", "trail", "numbers of lists"])
def test_one_witness_is_enough(restored: World, left: str) -> None:
    assert restored.publication is not None
    assert restored.context.marks is not None
    marks = restored.context.marks
    if left != "lists":
        for file in (restored.publication / "CRL").iterdir():
            file.unlink()
    kept = {"trail": "piste", "numbers of lists": "listes"}.get(left)
    content = json.loads(marks.read_text())
    marks.write_text(json.dumps({kept: content[kept]} if kept else {}))
    (found,) = find_past(restored.db, restored.context.guard.evidence)
    assert ("CRL n° 4" in found) is (left != "trail")


def test_nothing_is_signed_published_or_deposited(restored: World) -> None:
    before, signed = published(restored), restored.signed()
    numero = restored.place(restored.form(key=30))
    (task,) = restored.send()
    install(restored.context)
    run_tasks([[task.id, task.attempt]])
    assert restored.signed() == signed
    assert restored.outbox()[0].attempts == 0
    assert restored.steps(numero)[-1].value == "ACT_DCL_005"
    publish_crls()
    seal(restored)
    with pytest.raises(PastError, match="CRL n° 4"):
        publish(restored.context, ORG)
    with pytest.raises(PastError, match="CRL n° 4"):
        write_stored(restored.context)
    assert published(restored) == before == 4
    assert f"CRL n° 4 de {ORG}" in (stopped(restored.db) or "")


def test_lists_of_others_are_not_renewed_either(restored: World) -> None:
    """What looks at every list that is due stops at the first one that the world has seen further."""
    with pytest.raises(PastError):
        publish_due(restored.context)


def test_nobody_is_recognised_as_long_as_it_stands_still(world: World) -> None:
    world.publish_crls()
    enrolled = world.enroll_client("dr-leroux")
    assert world.ra.acteurs.identify(enrolled.der).acteur == world.acteurs["dr-leroux"]
    with world.db.write() as session:
        session.add(tables.Arret(id=1, constate_le=world.clock(), raison="essai"))
    with pytest.raises(AccessError) as refused:
        world.ra.acteurs.identify(enrolled.der)
    assert refused.value.code is Code.REVOCATION_STATUS_UNAVAILABLE


def test_the_stop_outlives_its_finder_and_is_told_once_a_minute(
    restored: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = restored.context.guard
    assert [guard.look() is not None for _ in range(3)] == [True] * 3
    told = caplog.text + capsys.readouterr().out
    assert told.count("plateforme stopped") == 1
    assert "igc restore" in told
    # Another process of another machine, which has no evidence of its own.
    elsewhere = World(db=restored.db, hierarchy=restored.hierarchy, acteurs=restored.acteurs, clock=restored.clock)
    assert elsewhere.context.guard.look() == guard.look()


def test_marks_that_cannot_be_read_stop_it_too(world: World) -> None:
    world.issued(*world.forms(1))
    seal(world)
    assert world.context.marks is not None
    world.context.marks.write_text('{"piste": 12}')
    with pytest.raises(PastError, match="ne se lit pas"):
        world.context.guard.check()


def test_another_list_of_the_same_number_is_found(world: World, backup: Backup) -> None:
    """A restored plateforme that published unseen: its numbers caught up, its lists are others."""
    world.publish_crls()
    restore = backup(world)
    publish(world.context, ORG)
    assert world.publication is not None
    path = list_files(world.publication, ORG)[0]
    of_the_world = path.read_bytes()
    other = restore()
    path.unlink()
    list_files(world.publication, ORG)[1].unlink()
    other.clock.advance(minutes=1)
    publish(other.context, ORG)
    path.write_bytes(of_the_world)
    (found,) = find_past(other.db, other.context.guard.evidence)
    assert found == f"CRL n° 2 de {ORG} publiée, et une autre de ce numéro dans la base"


def test_a_list_that_nobody_of_ours_signed_is_no_evidence(world: World) -> None:
    world.publish_crls()
    assert world.publication is not None
    path = list_files(world.publication, ORG)[0]
    path.write_bytes(list_files(world.publication, "ACI-EL-PP-TEST")[0].read_bytes())
    assert find_past(world.db, world.context.guard.evidence) == []
    path.write_bytes(b"rien")
    assert find_past(world.db, world.context.guard.evidence) == []
    write_stored(world.context)
    assert published(world) == 1


# --- numbers ---


def test_the_file_is_ahead_of_every_number_at_every_moment(world: World) -> None:
    context = world.context
    assert context.marks is not None
    context.guard.check()
    compteur = tables.Compteur
    ceilings = dict(world.rows(select(compteur.nom, compteur.plafond)))
    marks = read_marks(context.marks)
    assert marks is not None
    assert marks.plafonds == ceilings == {"demande": 1 + AHEAD, "lot": 1 + AHEAD}
    reserve(world.db, "demande", AHEAD // 2 - 1)
    context.guard.check()
    assert read_marks(context.marks) == marks
    reserve(world.db, "demande", 10)
    context.guard.check()
    later = read_marks(context.marks)
    assert later is not None
    assert later.plafonds["demande"] > marks.plafonds["demande"]


def test_beyond_the_ceiling_a_canal_says_busy_and_stores_nothing(world: World) -> None:
    world.context.guard.check()
    reserve(world.db, "lot", AHEAD + 1)
    with pytest.raises(IgcError) as refused:
        world.deposit(*world.forms(1))
    assert refused.value.code is Code.BUSY
    assert world.values(select(tables.Lot.id)) == []
    world.context.guard.check()
    assert world.deposit(*world.forms(1)).index == AHEAD + 2


def test_numbers_go_on_behind_a_file_that_is_ahead(world: World, backup: Backup) -> None:
    """Restored to a moment before a ceiling was raised, and nothing else shows it: no number is used twice."""
    world.context.guard.check()
    restore = backup(world)
    reserve(world.db, "demande", AHEAD - 10)
    world.context.guard.check()
    reserve(world.db, "demande", 100)
    handed_out = reserve(world.db, "demande", 1)
    other = restore()
    other.context.guard.check()
    assert reserve(other.db, "demande", 1) > handed_out


def test_marks_that_cannot_be_written_stop_the_batch_and_cost_no_try(world: World) -> None:
    assert world.seals is not None
    world.seals.folder.write_bytes(b"")  # no folder, and none can be made
    world.place()
    (task,) = world.send()
    install(world.context)
    run_tasks([[task.id, task.attempt]])
    assert world.signed() == 0
    assert world.outbox()[0].attempts == 0
    world.seals.folder.unlink()
    world.clock.advance(minutes=1)
    world.run_batch()
    assert world.signed() == 1


def test_without_a_seal_nobody_counts(world: World) -> None:
    world.seals = None
    world.context.guard.check()
    assert world.values(select(tables.Compteur.plafond)) == [None, None]
