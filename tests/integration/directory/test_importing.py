"""Imports into the tables: again without a change, cut, interrupted, two at once; who vanishes and who comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from batch.directory.rpps import RppsExtract
from bench.extracts import Professionals, place
from registration.directory.conduct import ImportStoppedError
from registration.directory.entries import ExtractError
from registration.directory.imports import ImportRefusedError, last_imports
from registration.directory.storing import Batch, Effect
from registration.rules.names import fold
from registration.vocabulary import EtatImport, Plateforme, SourceAnnuaire
from storage import tables
from tests.integration.directory.conftest import Desk
from tests.support.clock import NOON

SMALL = Professionals(600)
AGENT = "30B0039137/CPE001;PE;BERTIN;Hugo;Personnel santé ou social;10B0039137"
HOPITAL = "10B0039137;Hôpital de l'Œuvre;75"


def totals(summary: Any) -> dict[Effect, int]:
    return {effect: count for effect, count in summary.totals().items() if count}


def last(desk: Desk) -> tables.ImportAnnuaire:
    return last_imports(desk.db, Plateforme.TEST, 1)[0]


def acts(desk: Desk) -> list[str]:
    with desk.db.read() as session:
        return list(session.scalars(select(tables.PisteAudit.acte).order_by(tables.PisteAudit.numero)))


def test_an_extract_fills_the_tables_and_says_so(desk: Desk) -> None:
    summary = desk.rpps(SMALL)
    assert (summary.lignes, summary.rejets, desk.rejects) == (600, 0, [])
    counted = {
        model.__tablename__: len(desk.rows(model)) for model in (tables.Structure, tables.Personne, tables.Rattachement)
    }
    assert {name: summary.effects[name, Effect.ADDED] for name in counted} == counted
    for row in desk.rows(tables.Personne).values():
        assert (row["nom_plie"], row["prenom_plie"]) == (fold(row["nom"]), fold(row["prenom"]))
        assert (row["source"], row["disparu_le"]) == ("RPPS", None)
    assert all(row["raison_pliee"] == fold(row["raison_sociale"]) for row in desk.rows(tables.Structure).values())
    done = last(desk)
    assert (done.etat, done.source, done.lignes, done.ajouts) == ("TERMINE", "RPPS", 600, sum(counted.values()))
    assert acts(desk) == ["IMPORT_ANNUAIRE"]


def test_the_same_file_again_writes_nothing_at_all(desk: Desk) -> None:
    desk.rpps(SMALL)
    before = desk.all_rows()
    assert desk.rpps(SMALL).is_unchanged
    assert desk.all_rows() == before
    assert len(last_imports(desk.db, Plateforme.TEST, 10)) == len(acts(desk)) == 1


def test_the_same_entries_in_another_order_change_no_entry(desk: Desk) -> None:
    desk.rpps(SMALL)
    before = desk.all_rows()
    header, *lines = SMALL.text()
    path = desk.folder / "autre.txt"
    path.write_text("\n".join([header, *reversed(lines), ""]))
    summary = desk.take(RppsExtract(path))
    assert (summary.is_unchanged, totals(summary)) == (False, {})
    assert desk.all_rows() == before


def test_what_differs_is_changed_and_nothing_else(desk: Desk) -> None:
    desk.rpps(SMALL)
    before = desk.rows(tables.Personne)
    summary = desk.rpps(replace(SMALL, renamed=frozenset({3, 300})))
    assert totals(summary) == {Effect.CHANGED: 2}
    after = desk.rows(tables.Personne)
    changed = {key for key in after if after[key] != before[key]}
    assert len(changed) == 2
    assert all(after[key]["nom_plie"].endswith("nouveau") for key in changed)


def test_who_vanishes_is_dated_and_kept_and_may_come_back(desk: Desk) -> None:
    desk.rpps(SMALL)
    before = desk.all_rows()
    desk.clock.advance(days=1)
    summary = desk.rpps(replace(SMALL, gone=frozenset({7, 8, 9})))
    gone = {key: row for key, row in desk.rows(tables.Personne).items() if row["disparu_le"] is not None}
    assert len(gone) == summary.effects["personne", Effect.GONE] == 3
    assert all(row["disparu_le"] == desk.clock() for row in gone.values())
    assert summary.effects["rattachement", Effect.GONE] >= 3
    assert desk.rows(tables.Personne).keys() == before["personne"].keys()
    desk.clock.advance(days=1)
    summary = desk.rpps(SMALL)
    assert summary.effects["personne", Effect.BACK] == 3
    assert desk.all_rows() == before


def test_a_practice_goes_with_who_practised_there(desk: Desk) -> None:
    desk.rpps(SMALL)
    summary = desk.rpps(replace(SMALL, gone=frozenset({5})))
    assert summary.effects["structure", Effect.GONE] == 1, "the practice that was his alone"
    structure = next(key for key, row in desk.rows(tables.Structure).items() if row["disparu_le"] is not None)
    assert structure[0] == "4"


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_file_that_ends_between_two_lines_does_not_make_the_profession_vanish(desk: Desk, kept: float) -> None:
    desk.rpps(SMALL)
    before = desk.all_rows()
    with pytest.raises(ImportRefusedError, match="--most-gone"):
        desk.rpps(Professionals(int(600 * kept)))
    assert desk.all_rows() == before
    assert len(last_imports(desk.db, Plateforme.TEST, 10)) == 1
    summary = desk.rpps(Professionals(int(600 * kept)), most_gone=100.0)
    assert summary.totals()[Effect.GONE] > 60
    assert last(desk).etat == EtatImport.TERMINE


def test_a_file_cut_in_a_line_writes_nothing(desk: Desk) -> None:
    path = SMALL.write(desk.folder / "rpps.txt")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ExtractError, match="coupé"):
        desk.take(RppsExtract(path))
    assert desk.all_rows() == {"structure": {}, "personne": {}, "rattachement": {}}
    assert acts(desk) == []


def test_who_stands_in_a_line_that_cannot_be_read_has_not_gone(desk: Desk) -> None:
    desk.rpps(SMALL)
    before = desk.all_rows()
    header, *lines = SMALL.text()
    spoilt = [line.replace("|C|Civil|", "|?|Civil|") if rank < 30 else line for rank, line in enumerate(lines)]
    path = desk.folder / "abime.txt"
    path.write_text("\n".join([header, *spoilt, ""]))
    summary = desk.take(RppsExtract(path))
    assert summary.rejets == len(desk.rejects) > 20
    assert {reject.colonne for reject in desk.rejects} == {"Code catégorie professionnelle"}
    after = desk.all_rows()
    assert after["personne"] == before["personne"]
    assert after["rattachement"] == before["rattachement"]


# --- several sources ---


def test_the_better_source_names_a_structure_and_the_other_leaves_it(desk: Desk) -> None:
    desk.rpps(SMALL)
    finess, raison, code, name = place(3)
    desk.finess(range(100))
    row = desk.rows(tables.Structure)[f"1{finess}"]
    assert (row["source"], row["raison_sociale"], row["departement"]) == ("FINESS_ET", raison, f"{name} ({code})")
    summary = desk.rpps(replace(SMALL, renamed=frozenset({1})))
    assert totals(summary) == {Effect.CHANGED: 1}
    assert desk.rows(tables.Structure)[f"1{finess}"] == row


def test_when_the_better_source_drops_it_the_other_has_its_word_again(desk: Desk) -> None:
    desk.rpps(SMALL)
    desk.finess(range(100))
    desk.finess(range(1, 100))
    ident = f"1{place(0)[0]}"
    assert desk.rows(tables.Structure)[ident]["disparu_le"] is not None
    assert totals(desk.rpps(SMALL)) == {Effect.BACK: 1}, "not passed over as known: something came after it"
    assert desk.rows(tables.Structure)[ident]["source"] == "RPPS"


def test_places_and_legal_entities_do_not_make_each_other_vanish(desk: Desk) -> None:
    desk.finess(range(60))
    desk.finess(range(60, 120), kind="structureej")
    assert len(desk.there(tables.Structure)) == 120


def test_one_plateforme_knows_nothing_of_the_other(desk: Desk) -> None:
    desk.rpps(SMALL)
    assert last_imports(desk.db, Plateforme.PRODUCTION, 10) == []
    assert {row["plateforme"] for row in desk.rows(tables.Personne).values()} == {"TEST"}


# --- files of the operator ---


def test_staff_is_attached_to_structures_that_there_are(desk: Desk) -> None:
    desk.structures(HOPITAL)
    summary = desk.staff(AGENT, AGENT.replace("CPE001", "CPE002").replace(";10B0039137", ";10B0039145"))
    assert (summary.rejets, desk.rejects[0].ligne, desk.rejects[0].colonne) == (1, 3, "structure")
    assert desk.there(tables.Rattachement) == {("10B0039137", "30B0039137/CPE001")}
    assert desk.rows(tables.Personne)["30B0039137/CPE001"]["type_personne"] == "PE"


def test_a_staff_file_speaks_of_the_structures_that_it_names(desk: Desk) -> None:
    desk.structures(HOPITAL, "10B0039145;Clinique;69")
    other = AGENT.replace("CPE001", "CPE009").replace(";10B0039137", ";10B0039145")
    desk.staff(AGENT, AGENT.replace("CPE001", "CPE002"))
    desk.staff(other)
    assert len(desk.there(tables.Rattachement)) == 3, "the second file is silent about the hospital"
    desk.staff(AGENT)
    assert desk.there(tables.Personne) == {"30B0039137/CPE001", "30B0039137/CPE009"}
    assert desk.there(tables.Rattachement) == {
        ("10B0039137", "30B0039137/CPE001"),
        ("10B0039145", "30B0039137/CPE009"),
    }
    desk.staff(other, also=frozenset({"10B0039137"}))
    assert desk.there(tables.Personne) == {"30B0039137/CPE009"}


def test_who_leaves_one_of_two_structures_stays_in_the_other(desk: Desk) -> None:
    desk.structures(HOPITAL, "10B0039145;Clinique;69")
    desk.staff(AGENT, AGENT.replace(";10B0039137", ";10B0039145"))
    desk.staff(also=frozenset({"10B0039145"}))
    assert desk.there(tables.Rattachement) == {("10B0039137", "30B0039137/CPE001")}
    assert desk.there(tables.Personne) == {"30B0039137/CPE001"}


def test_a_partial_file_makes_nobody_vanish(desk: Desk) -> None:
    desk.structures(HOPITAL, "10B0039145;Clinique;69")
    desk.structures("10B0039152;Pharmacie;21", is_whole=False)
    assert len(desk.there(tables.Structure)) == 3
    desk.staff(AGENT)
    desk.staff(AGENT.replace("CPE001", "CPE002"), is_whole=False)
    assert len(desk.there(tables.Personne)) == 2


def test_what_was_there_before_any_import_stays_until_somebody_says_it(desk: Desk) -> None:
    with desk.db.write() as session:
        session.add(
            tables.Structure(plateforme="TEST", id_national="10B0039137", raison_sociale="X", departement="Paris (75)")
        )
    assert desk.rows(tables.Structure)["10B0039137"]["source"] == SourceAnnuaire.INITIAL
    desk.structures("10B0039145;Clinique;69")
    assert len(desk.there(tables.Structure)) == 2
    assert totals(desk.structures(HOPITAL, "10B0039145;Clinique;69")) == {Effect.CHANGED: 1}


# --- interrupted ---


def stop_in(step: str, at: int) -> dict[str, Callable[..., Any]]:
    """The conduct of somebody who asks for the end when a step has been told so often."""
    seen = []

    def tell(now: str, _done: int, _total: int | None) -> None:
        if now == step:
            seen.append(now)

    return {"tell": tell, "stop": lambda: len(seen) >= at}


@pytest.mark.parametrize(("step", "at"), [("Structures", 1), ("Personnes", 1), ("Personnes", 2)])
def test_what_was_stopped_is_not_whole_and_goes_on_from_there(
    desk: Desk, step: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registration.directory.importing._ROWS_OF_A_TRANSACTION", 50)
    monkeypatch.setattr("registration.directory.importing._COMPARED", 150)
    with pytest.raises(ImportStoppedError):
        desk.rpps(SMALL, **stop_in(step, at))
    assert last(desk).etat == EtatImport.ABANDONNE
    left = len(desk.rows(tables.Personne))
    summary = desk.rpps(SMALL)
    assert not summary.is_unchanged
    assert summary.effects["personne", Effect.ADDED] == len(desk.rows(tables.Personne)) - left
    other = Desk(desk.db, desk.folder)
    assert other.rpps(SMALL).is_unchanged
    assert acts(desk) == ["IMPORT_ANNUAIRE", "IMPORT_ANNUAIRE"]


def test_a_database_that_fails_in_the_middle_leaves_an_import_that_is_not_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registration.directory.importing._ROWS_OF_A_TRANSACTION", 60)
    monkeypatch.setattr("registration.directory.importing._COMPARED", 100)
    written = []

    def fail_at_the_third(batch: Batch, session: Session) -> None:
        written.append(1)
        if len(written) == 3:
            raise OperationalError("INSERT", {}, Exception("disk is full"))
        original(batch, session)

    original = Batch.write
    monkeypatch.setattr(Batch, "write", fail_at_the_third)
    with pytest.raises(OperationalError):
        desk.rpps(SMALL)
    assert last(desk).etat == EtatImport.ABANDONNE
    monkeypatch.undo()
    desk.rpps(SMALL)
    fresh = desk.all_rows()
    assert (last(desk).etat, len(fresh["personne"])) == (EtatImport.TERMINE, len(desk.there(tables.Personne)))


def open_import(desk: Desk) -> None:
    with desk.db.write() as session:
        session.add(
            tables.ImportAnnuaire(
                plateforme="TEST", source="RPPS", etat="EN_COURS", fichier="x", empreinte=bytes(32),
                commence_le=desk.clock(), vivant_le=desk.clock(),
                lignes=0, rejets=0, ajouts=0, changements=0, retours=0, disparitions=0,
            )
        )  # fmt: skip


def test_a_second_import_waits_for_the_first_and_takes_over_a_dead_one(desk: Desk) -> None:
    open_import(desk)
    with pytest.raises(ImportRefusedError, match="en cours"):
        desk.rpps(SMALL)
    assert desk.rows(tables.Personne) == {}
    desk.clock.advance(seconds=61)
    desk.rpps(SMALL)
    assert [row.etat for row in last_imports(desk.db, Plateforme.TEST, 2)] == ["TERMINE", "ABANDONNE"]
    assert acts(desk) == ["IMPORT_ANNUAIRE", "IMPORT_ANNUAIRE"], "the end of a dead one is told by who finds it"


def test_one_that_was_taken_for_dead_stops_writing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registration.directory.importing._ROWS_OF_A_TRANSACTION", 100)

    def overtaken(step: str, _done: int, _total: int | None) -> None:
        if step == "Personnes":
            with desk.db.write() as session:
                for row in session.scalars(select(tables.ImportAnnuaire)):
                    row.etat = "ABANDONNE"

    with pytest.raises(ImportRefusedError, match="tenu pour mort"):
        desk.rpps(SMALL, tell=overtaken)
    assert last(desk).etat == EtatImport.ABANDONNE


def test_a_long_comparison_gives_signs_of_life(desk: Desk) -> None:
    desk.rpps(SMALL)
    signs = []

    def tell(step: str, _done: int, _total: int | None) -> None:
        if step in {"Structures", "Personnes"}:
            desk.clock.advance(seconds=20)
            signs.append(last(desk).vivant_le)

    desk.rpps(replace(SMALL, renamed=frozenset({2})), tell=tell)
    assert len(set(signs)) >= 2
    assert signs[-1] > NOON
