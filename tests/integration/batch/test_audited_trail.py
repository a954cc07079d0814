"""Faults planted in the audit trail, its seals, and what it vouches for: each is found and named, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from audit.context import Anchor, Audit, Report, Scope
from audit.reading.authorities import load_authorities
from audit.trail.lines import check_trail
from audit.trail.seals import check_seals
from batch.context import DelegateFiles
from batch.delegates.keys import make_delegate
from batch.delegates.seals import seal
from batch.issuing import demandes
from batch.lists.crls import publish
from batch.queue.jobs import install, run_tasks
from pki.delegates.delegated import load_delegated_signer, signer_file
from pki.delegates.ocsp_signer import RESPONDER
from pki.delegates.seal import SEAL, checkpoint_text
from registration.vocabulary import Acte
from storage import tables
from storage.database import Database
from storage.trail import line_digest, note
from tests.integration.batch.keys import CsrPool
from tests.integration.batch.test_trail import PASSPHRASE
from tests.integration.batch.world import BatchWorld, make_batch_world
from tests.support.clock import Clock
from tests.support.hierarchies import Hierarchy
from tests.support.trail import unlocked

_piste, _seal, _history, _certificat = tables.PisteAudit, tables.Scellement, tables.Historique, tables.Certificat


def _live(world: BatchWorld, seals: Path) -> BatchWorld:
    """A plateforme works for a while: certificates, CRLs, two checkpoints, and a certificate that is not sealed yet."""
    clock = world.clock.stop()
    world.policy = replace(world.policy, seal_every=timedelta(minutes=1))
    sealer = replace(world.context, seals=DelegateFiles(seals, PASSPHRASE))
    for _ in range(2):
        world.deposit_fresh(4, reference=f"lot {clock.now}")
        world.run_batch()
        clock.now += timedelta(minutes=1)
        publish(world.context, _issuing(world))
        seal(sealer)
        clock.now += timedelta(minutes=1)
    world.place()
    world.run_batch()
    return world


@pytest.fixture
def told(world: BatchWorld, tmp_path: Path) -> BatchWorld:
    """On each of the two databases."""
    return _live(world, tmp_path / "sceaux")


@pytest.fixture(scope="module")
def original(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, hierarchy: Hierarchy, csrs: CsrPool
) -> tuple[Path, BatchWorld]:
    folder = tmp_path_factory.mktemp("piste")
    url = f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'igc.db')}"
    db = Database(url)
    world = make_batch_world(db, hierarchy, csrs)
    _live(world, folder / "sceaux")
    db.dispose()
    return folder / "igc.db", world


@pytest.fixture
def copied(original: tuple[Path, BatchWorld], tmp_path: Path) -> Iterator[BatchWorld]:
    """A copy on SQLite, made in no time, to be spoilt."""
    path, world = original
    url = f"sqlite:///{shutil.copyfile(path, tmp_path / 'igc.db')}"
    clock = Clock(world.clock.now)
    db = Database(url)
    yield replace(world, db=db, clock=clock)
    db.dispose()


def _issuing(world: BatchWorld) -> str:
    return next(name for name, each in world.hierarchy.authorities.items() if "ORG_SIGN" in each.products)


def _audit(world: BatchWorld, anchor: Anchor | None = None) -> Report:
    audit = Audit(
        db=world.db,
        authorities=load_authorities(world.hierarchy.authorities_dir),
        publication_dir=Path(),
        crl_refresh=timedelta(hours=1),
        clock=world.clock,
        scope=Scope(anchor=anchor),
    )
    check_trail(audit)
    check_seals(audit)
    return audit.report


def _found(report: Report) -> list[str]:
    return [f"{finding.topic.value} {finding.subject} : {finding.text}" for finding in report.findings]


def _lines(world: BatchWorld, acte: Acte) -> list[tables.PisteAudit]:
    return world.values(select(_piste).where(_piste.acte == acte.value).order_by(_piste.numero))


def _last(world: BatchWorld) -> int:
    return int(world.values(select(func.max(_piste.numero)))[0])


def _execute(world: BatchWorld, *statements: Any) -> None:
    with (
        unlocked(world.db, "piste_audit"),
        unlocked(world.db, "scellement"),
        unlocked(world.db, "historique"),
        world.db.write() as session,
    ):
        for statement in statements:
            session.execute(statement)


def _rewrite(world: BatchWorld, first: int, change: Callable[[tables.PisteAudit], None]) -> None:
    """Change one line and hash it and all that follow again, head included: all that the database alone can do."""
    lines = world.values(select(_piste).where(_piste.numero >= first - 1).order_by(_piste.numero))
    digest = lines[0].empreinte if lines[0].numero == first - 1 else bytes(32)
    statements = []
    for line in lines:
        if line.numero < first:
            continue
        if line.numero == first:
            change(line)
        digest = line_digest(digest, line.numero, line.date, line.acte, line.auteur, line.contenu)
        values = {"auteur": line.auteur, "contenu": line.contenu, "empreinte": digest}
        statements.append(update(_piste).where(_piste.numero == line.numero).values(**values))
    _execute(world, *statements, update(tables.TeteAudit).values(empreinte=digest))


def test_an_honest_plateforme_has_nothing_to_hide(told: BatchWorld) -> None:
    report = _audit(told)
    assert _found(report) == []
    assert report.anchor is not None
    assert report.anchor.numero == _last(told) == report.checked["lignes de piste"]
    assert report.checked["scellements"] == 2
    assert _found(_audit(told, report.anchor)) == []
    told.place()
    told.run_batch()
    assert _found(_audit(told, report.anchor)) == []


def _edit_line(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(_piste).where(_piste.numero == 2).values(auteur="personne"))
    return ["PISTE ligne 2 : ne suit pas de la précédente"]


def _edit_first_line(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(_piste).where(_piste.numero == 1).values(acte="RIEN"))
    # It told of an acteur, whom no other line names.
    return [
        "PISTE ligne 1 : a été modifiée",
        "PISTE ligne 1 : un acte inconnu (RIEN)",
        "PISTE acteur 1 : inscrit sans que la piste le dise",
    ]


def _change_date(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(_piste).where(_piste.numero == 3).values(date=world.clock()))
    return ["PISTE ligne 3 : ne suit pas de la précédente"]


def _remove_line(world: BatchWorld) -> Sequence[str]:
    (line,) = _lines(world, Acte.CRL)[:1]
    _execute(world, delete(_piste).where(_piste.numero == line.numero))
    return [f"PISTE ligne {line.numero + 1} : ne suit pas la ligne {line.numero - 1} : il manque {line.numero}"]


def _remove_several(world: BatchWorld) -> Sequence[str]:
    line = _lines(world, Acte.CRL)[0].numero
    _execute(world, delete(_piste).where(_piste.numero.in_([line, line + 1])))
    return [
        f"il manque {line} à {line + 1}",
        "la piste d'audit ne s'en porte pas garante",
        f"scellement {line + 1} : la ligne {line + 1} qu'il scelle a disparu",
    ]


def _rewrite_sealed_line(world: BatchWorld) -> Sequence[str]:
    numero = _lines(world, Acte.CRL)[0].numero

    def change(line: tables.PisteAudit) -> None:
        line.auteur = "un autre"

    _rewrite(world, numero, change)
    return [
        f"PISTE scellement {row.numero} : la ligne {row.numero} n'est plus celle qu'il scelle"
        for row in world.values(select(_seal).order_by(_seal.numero))
    ]


def _cut_tail_with_its_seals(world: BatchWorld) -> Sequence[str]:
    """The last acts never happened, says the database; the certificates say otherwise."""
    last = _last(world)
    (line,) = world.values(select(_piste).where(_piste.numero == last - 1))
    _execute(
        world,
        delete(_piste).where(_piste.numero >= last),
        update(tables.TeteAudit).values(numero=last - 1, empreinte=line.empreinte),
    )
    return ["émis sans que la piste le dise"]


def _head_moved(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(tables.TeteAudit).values(numero=2))
    return ["PISTE tête : dit que la piste s'arrête à 2"]


def _head_lost(world: BatchWorld) -> Sequence[str]:
    _execute(world, delete(tables.TeteAudit))
    return ["PISTE tête : la ligne qui dit où s'arrête la piste a disparu"]


def _forge_checkpoint(world: BatchWorld) -> Sequence[str]:
    (first, *_rest) = world.values(select(_seal).order_by(_seal.numero))
    _execute(world, update(_seal).where(_seal.numero == first.numero).values(signature=bytes(256)))
    return [f"PISTE scellement {first.numero} : la signature n'est pas celle de son certificat"]


def _checkpoint_of_another_date(world: BatchWorld) -> Sequence[str]:
    (first, *_rest) = world.values(select(_seal).order_by(_seal.numero))
    later = first.date + timedelta(seconds=1)
    _execute(world, update(_seal).where(_seal.numero == first.numero).values(date=later))
    return ["la signature n'est pas celle de son certificat"]


def _checkpoint_by_a_stranger(world: BatchWorld) -> Sequence[str]:
    (first, *_rest) = world.values(select(_seal).order_by(_seal.numero))
    _execute(world, update(_seal).where(_seal.numero == first.numero).values(serial="ab" * 16))
    return [f"signé par un certificat inconnu ({first.autorite} {'ab' * 16})"]


def _checkpoint_by_another_office(world: BatchWorld) -> Sequence[str]:
    """A responder's key is a key of the plateforme too, yet it seals nothing."""
    files = DelegateFiles(Path(world.hierarchy.keys_dir).parent / f"r{_last(world)}", PASSPHRASE)
    name = _issuing(world)
    make_delegate(world.context, files, RESPONDER, name, timedelta(days=1), lambda *_args: True)
    authority = world.hierarchy.authorities[name]
    signer = load_delegated_signer(RESPONDER, authority, signer_file(RESPONDER, files.folder, name), PASSPHRASE)
    (first, *_rest) = world.values(select(_seal).order_by(_seal.numero))
    signature = signer.sign(checkpoint_text(first.numero, first.empreinte, first.date))
    serial = f"{signer.certificate.serial_number:032x}"
    _execute(world, update(_seal).where(_seal.numero == first.numero).values(serial=serial, signature=signature))
    return ["signé par un certificat qui n'est pas un sceau (OCSP_SIGNER)"]


def _seal_revoked_before(world: BatchWorld) -> Sequence[str]:
    seals = world.values(select(_seal).order_by(_seal.numero))
    between = seals[0].date + timedelta(seconds=30)
    changed = update(_certificat).where(_certificat.produit == SEAL.product)
    _execute(world, changed.values(revoque_le=between, raison_crl="keyCompromise"))
    return [f"PISTE scellement {seals[1].numero} : signé hors de la validité", "révoqué sans que la piste le dise"]


def _edit_history(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(_history).where(_history.id == 5).values(acteur="quelqu'un d'autre"))
    return ["HISTORIQUE ligne 5 : modifiée depuis qu'elle est scellée"]


def _remove_history(world: BatchWorld) -> Sequence[str]:
    _execute(world, delete(_history).where(_history.id.in_([4, 5])))
    return ["HISTORIQUE après la ligne 3 : 2 ligne(s) ont disparu"]


def _add_history(world: BatchWorld) -> Sequence[str]:
    """Put in between, with the number of a line that was never there: numbers of PostgreSQL have gaps."""
    (line,) = world.values(select(_history).where(_history.id == 3))
    values = {column.name: getattr(line, column.name) for column in _history.__table__.columns}
    _execute(world, delete(_history).where(_history.id == 4), insert(_history).values(values | {"id": 4}))
    return ["HISTORIQUE ligne 4 : modifiée depuis qu'elle est scellée"]


def _delete_certificate(world: BatchWorld) -> Sequence[str]:
    query = select(_certificat.id, _certificat.autorite, _certificat.serial).where(_certificat.id_demande == 4)
    (row,) = world.rows(query)
    _execute(world, delete(_certificat).where(_certificat.id == row.id))
    return [f"{row.autorite} {row.serial} : ce certificat a disparu de la base"] * 2


def _replace_certificate(world: BatchWorld) -> Sequence[str]:
    rows = world.rows(select(_certificat.id, _certificat.der).where(_certificat.id_demande.is_not(None)).limit(2))
    _execute(world, update(_certificat).where(_certificat.id == rows[0].id).values(der=rows[1].der))
    return ["le contenu signé n'est pas celui qui était annoncé", "ce n'est plus le certificat qui a été émis"]


def _slip_certificate_in(world: BatchWorld) -> Sequence[str]:
    """Signed with a stolen key or by a process that tells nothing, and put among the others."""
    (row,) = world.rows(select(*_certificat.__table__.columns).where(_certificat.id_demande.is_not(None)).limit(1))
    values = dict(row._mapping) | {"id": 9_999, "id_demande": None, "serial": "cd" * 16}
    _execute(world, insert(_certificat).values(values))
    return [f"{row.autorite} {'cd' * 16} : émis sans que la piste le dise"]


def _other_demande(world: BatchWorld) -> Sequence[str]:
    (row,) = world.rows(select(_certificat.id, _certificat.id_demande).where(_certificat.id_demande == 1))
    _execute(world, update(_certificat).where(_certificat.id == row.id).values(id_demande=None))
    return ["il a été émis pour une autre demande (1)"] * 2


def _revoke_in_silence(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(_certificat).where(_certificat.id_demande == 2).values(revoque_le=world.clock()))
    return ["(demande n° 2) : révoqué sans que la piste le dise"]


def _unrevoke(world: BatchWorld) -> Sequence[str]:
    row = world.certificat(3)
    with world.db.write() as session:
        note(
            session,
            Acte.REVOKED.value,
            world.clock(),
            {"certificats": [[row.autorite, row.serial, "superseded", world.clock().isoformat()]], "motif": "essai"},
        )
    return [f"{row.autorite} {row.serial} : révoqué ici, il ne l'est plus dans la base"]


def _swap_crl(world: BatchWorld) -> Sequence[str]:
    _execute(world, update(tables.Crl).where(tables.Crl.autorite == _issuing(world)).values(der=b"une autre"))
    return [f"PISTE CRL de {_issuing(world)} (complete) : celle de la base n'est pas celle de la piste"]


def _unreadable_line(world: BatchWorld) -> Sequence[str]:
    with world.db.write() as session:
        note(session, Acte.ISSUED.value, world.clock(), {"certificats": "aucun"})
    return ["le contenu d'une ligne EMISSION ne se lit pas"]


def _never_sealed(world: BatchWorld) -> Sequence[str]:
    clock = world.clock
    clock.now += timedelta(hours=2)
    sealed = world.values(select(func.max(_seal.numero)))[0]
    return [
        f"PISTE ligne {sealed + 1} : et suivantes jusqu'à {_last(world)} : aucun scellement",
        "HISTORIQUE lignes après",
    ]


PLANTED = [value for name, value in sorted(globals().items()) if name.startswith("_") and callable(value)]
PLANTED = [
    plant
    for plant in PLANTED
    if getattr(plant, "__annotations__", {}) == {"world": "BatchWorld", "return": "Sequence[str]"}
]


def _name(plant: Callable[..., object]) -> str:
    return plant.__name__.strip("_")


@pytest.mark.parametrize("plant", PLANTED, ids=_name)
def test_a_planted_fault_is_found_and_named(copied: BatchWorld, plant: Callable[[BatchWorld], Sequence[str]]) -> None:
    _assert_found(copied, plant)


@pytest.mark.parametrize("plant", [_rewrite_sealed_line, _remove_history, _cut_tail_with_its_seals], ids=_name)
def test_it_is_on_both_databases(told: BatchWorld, plant: Callable[[BatchWorld], Sequence[str]]) -> None:
    _assert_found(told, plant)


def _assert_found(world: BatchWorld, plant: Callable[[BatchWorld], Sequence[str]]) -> None:
    wanted = plant(world)
    found = _found(_audit(world))
    assert len(found) == len(wanted), found
    for text in wanted:
        assert any(text in line for line in found), (text, found)


def test_every_plant_is_tried() -> None:
    assert len(PLANTED) == 26


def test_what_the_database_can_undo_alone_an_anchor_remembers(copied: BatchWorld) -> None:
    """Everything rewritten without a trace, the seals taken away: only who kept an earlier anchor can tell."""
    anchor = _audit(copied).anchor
    assert anchor is not None

    def change(line: tables.PisteAudit) -> None:
        line.auteur = "un autre"

    _execute(copied, delete(_seal))
    _rewrite(copied, anchor.numero - 1, change)
    assert _found(_audit(copied)) == []
    (found,) = _found(_audit(copied, anchor))
    assert f"PISTE ligne {anchor.numero} : n'est plus ce qu'elle était" in found
    beyond = Anchor(anchor.numero + 5, anchor.empreinte)
    assert any(f"ligne {beyond.numero} : a disparu" in line for line in _found(_audit(copied, beyond)))


def test_contents_are_what_the_page_says(copied: BatchWorld) -> None:
    """docs/piste-audit.md names the members of each line's JSON; whoever reads the trail without us relies on it."""
    members = {acte: set(json.loads(_lines(copied, acte)[0].contenu)) for acte in (Acte.INTENT, Acte.CRL, Acte.HISTORY)}
    assert members == {
        Acte.INTENT: {"certificats"},
        Acte.CRL: {"autorite", "numero", "complete", "delta"},
        Acte.HISTORY: {"de", "a", "nombre", "sha256", "reperes"},
    }


def test_bytes_that_begin_in_the_future_are_never_signed(world: BatchWorld, tmp_path: Path) -> None:
    """The clock was set back between intent and signature: prepared anew, and the trail tells both."""
    clock = world.clock.stop()
    index = world.deposit_fresh(3)
    world.policy = replace(world.policy, seal_every=timedelta(minutes=1))
    dying = world.context
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demandes, "store", lambda *_args: 0)
        (task,) = world.send()
        install(dying)
        run_tasks([[task.id, task.attempt]])
    before = {row.id_demande: row.serial for row in world.values(select(_certificat))}
    assert len(before) == 3
    clock.now -= timedelta(hours=2)
    world.run_batch()
    world.assert_complete(index, good=3)
    for row in world.values(select(_certificat)):
        assert row.serial != before[row.id_demande]
        assert row.not_before <= clock.now
    assert len(_lines(world, Acte.ABANDONED)) == 1
    seal(replace(world.context, seals=DelegateFiles(tmp_path / "sceaux", PASSPHRASE)))
    # Beside the dates, which the clock that was set back spoilt, there is nothing to say.
    assert [text for text in _found(_audit(world)) if "scell" not in text] == []


def test_dates_that_no_settings_allow_are_found(world: BatchWorld, tmp_path: Path) -> None:
    """Validity and lists begin before they are signed, an hour at most: not before a compromise of last week."""
    world.clock.stop()
    world.policy = replace(world.policy, backdate=timedelta(hours=1))
    world.deposit_fresh(2)
    world.run_batch()
    seals = replace(world.context, seals=DelegateFiles(tmp_path / "sceaux", PASSPHRASE))
    seal(seals)
    assert _found(_audit(world)) == []
    world.policy = replace(world.policy, backdate=timedelta(hours=2))
    world.place()
    world.run_batch()
    seal(seals)
    (found,) = _found(_audit(world))
    assert "sa validité ne commence pas quand il a été préparé" in found


def test_a_certificate_given_up_on_paper_only(copied: BatchWorld) -> None:
    """A line that says of an issued certificate that it was abandoned does not make it disappear."""
    row = copied.values(select(_certificat).where(_certificat.id_demande.is_not(None)))[0]
    with copied.db.write() as session:
        digest = "0" * 64
        note(
            session,
            Acte.ABANDONED.value,
            copied.clock(),
            {"certificats": [[row.id_demande, row.autorite, row.serial, digest]]},
        )
    assert any("abandonné ici, mais émis ou jamais annoncé" in text for text in _found(_audit(copied)))
