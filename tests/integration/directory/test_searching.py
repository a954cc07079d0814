"""The directory inside a perimeter: what an acteur may look for, what he finds, and by which road the database goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql, sqlite

from bench.extracts import Professionals
from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.directory.port import Wanted
from registration.directory.storing import Batch, Comparing
from registration.directory.tables import TablesDirectory, matches
from registration.errors import AccessError, Code, IgcError
from registration.rules.names import read_pattern
from registration.views import PersonneCriteria, StructureCriteria
from registration.vocabulary import Offre, Plateforme, SourceAnnuaire
from storage import tables
from tests.integration.directory.conftest import Desk
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN, PHARMACIE, PHARMACIENNE
from tests.support.produits import lot
from tests.support.world import World


def put(
    world: World,
    structures: Iterable[StructureEntry] = (),
    personnes: Iterable[PersonneEntry] = (),
    rattachements: Iterable[RattachementEntry] = (),
) -> None:
    """Entries as an import of the operator would write them."""
    comparing = Comparing(Plateforme.TEST, SourceAnnuaire.PERSONNEL)
    described, attached = Batch(), Batch()
    with world.db.write() as session:
        comparing.structures(session, list(structures), described)
        comparing.personnes(session, list(personnes), described)
        described.write(session)
        comparing.rattachements(session, list(rattachements), attached)
        attached.write(session)


def structures(world: World, who: str, offre: Offre | None = None, **criteria: Any) -> list[str]:
    acteur = world.acteurs[who]
    page = world.ra.directory.search_structures(acteur, StructureCriteria(**criteria), offre=offre)
    return [one.id_national for one in page.structures]


def personnes(world: World, who: str, structure: str, **criteria: Any) -> list[str]:
    page = world.ra.directory.search_personnes(world.acteurs[who], structure, PersonneCriteria(**criteria))
    return [one.id_national for one in page.personnes]


def test_structures_are_those_of_the_perimeter_by_name(world: World) -> None:
    assert structures(world, "dr-leroux") == [HOPITAL, CLINIQUE]
    assert structures(world, "dr-leroux", Offre.PRO) == [HOPITAL]
    assert structures(world, "ide-marchand") == [CLINIQUE]
    assert structures(world, "ph-arnaud") == []


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"raison_sociale": "centre*"}, [HOPITAL]),
        ({"raison_sociale": "CLINIQUE DU VAL D'ORGE"}, [CLINIQUE]),
        ({"raison_sociale": "clinique du val d orge"}, [CLINIQUE]),
        ({"raison_sociale": "CLINIQUE"}, []),
        ({"raison_sociale": "pharmacie*"}, []),
        ({"id_national": CLINIQUE}, [CLINIQUE]),
        ({"id_national": PHARMACIE}, []),
        ({"id_national": "\0'; --"}, []),
        ({"id_national": CLINIQUE, "raison_sociale": "centre*"}, []),
    ],
)
def test_structures_are_found_by_id_or_name(world: World, criteria: dict[str, Any], found: list[str]) -> None:
    assert structures(world, "dr-leroux", **criteria) == found


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, [PHARMACIENNE, AGENT, MEDECIN]),
        ({"nom": "ler*"}, [MEDECIN]),
        ({"nom": "LÉROUX"}, [MEDECIN]),
        ({"nom": "ler"}, []),
        ({"prenom": "inès"}, [PHARMACIENNE]),
        ({"nom": "leroux", "prenom": "inès"}, []),
        ({"id_national": AGENT}, [AGENT]),
        ({"id_national": "899700990037"}, []),
        ({"id_national": "\0"}, []),
        ({"nom": "marchand"}, []),
    ],
)
def test_persons_are_found_inside_the_structure(world: World, criteria: dict[str, str], found: list[str]) -> None:
    assert personnes(world, "dr-leroux", HOPITAL, **criteria) == found


@pytest.mark.parametrize("structure", [CLINIQUE, PHARMACIE])
def test_persons_of_a_structure_outside_the_perimeter_are_refused(world: World, structure: str) -> None:
    """Of the clinic he administers SERV: that lets nobody ask for PRO."""
    with pytest.raises(AccessError) as caught:
        personnes(world, "dr-leroux", structure, nom="ler*")
    assert caught.value.code is Code.HABILITATION_MISSING


@pytest.mark.parametrize("structure", ["10B0999999", "\0"])
def test_persons_of_a_structure_that_nobody_knows_are_refused_as_such(world: World, structure: str) -> None:
    with pytest.raises(IgcError) as caught:
        personnes(world, "dr-leroux", structure, nom="ler*")
    assert (caught.value.code, caught.value.champ) == (Code.STRUCTURE_UNKNOWN, "structure")


def test_a_right_withdrawn_a_moment_ago_counts_no_more(world: World) -> None:
    world.withdraw_rights("dr-leroux")
    assert structures(world, "dr-leroux") == []
    with pytest.raises(AccessError):
        personnes(world, "dr-leroux", HOPITAL)


@pytest.mark.parametrize("name", ["*", "L*", "*roux", "  "])
def test_a_name_that_cannot_be_looked_for_is_refused_before_anything_is_read(world: World, name: str) -> None:
    with pytest.raises(IgcError) as caught:
        structures(world, "dr-leroux", raison_sociale=name)
    assert (caught.value.code, caught.value.champ) == (Code.CRITERIA_INVALID, "raisonSociale")
    for champ in ("nom", "prenom"):
        with pytest.raises(IgcError) as caught:
            personnes(world, "dr-leroux", HOPITAL, **{champ: name})
        assert (caught.value.code, caught.value.champ) == (Code.CRITERIA_INVALID, champ)


def test_a_structure_where_nobody_works_is_told(world: World) -> None:
    world.grant("dr-leroux", Offre.PRO, "10B0990045", "*@vide.example")
    put(world, [StructureEntry("10B0990045", "STRUCTURE VIDE", "Paris (75)")])
    criteria: dict[str, str]
    for criteria in ({}, {"nom": "ler*"}):
        with pytest.raises(IgcError) as caught:
            personnes(world, "dr-leroux", "10B0990045", **criteria)
        assert caught.value.code is Code.NOBODY_IN_STRUCTURE


def test_more_than_a_page_is_told_and_the_order_is_always_the_same(world: World) -> None:
    people = [
        PersonneEntry(f"30B0990011/X{rank:03d}", "PE", "DUPONT", f"PRENOM {rank % 7}", "Agent") for rank in range(25)
    ]
    put(world, (), people, [RattachementEntry(one.id_national, HOPITAL) for one in people])
    acteur = world.acteurs["dr-leroux"]
    page = world.ra.directory.search_personnes(acteur, HOPITAL, PersonneCriteria(nom="dup*"), limit=10)
    expected = sorted(people, key=lambda one: (one.prenom, one.id_national))
    assert ([one.id_national for one in page.personnes], page.more) == (
        [one.id_national for one in expected[:10]],
        True,
    )
    page = world.ra.directory.search_personnes(acteur, HOPITAL, PersonneCriteria(nom="dup*"), limit=25)
    assert (len(page.personnes), page.more) == (25, False)


def test_who_has_gone_is_not_found_and_is_no_beneficiaire(world: World) -> None:
    with world.db.write() as session:
        for row in session.scalars(select(tables.Personne).where(tables.Personne.id_national == AGENT)):
            row.disparu_le = world.clock()
        for gone in session.scalars(select(tables.Structure).where(tables.Structure.id_national == CLINIQUE)):
            gone.disparu_le = world.clock()
    assert AGENT not in personnes(world, "dr-leroux", HOPITAL)
    assert structures(world, "dr-leroux") == [HOPITAL]
    assert {structure for _, structure, _ in world.ra.acteurs.allowed_structures(world.acteurs["dr-leroux"])} == {
        HOPITAL
    }
    assert Offre.ORG not in world.ra.acteurs.offres(world.acteurs["ide-marchand"])
    forms = (
        world.form("PRO_AUTH", 1),
        world.form("SERV_SSL_SERV", 2, structure=CLINIQUE, fqdns=("portail.valdorge.example",)),
    )
    verdicts = world.ra.lots.verify(world.origin(), lot("lot-1", *forms))
    assert [[one.code for one in verdict.refusals] for verdict in verdicts] == [["ERR_IHM_006"], ["ERR_IHM_005"]]


def test_a_vendor_with_three_hundred_structures_finds_them_a_page_at_a_time(world: World) -> None:
    ids = [f"10B{rank:07d}" for rank in range(300)]
    put(world, [StructureEntry(ident, f"STRUCTURE {ident}", "Paris (75)") for ident in ids])
    for ident in ids:
        world.grant("dpi-acacias", Offre.ORG, ident)
    page = world.ra.directory.search_structures(
        world.acteurs["dpi-acacias"], StructureCriteria(raison_sociale="structure*"), limit=100
    )
    assert [one.id_national for one in page.structures] == ids[:100]
    assert page.more


# --- the road of the database ---


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.rpps(Professionals(4_000))
    with desk.db.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return desk


def plan(desk: Desk, column: Any, name: str) -> str:
    """What the database would do for a beginning of a name, over a whole plateforme."""
    query = select(column.class_.id_national).where(
        column.class_.plateforme == "TEST", *matches(column, read_pattern(name, "nom"))
    )
    is_sqlite = desk.db.engine.dialect.name == "sqlite"
    dialect = sqlite.dialect() if is_sqlite else postgresql.dialect()  # type: ignore[no-untyped-call]  # not annotated there
    statement = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).replace("%%", "%")
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    with desk.db.engine.connect() as connection:
        return "\n".join(" ".join(map(str, row)) for row in connection.exec_driver_sql(f"{explain} {statement}"))


@pytest.mark.parametrize(
    ("column", "index"),
    [
        (tables.Personne.nom_plie, "ix_personne__nom_plie"),
        (tables.Personne.prenom_plie, "ix_personne__prenom_plie"),
        (tables.Structure.raison_pliee, "ix_structure__raison_pliee"),
    ],
    ids=["nom", "prenom", "raison"],
)
def test_a_beginning_is_a_range_of_the_index(filled: Desk, column: Any, index: str) -> None:
    found = plan(filled, column, "leroux du*")
    assert index in found
    bounds = (
        (f"{column.key}>? AND {column.key}<?",)
        if filled.db.engine.dialect.name == "sqlite"
        else (f"{column.key} >=", f"{column.key} <")
    )
    assert all(bound in found.replace("::text", "").replace(")", "") for bound in bounds), found


def test_the_tables_find_what_a_walk_through_all_rows_finds(filled: Desk) -> None:
    directory = TablesDirectory(filled.db, Plateforme.TEST)
    everybody = [
        PersonneEntry(**{name: row[name] for name in PersonneEntry._fields})
        for row in filled.rows(tables.Personne).values()
    ]
    for name in ("le*", "œuv*", "d'alm*", "noël", "saint andre*"):
        pattern = read_pattern(name, "nom")
        expected = {one.id_national for one in everybody if pattern.matches(one.nom)}
        assert {one.id_national for one in directory.find_personnes(None, Wanted(nom=pattern), 10_000)} == expected
        assert expected


def test_entries_are_read_by_id_with_the_rattachements_between_them(filled: Desk) -> None:
    directory = TablesDirectory(filled.db, Plateforme.TEST)
    (structure, personne), *_ = sorted(filled.there(tables.Rattachement))
    found = directory.read([structure, "10B0999999"], [personne, "899999999999"])
    assert [one.id_national for one in found.structures] == [structure]
    assert [one.id_national for one in found.personnes] == [personne]
    assert found.rattachements == (RattachementEntry(personne, structure),)


def test_folded_names_of_older_rows_are_made_by_the_migration(desk: Desk, tmp_path: Path) -> None:
    """The migration has a fold of its own: the same one."""
    from storage.migrations.versions import __path__ as versions

    source = next(path for path in Path(versions[0]).glob("*_directory_imports.py"))
    scope: dict[str, Any] = {}
    exec(compile(source.read_text(), source.name, "exec"), scope)
    desk.rpps(replace(Professionals(300), renamed=frozenset({1})))
    for row in desk.rows(tables.Personne).values():
        assert (scope["_folded"](row["nom"]), scope["_folded"](row["prenom"])) == (row["nom_plie"], row["prenom_plie"])
