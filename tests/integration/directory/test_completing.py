"""Whom the tables do not know is asked for elsewhere before a demande is judged; what happens while nobody answers there.

Elsewhere is the directory of the other plateforme, real tables too; an LDAP server has its own tests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from registration.directory.completing import Completing
from registration.directory.entries import PersonneEntry, StructureEntry
from registration.directory.port import Directory, Entries, Wanted
from registration.directory.tables import TablesDirectory
from registration.errors import Code, DirectoryAwayError, IgcError
from registration.rules.names import Pattern
from registration.values import DemandeForm
from registration.views import SearchCriteria
from registration.vocabulary import Canal, EtatDemande, Offre, Plateforme
from storage import tables
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.databases import count_rows
from tests.support.produits import lot
from tests.support.world import World

NURSE, OTHER_NURSE = "30B0990011/N001", "30B0990011/N002"
CABINET = "410100271385001"


@dataclass
class Elsewhere:
    """The directory of plateforme PRODUCTION, which can be made to say nothing; counts what it is asked."""

    inner: Directory
    is_silent: bool = False
    asked: list[tuple[frozenset[str], frozenset[str]]] = field(default_factory=list)

    def read(self, structures: Collection[str], personnes: Collection[str]) -> Entries:
        self.asked.append((frozenset(structures), frozenset(personnes)))
        if self.is_silent:
            raise DirectoryAwayError(Code.DIRECTORY_AWAY)
        return self.inner.read(structures, personnes)

    def find_structures(
        self, among: Collection[str] | None, raison_sociale: Pattern | None, limit: int
    ) -> list[StructureEntry]:
        return self.inner.find_structures(among, raison_sociale, limit)

    def find_personnes(self, structure: str | None, wanted: Wanted, limit: int) -> list[PersonneEntry]:
        return self.inner.find_personnes(structure, wanted, limit)


@dataclass
class Time:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def enter(world: World, ident: str, *structures: str) -> None:
    """Somebody elsewhere, with where he works."""
    with world.db.write() as session:
        for structure in structures:
            if session.get(tables.Structure, ("PRODUCTION", structure)) is None:
                session.add(
                    tables.Structure(
                        plateforme="PRODUCTION", id_national=structure, raison_sociale=f"LIEU {structure}",
                        departement="Paris (75)",
                    )
                )  # fmt: skip
        session.add(
            tables.Personne(
                plateforme="PRODUCTION", id_national=ident, type_personne="PE", nom="ALIX", prenom="ANNE", titre="Agent"
            )
        )
        session.flush()  # the rattachements refer to both
        session.add_all(
            tables.Rattachement(plateforme="PRODUCTION", id_structure=structure, id_personne=ident)
            for structure in structures
        )


@dataclass
class Asking:
    world: World
    elsewhere: Elsewhere
    time: Time

    def form(self, ident: str = NURSE, key: int = 1, **changes: Any) -> DemandeForm:
        return self.world.form("PRO_SIGN", key, **{"beneficiaire": ident, "adresse_email": None, **changes})

    def verdicts(self, *forms: DemandeForm) -> list[list[str]]:
        found = self.world.ra.lots.verify(self.world.origin(), lot("essai", *forms))
        return [[refusal.code for refusal in verdict.refusals] for verdict in found]


@pytest.fixture
def asking(world: World) -> Asking:
    elsewhere, time = Elsewhere(TablesDirectory(world.db, Plateforme.PRODUCTION)), Time()
    completing = Completing(world.db, elsewhere, Plateforme.TEST, fresh_seconds=3_600, retry_seconds=15, monotonic=time)
    return Asking(world.with_policy(completion=completing), elsewhere, time)


def test_who_is_known_elsewhere_alone_may_bear_a_certificate(asking: Asking) -> None:
    enter(asking.world, NURSE, HOPITAL)
    assert asking.verdicts(asking.form()) == [[]]
    with asking.world.db.read() as session:
        row = session.get_one(tables.Personne, ("TEST", NURSE))
        assert (row.source, row.nom_plie, row.disparu_le) == ("LDAP", "alix", None)
        assert session.get_one(tables.Structure, ("TEST", HOPITAL)).raison_sociale == "CENTRE HOSPITALIER DES ACACIAS"


def test_who_is_known_nowhere_is_unknown(asking: Asking) -> None:
    assert asking.verdicts(asking.form()) == [["ERR_IHM_006"]]
    enter(asking.world, NURSE, CLINIQUE)
    asking.time.seconds += 3_600
    assert asking.verdicts(asking.form()) == [["ERR_IHM_006"]], "he works elsewhere"


def test_a_structure_that_only_elsewhere_knows_will_do(asking: Asking) -> None:
    asking.world.grant("dr-leroux", Offre.ORG, CABINET)
    form = asking.world.form("ORG_SIGN", 1, structure=CABINET)
    assert asking.verdicts(form) == [["ERR_IHM_005"]]
    enter(asking.world, NURSE, CABINET)
    asking.time.seconds += 3_600
    assert asking.verdicts(form) == [[]]


def test_nobody_is_asked_for_whom_an_import_knows_or_who_was_answered_lately(asking: Asking) -> None:
    with asking.world.db.write() as session:
        for row in session.scalars(select(tables.Rattachement).where(tables.Rattachement.plateforme == "TEST")):
            row.source = "RPPS"
    assert asking.verdicts(asking.world.form("PRO_SIGN", 1), asking.world.form("ORG_SIGN", 2)) == [[], []]
    assert asking.elsewhere.asked == []
    enter(asking.world, NURSE, HOPITAL)
    asking.verdicts(asking.form())
    asking.verdicts(asking.form(key=2))
    assert asking.elsewhere.asked == [(frozenset({HOPITAL}), frozenset({NURSE}))]
    asking.time.seconds += 3_600
    asking.verdicts(asking.form(key=3))
    assert len(asking.elsewhere.asked) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"structure": CLINIQUE},
        {"structure": "10B0999999"},
        {"beneficiaire": "\0"},
        {"beneficiaire": "*)(uid=*"},
        {"offre": "ORG"},
    ],
)
def test_a_stranger_cannot_have_the_directory_searched(asking: Asking, changes: dict[str, Any]) -> None:
    """Only for PRO, inside the perimeter for PRO, and what has the form of an id."""
    asking.verdicts(asking.form(**changes))
    assert {ident for _, people in asking.elsewhere.asked for ident in people} == set()


def test_who_leaves_elsewhere_leaves_here_too(asking: Asking) -> None:
    enter(asking.world, NURSE, HOPITAL)
    enter(asking.world, OTHER_NURSE, HOPITAL)
    assert asking.verdicts(asking.form(), asking.form(OTHER_NURSE, 2)) == [[], []]
    with asking.world.db.write() as session:
        session.get_one(tables.Rattachement, ("PRODUCTION", HOPITAL, NURSE)).disparu_le = asking.world.clock()
        session.get_one(tables.Personne, ("PRODUCTION", OTHER_NURSE)).disparu_le = asking.world.clock()
    assert asking.verdicts(asking.form(key=3)) == [[]], "answered within the hour"
    asking.time.seconds += 3_600
    assert asking.verdicts(asking.form(), asking.form(OTHER_NURSE, 2)) == [["ERR_IHM_006"], ["ERR_IHM_006"]]
    with asking.world.db.read() as session:
        assert session.get_one(tables.Personne, ("TEST", NURSE)).disparu_le is None
        assert session.get_one(tables.Personne, ("TEST", OTHER_NURSE)).disparu_le == asking.world.clock()


# --- while nobody answers ---


def test_a_deposit_is_answered_and_who_is_known_gets_what_he_asked_for(asking: Asking) -> None:
    asking.elsewhere.is_silent = True
    world = asking.world
    index = world.issued(asking.form(), world.form("PRO_SIGN", 2), world.form("ORG_SIGN", 3))
    views = world.ra.lots.list_demandes(world.origin().acteur, index).demandes
    assert [view.etat for view in views] == [EtatDemande.REJETEE, EtatDemande.TRANSMISE, EtatDemande.TRANSMISE]
    assert [view.refusal and (view.refusal.code, view.refusal.champ) for view in views] == [
        ("ERR_IHM_024", "beneficiaire"),
        None,
        None,
    ]


def test_a_large_lot_goes_on_page_by_page(asking: Asking) -> None:
    asking.elsewhere.is_silent = True
    world = asking.world
    index = world.issued(*(asking.form(key=key) if key == 4 else world.form("ORG_SIGN", key) for key in range(1, 9)))
    followed = world.ra.lots.follow(world.origin().acteur, index=index)
    assert (followed.counts[EtatDemande.REJETEE], followed.counts[EtatDemande.TRANSMISE]) == (1, 7)
    assert len(asking.elsewhere.asked) == 1, "the pages that follow do not wait for the same silence"


def test_the_rejected_one_can_be_presented_again_with_its_key(asking: Asking) -> None:
    asking.elsewhere.is_silent = True
    form = asking.form()
    with pytest.raises(IgcError) as caught:
        asking.world.ra.demandes.submit(asking.world.origin(canal=Canal.IHM), form)
    assert caught.value.code is Code.DIRECTORY_AWAY
    asking.world.issued(form)
    enter(asking.world, NURSE, HOPITAL)
    asking.elsewhere.is_silent = False
    assert asking.verdicts(form) == [["ERR_IHM_024"]], "not asked again at once"
    asking.time.seconds += 15
    assert asking.verdicts(form) == [[]]
    assert asking.world.ra.demandes.submit(asking.world.origin(canal=Canal.IHM), form)


def test_an_unknown_structure_is_not_called_unknown(asking: Asking) -> None:
    asking.elsewhere.is_silent = True
    asking.world.grant("dr-leroux", Offre.ORG, CABINET)
    assert asking.verdicts(asking.world.form("ORG_SIGN", 1, structure=CABINET)) == [["ERR_IHM_024"]]
    assert asking.verdicts(asking.world.form("ORG_SIGN", 1, structure="10B0999999")) == [["ERR_IHM_026"]]


def test_who_has_a_perimeter_is_told_whether_a_structure_outside_of_it_exists(asking: Asking) -> None:
    enter(asking.world, NURSE, CABINET)
    forms = [asking.world.form("ORG_SIGN", key, structure=one) for key, one in enumerate((CABINET, "10B0999999"))]
    assert asking.verdicts(*forms) == [["ERR_IHM_026"], ["ERR_IHM_005"]]
    assert asking.elsewhere.asked == [(frozenset({CABINET, "10B0999999"}), frozenset())]


def test_nobody_has_the_directory_searched_for_structures_outside_of_any_perimeter(asking: Asking) -> None:
    many = [asking.world.form("ORG_SIGN", 1, structure=f"10B{number:07}") for number in range(40)]
    asking.verdicts(*many[:2])
    assert len(asking.elsewhere.asked) == 1
    asking.world.withdraw_rights("dr-leroux")
    asking.verdicts(*many[:3])
    assert len(asking.elsewhere.asked) == 1, "a stranger"


def test_a_search_for_a_structure_of_the_perimeter_finds_nothing_and_refuses_nothing(asking: Asking) -> None:
    acteur = asking.world.acteurs["dr-leroux"]
    criteria = SearchCriteria(all_offres=True, structure=CABINET)
    with pytest.raises(IgcError) as caught:
        asking.world.ra.demandes.search(acteur, criteria)
    assert caught.value.code is Code.STRUCTURE_UNKNOWN
    asking.world.grant("dr-leroux", Offre.ORG, CABINET)
    assert asking.world.ra.demandes.search(acteur, criteria).demandes == ()


def test_a_silence_writes_nothing(asking: Asking) -> None:
    asking.elsewhere.is_silent = True
    before = count_rows(asking.world.db)
    asking.verdicts(asking.form())
    assert count_rows(asking.world.db) == before


def test_who_was_answered_before_the_silence_goes_on_bearing(asking: Asking) -> None:
    enter(asking.world, NURSE, HOPITAL)
    assert asking.verdicts(asking.form()) == [[]]
    asking.elsewhere.is_silent = True
    asking.time.seconds += 7_200
    assert asking.verdicts(asking.form()) == [[]]
    assert len(asking.elsewhere.asked) == 2
