"""``igc restore``: numbers go on behind everything that was seen, revocations that were published are entered again."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select

from audit.context import Audit, Scope
from audit.reading.authorities import load_authorities
from audit.run import CHECKS
from batch.lists.crls import publish
from batch.lists.files import list_files
from batch.past.evidence import find_past
from batch.past.guard import stopped
from batch.past.marks import read_marks
from batch.past.restoring import Plan, Witnesses, carry_out, make_plan
from batch.queue.jobs import install, publish_crls
from registration.errors import AccessError, Code
from registration.revocation.revoking import revoke
from storage import tables
from tests.integration.past.conftest import Backup, seal
from tests.support.stored import crl_of
from tests.support.world import World

pytestmark = pytest.mark.long

ORG, CARTES = "ACI-EL-ORG-TEST", "ACI-CARTES-TEST"


def number_of(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def serials(crl: x509.CertificateRevocationList) -> set[str]:
    return {f"{entry.serial_number:032x}" for entry in crl}


def stored_list(world: World, name: str = ORG) -> tables.Crl:
    (row,) = world.values(select(tables.Crl).where(tables.Crl.autorite == name))
    return row


def revoke_by_id(world: World, ident: int, raison: str) -> None:
    with world.db.write() as session:
        revoke(session, {ident: raison}, world.clock(), "essai")


class Lost:
    """What the world has seen of the time that was lost."""

    def __init__(self, world: World) -> None:
        known = world.certificats()
        self.client = world.enroll_client("ide-marchand")
        self.compromised, self.superseded = known[0], known[1]
        self.index = world.issued(*world.forms(3, first_key=20), reference="lost")
        self.numeros = world.numeros(self.index)
        self.unknown = world.certificat(self.numeros[0])
        revoke_by_id(world, self.compromised.id, "keyCompromise")
        world.clock.advance(minutes=1)
        publish(world.context, ORG)
        world.clock.advance(minutes=1)
        revoke_by_id(world, self.unknown.id, "keyCompromise")
        (client,) = [row for row in world.certificats() if row.der == self.client.der]
        revoke_by_id(world, client.id, "privilegeWithdrawn")
        publish(world.context, CARTES)
        world.clock.advance(minutes=1)
        publish(world.context, ORG)
        world.clock.advance(minutes=1)
        # The last one only on a delta.
        revoke_by_id(world, self.superseded.id, "superseded")
        world.clock.advance(minutes=1)
        publish(world.context, ORG, full=False)
        seal(world)
        self.number = stored_list(world).dernier_numero
        self.revoked = {row.serial: row for row in world.certificats() if row.revoque_le is not None}
        self.anchor = world.values(select(tables.PisteAudit.numero).order_by(tables.PisteAudit.numero.desc()))[0]


@pytest.fixture
def lost(world: World, backup: Backup) -> tuple[World, Lost]:
    world.issued(*world.forms(3))
    world.publish_crls()
    seal(world)
    seal(world)
    world.clock.advance(minutes=5)
    world.issued(*world.forms(1, first_key=3), reference="not sealed when the backup was made")
    restore = backup(world)
    world.clock.advance(minutes=30)
    seen = Lost(world)
    world.clock.advance(minutes=40)
    return restore(), seen


def restored(world: World, witnesses: Witnesses | None = None) -> Plan:
    evidence = world.context.guard.evidence
    plan = make_plan(world.db, evidence, witnesses or Witnesses(), world.clock())
    carry_out(world.db, evidence, plan, world.clock, world.context.marks)
    return plan


def audited(world: World) -> list[str]:
    assert world.publication is not None
    audit = Audit(
        db=world.db,
        authorities=load_authorities(world.hierarchy.authorities_dir),
        publication_dir=world.publication,
        crl_refresh=timedelta(hours=1),
        clock=world.clock,
        scope=Scope(sample=0),
    )
    for check in CHECKS:
        check(audit)
    return [f"{one.topic} {one.subject} : {one.text}" for one in audit.report.findings]


def test_what_was_published_is_entered_again_with_its_dates_and_reasons(lost: tuple[World, Lost]) -> None:
    world, seen = lost
    plan = restored(world)
    assert {entry.serial for entry in plan.known.values()} == {seen.compromised.serial, seen.superseded.serial}
    assert len(plan.unknown) == 2
    rows = {row.serial: row for row in world.certificats() if row.revoque_le is not None}
    assert rows.keys() == seen.revoked.keys()
    for serial, row in rows.items():
        before = seen.revoked[serial]
        assert before.revoque_le is not None
        assert (row.revoque_le, row.raison_crl) == (before.revoque_le.replace(microsecond=0), before.raison_crl)
    keys = world.values(select(tables.CleInterdite.spki_sha256))
    assert keys == [seen.compromised.spki_sha256]
    publish_crls_of(world)
    assert serials(crl_of(stored_list(world))) >= {row.serial for row in rows.values() if row.autorite == ORG}


def publish_crls_of(world: World) -> None:
    for name in world.hierarchy.signers:
        publish(world.context, name)


def test_no_number_comes_twice(lost: tuple[World, Lost]) -> None:
    world, seen = lost
    restored(world)
    publish(world.context, ORG)
    assert number_of(crl_of(stored_list(world))) > seen.number
    world.clock.advance(minutes=1)
    index = world.issued(*world.forms(2, first_key=40), reference="after")
    assert index > seen.index
    assert min(world.numeros(index)) > max(seen.numeros)
    # The same reference as a lot that was lost is a new lot.
    again = world.deposit(*world.forms(3, first_key=20), reference="lost")
    assert (again.already_known, again.index > index) == (False, True)


def test_until_then_a_revoked_client_is_refused_and_afterwards_too(lost: tuple[World, Lost]) -> None:
    world, seen = lost
    world.context.guard.look()
    with pytest.raises(AccessError) as refused:
        world.ra.acteurs.identify(seen.client.der)
    assert refused.value.code is Code.REVOCATION_STATUS_UNAVAILABLE
    restored(world)
    publish_crls_of(world)
    with pytest.raises(AccessError) as refused:
        world.ra.acteurs.identify(seen.client.der)
    assert refused.value.code is Code.CERTIFICATE_REVOKED


def test_the_plateforme_goes_on_and_the_auditor_is_content(lost: tuple[World, Lost]) -> None:
    world, seen = lost
    assert world.context.guard.look() is not None
    restored(world)
    assert stopped(world.db) is None
    assert find_past(world.db, world.context.guard.evidence) == []
    seal(world)
    seal(world)
    assert audited(world) == []
    install(world.context)
    world.clock.advance(minutes=1)
    publish_crls()
    publish_crls_of(world)
    world.issued(*world.forms(2, first_key=40), reference="after")
    seal(world)
    world.clock.advance(minutes=1)
    seal(world)
    assert audited(world) == []
    (line,) = world.values(select(tables.PisteAudit).where(tables.PisteAudit.acte == "RESTAURATION"))
    told = json.loads(line.contenu)
    stands, number, following = told["listes"][ORG]
    assert stands < number == seen.number < following
    assert (told["revocations"], told["inconnus"], told["ancre"][0]) == (2, 2, seen.anchor)


def test_the_published_lists_are_the_stored_ones_until_new_ones_are_signed(lost: tuple[World, Lost]) -> None:
    world, _ = lost
    assert world.publication is not None
    before = {path.name: path.read_bytes() for path in (world.publication / "CRL").iterdir()}
    restored(world)
    row = stored_list(world)
    assert row.der == list_files(world.publication, ORG)[0].read_bytes()
    assert row.delta == list_files(world.publication, ORG)[1].read_bytes()
    assert {path.name: path.read_bytes() for path in (world.publication / "CRL").iterdir()} == before


def test_begun_again_after_every_step_it_ends_the_same(
    lost: tuple[World, Lost], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = lost
    world.context.guard.look()
    evidence = world.context.guard.evidence
    steps = ("enter_unknown", "_go_on", "drawn_lists", "lift")
    for step in steps:
        plan = make_plan(world.db, evidence, Witnesses(), world.clock())

        def died(*_args: Any, **_kwargs: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(f"batch.past.restoring.{step}", died)
            with pytest.raises(KeyboardInterrupt):
                carry_out(world.db, evidence, plan, world.clock, world.context.marks)
        assert stopped(world.db) is not None
    restored(world)
    assert stopped(world.db) is None
    assert len(world.values(select(tables.Certificat.id).where(tables.Certificat.produit == "INCONNU"))) == 2
    seal(world)
    seal(world)
    assert audited(world) == []
    assert stored_list(world).dernier_numero > seen.number


def test_a_machine_restored_whole_goes_on_behind_what_time_allows(world: World, backup: Backup, tmp_path: Path) -> None:
    """Lists and marks are as old as the database: nothing here shows it, the operator says so."""
    world.issued(*world.forms(2))
    world.publish_crls()
    seal(world)
    assert world.publication is not None
    assert world.seals is not None
    saved = {
        folder: shutil.copytree(folder, tmp_path / f"saved-{folder.name}")
        for folder in (world.publication, world.seals.folder)
    }
    restore = backup(world)
    world.clock.advance(minutes=30)
    seen = Lost(world)
    lists = tmp_path / "downloaded"
    shutil.copytree(world.publication / "CRL", lists)
    world.clock.advance(minutes=1)
    for folder, copy in saved.items():
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
    whole = restore()
    assert find_past(whole.db, whole.context.guard.evidence) == []
    plan = restored(whole)
    assert (len(plan.known), len(plan.unknown)) == (0, 0)
    publish(whole.context, ORG)
    assert number_of(crl_of(stored_list(whole))) > seen.number
    assert whole.deposit(*whole.forms(1, first_key=50), reference="after").index > seen.index
    # Whoever downloaded the lists knows more.
    plan = restored(whole, Witnesses(lists=(lists,)))
    assert (len(plan.known), len(plan.unknown)) == (2, 2)


def test_a_database_that_says_otherwise_is_shown_and_not_changed(lost: tuple[World, Lost]) -> None:
    world, seen = lost
    (row,) = [row for row in world.certificats() if row.serial == seen.superseded.serial]
    revoke_by_id(world, row.id, "affiliationChanged")
    plan = restored(world)
    assert [entry.serial for entry in plan.differing] == [seen.superseded.serial]
    assert world.certificat_by_id(row.id).raison_crl == "affiliationChanged"


def test_lists_of_strangers_change_nothing(lost: tuple[World, Lost], tmp_path: Path) -> None:
    world, _ = lost
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "rien.crl").write_bytes(b"rien")
    whole = replace(world)
    assert whole.publication is not None
    content = list_files(whole.publication, ORG)[0].read_bytes()
    (folder / "faux.crl").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    evidence = world.context.guard.evidence
    plain = make_plan(world.db, evidence, Witnesses(), world.clock())
    more = make_plan(world.db, evidence, Witnesses(lists=(folder,)), world.clock())
    assert (plain.lists[0].seen, plain.known, plain.unknown) == (more.lists[0].seen, more.known, more.unknown)


def test_the_marks_begin_again_where_the_trail_does(lost: tuple[World, Lost]) -> None:
    world, _ = lost
    restored(world)
    assert world.context.marks is not None
    marks = read_marks(world.context.marks)
    assert marks is not None
    assert marks.piste is not None
    last = world.values(select(tables.PisteAudit).order_by(tables.PisteAudit.numero.desc()))[0]
    assert (marks.piste.numero, marks.piste.empreinte) == (last.numero, last.empreinte.hex())
    assert hashlib.sha256(b"").hexdigest() != marks.piste.empreinte
    seal(world)
    assert stopped(world.db) is None
