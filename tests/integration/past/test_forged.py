"""Who has the database and nothing else rewrites the audit trail: no worker seals it, and the auditor sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from audit.context import Audit
from audit.reading.authorities import load_authorities
from audit.run import CHECKS
from batch.delegates.seals import sign_checkpoint
from batch.past.guard import stopped
from batch.past.marks import held, read_marks
from batch.queue.jobs import install, run_tasks
from registration.revocation.revoking import revoke
from storage import tables
from storage.trail import TrailError, line_digest, note
from tests.integration.past.conftest import seal, set_rows
from tests.support.trail import unlocked
from tests.support.world import World

pytestmark = pytest.mark.long

_piste, _seal = tables.PisteAudit, tables.Scellement


def lived(world: World) -> World:
    """A certificate, its revocation, and checkpoints after it."""
    world.issued(*world.forms(2))
    world.publish_crls()
    seal(world)
    world.clock.advance(minutes=2)
    with world.db.write() as session:
        revoke(session, {world.certificats()[0].id: "keyCompromise"}, world.clock(), "essai")
    world.publish_crls()
    for _ in range(2):
        world.clock.advance(minutes=2)
        seal(world)
    return world


def rewrite(world: World, change: Callable[[list[tables.PisteAudit]], list[tables.PisteAudit]]) -> None:
    """Put another trail in the place of the true one, each line hashed as it should be, without any checkpoint of it.

    Checkpoints below the first line that differs stay: those are signed, and true.
    """
    before = world.values(select(_piste).order_by(_piste.numero))
    after = change(list(before))
    kept = next(
        (
            rank
            for rank, (one, other) in enumerate(zip(before, after, strict=False))
            if one.empreinte != other.empreinte
        ),
        min(len(before), len(after)),
    )
    digest, rows = bytes(32), []
    for numero, line in enumerate(after, 1):
        digest = line_digest(digest, numero, line.date, line.acte, line.auteur, line.contenu)
        rows.append(
            {
                "numero": numero,
                "date": line.date,
                "acte": line.acte,
                "auteur": line.auteur,
                "contenu": line.contenu,
                "empreinte": digest,
            }
        )
    with unlocked(world.db, "piste_audit"), unlocked(world.db, "scellement"), world.db.write() as session:
        session.execute(delete(_piste))
        session.execute(_piste.__table__.insert(), rows)  # type: ignore[attr-defined]  # a Table, which mypy takes for a FromClause
        session.execute(delete(_seal).where(_seal.numero > kept))
        session.execute(update(tables.TeteAudit).values(numero=len(rows), empreinte=digest))


def unrevoke(world: World) -> None:
    """The whole attack: the row, the key, the lines of the trail, the lists that told of it."""

    def without(lines: list[tables.PisteAudit]) -> list[tables.PisteAudit]:
        kept = [line for line in lines if line.acte not in {"REVOCATION", "CLE_INTERDITE"}]
        for line in kept:
            line.empreinte = bytes(line.empreinte)
        first = next(rank for rank, line in enumerate(lines) if line.acte in {"REVOCATION", "CLE_INTERDITE"})
        for line in kept[first:]:
            line.empreinte = b"another"
        return kept

    rewrite(world, without)
    with world.db.write() as session:
        session.execute(delete(tables.CleInterdite))
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.revoque_le.is_not(None))
            .values(revoque_le=None, raison_crl=None)
        )
        session.execute(
            update(tables.Demande).where(tables.Demande.etat_produit == "REVOQUE").values(etat_produit="A_RETIRER")
        )


def findings(world: World, *, marks: bool = True) -> list[str]:
    assert world.publication is not None
    audit = Audit(
        db=world.db,
        authorities=load_authorities(world.hierarchy.authorities_dir),
        publication_dir=world.publication,
        crl_refresh=timedelta(hours=1),
        clock=world.clock,
        marks_file=world.context.marks if marks else None,
    )
    for check in CHECKS:
        if check.__name__ != "check_lint":
            check(audit)
    return [f"{one.topic} {one.subject} : {one.text}" for one in audit.report.findings]


def test_an_honest_trail_is_sealed_and_clean(world: World) -> None:
    lived(world)
    assert findings(world) == []
    seals = world.values(select(_seal.numero).order_by(_seal.numero))
    assert world.context.marks is not None
    marks = read_marks(world.context.marks)
    assert marks is not None
    assert marks.piste is not None
    assert marks.piste.numero == seals[-1]


def test_an_erased_revocation_is_not_sealed_and_nothing_is_signed_any_more(world: World) -> None:
    lived(world)
    before = world.values(select(_seal.numero))
    unrevoke(world)
    with pytest.raises(TrailError):
        sign_checkpoint(world.context)
    world.place(world.form(key=30))
    (task,) = world.send()
    signed = world.signed()
    install(world.context)
    run_tasks([[task.id, task.attempt]])
    seal(world)
    assert world.signed() == signed
    assert len(world.values(select(_seal.numero))) <= len(before)
    assert "piste d'audit" in (stopped(world.db) or "")


def test_who_also_removes_the_stop_gains_nothing(world: World) -> None:
    """What the worker knows stands in its own file; the row is only for those who have none."""
    lived(world)
    unrevoke(world)
    seal(world)
    for _ in range(2):
        with world.db.write() as session:
            session.execute(delete(tables.Arret))
        seal(world)
        assert stopped(world.db) is not None


def test_the_auditor_reads_the_marks(world: World) -> None:
    lived(world)
    unrevoke(world)
    found = findings(world)
    assert any("quand elle a été scellée (repères différents)" in one or "a disparu" in one for one in found)
    assert any("repères" in one for one in found)


def test_without_marks_the_dates_of_the_seals_tell_when_it_was_sealed_again(world: World) -> None:
    """Another machine, lost files: a worker adopts the forged trail, hours after what it tells."""
    lived(world)
    unrevoke(world)
    world.clock.advance(hours=3)
    assert world.context.marks is not None
    world.context.marks.unlink()
    assert world.publication is not None
    for file in (world.publication / "CRL").iterdir():
        file.unlink()
    # The signed list that is stored would tell too: with its hash its forger has it passed over.
    set_rows(world, "UPDATE crl SET socle = NULL")
    world.publish_crls()
    for _ in range(2):
        seal(world)
    found = findings(world, marks=False)
    (late,) = [one for one in found if "scellées plus d'une heure après leur date" in one]
    assert late.startswith("PISTE ligne ")


def test_a_restoration_made_up_excuses_no_more_than_what_a_backup_can_lack(world: World) -> None:
    """What waited unsealed in a backup is of one hour; a trail that was rewritten from further back is not."""
    from sqlalchemy import text

    lived(world)
    first = world.values(select(_piste.date).order_by(_piste.numero))[0]
    with unlocked(world.db, "scellement"), world.db.write() as session:
        session.execute(text("DELETE FROM scellement"))
    world.clock.now = first + timedelta(hours=5)
    told = {"listes": {}, "compteurs": {}, "revocations": 0, "inconnus": 0, "ancre": None}
    for moment, acte, contenu in (
        (first + timedelta(hours=2), "DEMARRAGE", {"processus": "worker-1", "autorites": []}),
        (world.clock(), "RESTAURATION", told),
    ):
        with world.db.write() as session:
            note(session, acte, moment, contenu)
    assert world.context.marks is not None
    world.context.marks.unlink()
    seal(world)
    assert [one for one in findings(world, marks=False) if "scellées plus d'une heure après leur date" in one]


def test_a_line_put_in_afterwards_bears_a_date_that_cannot_be(world: World) -> None:
    lived(world)
    last = world.values(select(_seal.date).order_by(_seal.numero.desc()))[0]

    def tell(date: datetime) -> None:
        with world.db.write() as session:
            note(session, "DEMARRAGE", date, {"processus": "worker-1", "autorites": []})

    tell(last - timedelta(minutes=30))
    world.clock.advance(minutes=2)
    seal(world)
    assert [one for one in findings(world) if "datée d'avant le scellement précédent" in one]
    tell(world.clock() + timedelta(hours=1))
    seal(world)
    assert [one for one in findings(world) if "datée d'après son premier scellement" in one]


def test_a_night_without_seals_is_told_in_its_scope_only(world: World) -> None:
    lived(world)
    with world.db.write() as session:
        note(session, "DEMARRAGE", world.clock(), {"processus": "worker-1", "autorites": []})
    world.clock.advance(hours=8)
    world.publish_crls()
    seal(world)
    world.clock.advance(minutes=1)
    seal(world)
    assert len([one for one in findings(world) if "plus d'une heure après leur date" in one]) == 1


def test_what_came_after_the_last_checkpoint_is_not_protected_yet(world: World) -> None:
    """As docs/piste-audit.md says: a minute of the trail is as good as the database."""
    lived(world)
    with world.db.write() as session:
        note(session, "DEMARRAGE", world.clock(), {"processus": "worker-1", "autorites": []})
    count = len(world.values(select(_piste.numero)))

    def without_last(lines: list[tables.PisteAudit]) -> list[tables.PisteAudit]:
        return lines[:-1]

    rewrite(world, without_last)
    world.clock.advance(minutes=1)
    seal(world)
    assert stopped(world.db) is None
    assert len(world.values(select(_piste.numero))) == count - 1


# --- the file itself ---


def test_a_lost_file_is_begun_again_and_said_aloud(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    lived(world)
    assert world.context.marks is not None
    before = read_marks(world.context.marks)
    world.context.marks.unlink()
    with world.db.write() as session:
        note(session, "DEMARRAGE", world.clock(), {"processus": "worker-1", "autorites": []})
    seal(world)
    after = read_marks(world.context.marks)
    assert before is not None
    assert after is not None
    assert after.piste is not None
    assert before.piste is not None
    assert after.piste.numero > before.piste.numero
    assert "no marks of the audit trail here" in capsys.readouterr().out


def test_two_processes_of_one_machine_do_not_seal_at_once(world: World) -> None:
    lived(world)
    with world.db.write() as session:
        note(session, "DEMARRAGE", world.clock(), {"processus": "worker-1", "autorites": []})
    assert world.context.marks is not None
    with held(world.context.marks) as mine:
        assert mine
        assert sign_checkpoint(world.context) is None
    assert sign_checkpoint(world.context) is not None


def test_the_marks_never_go_back(world: World) -> None:
    lived(world)
    assert world.context.marks is not None
    before = json.loads(world.context.marks.read_text())
    other = replace(world)  # a context of its own, as another process has
    seal(other)
    seal(world)
    after = json.loads(world.context.marks.read_text())
    assert after["piste"]["numero"] >= before["piste"]["numero"]
    assert all(after[kind][name] >= number for kind in ("plafonds", "listes") for name, number in before[kind].items())
    assert world.context.marks.stat().st_mode & 0o777 == 0o600
