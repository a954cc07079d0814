"""Pro Santé Connect and cards are doors of one house: the same acteur, the same demandes, whichever he comes in by."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registration.errors import AccessError, Code, IgcError
from registration.values import UNSEEN, Origin, Sujet
from registration.vocabulary import Canal
from storage import tables
from tests.integration.registration.test_cards import audited
from tests.integration.registration.test_tiers import name_administrateur
from tests.support.acteurs import MEDECIN, PHARMACIENNE
from tests.support.assertions import assert_refused
from tests.support.cards import NEWCOMER, enter_in_directory, identified, new_card, origin_of
from tests.support.databases import count_rows, statements
from tests.support.produits import conditions, lot
from tests.support.world import World

ACCOUNT = "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd"


@pytest.fixture
def guarded(world: World) -> World:
    """A world whose card authority has a current CRL."""
    world.publish_crls("ACI-CARTES-TEST", "ACI-EL-PP-TEST")
    enter_in_directory(world)
    return world


def sujet(ident: str = NEWCOMER, **changes: Any) -> Sujet:
    """A doctor, as the claims of a session say it."""
    values: dict[str, Any] = {
        "emetteur": "https://auth.psc.example/realms/esante",
        "sub": f"{ACCOUNT}:{ident}",
        "subject_name_id": ident,
        "roles": ("10^1.2.250.1.213.1.1.5.5",),
        "categories": ("C",),
        "nom": "NOUVEL",
        "prenom": "ALIX",
    }
    return Sujet(**(values | changes))


def signed_in(world: World, ident: str = NEWCOMER, **changes: Any) -> Origin:
    """As the portal will make it."""
    caller = world.ra.acteurs.identify_subject(sujet(ident, **changes))
    return Origin(acteur=caller.acteur, canal=Canal.IHM, identite=caller.identite, to_enter=caller.to_enter)


def test_a_replaced_card_and_the_subject_are_one_acteur_with_the_same_demandes(guarded: World) -> None:
    first, second = new_card(guarded), new_card(guarded)
    by_card = guarded.ra.demandes.submit(origin_of(guarded, first.der, Canal.IHM), guarded.form("PS_AUTH"))
    by_account = guarded.ra.demandes.submit(signed_in(guarded), guarded.form("PS_AUTH", 1))
    index = guarded.ra.lots.submit(origin_of(guarded, second.der), lot("lot-1", guarded.form("PS_SIGN", 2))).index
    guarded.run_batch()
    acteurs = {
        identified(guarded, first.der).acteur, identified(guarded, second.der).acteur, signed_in(guarded).acteur,
    }  # fmt: skip
    assert len(acteurs) == 1
    (acteur,) = acteurs
    for numero in (by_card, by_account):
        assert guarded.ra.demandes.read(acteur, numero).demande.demandeur == "NOUVEL ALIX"
    assert guarded.ra.lots.follow(acteur, index=index).nombre == 1
    # What the card asked for the account withdraws, and the other way round.
    assert guarded.ra.retraits.withdraw(signed_in(guarded), by_card, conditions()).numero == by_card
    taken = guarded.ra.retraits.withdraw(origin_of(guarded, second.der), by_account, conditions())
    assert taken.numero == by_account
    assert len(guarded.rows(select(tables.Acteur.id).where(tables.Acteur.id_national == NEWCOMER))) == 1
    assert audited(guarded) == []


def test_the_history_tells_the_account_from_the_cards(guarded: World) -> None:
    numero = guarded.ra.demandes.submit(signed_in(guarded), guarded.form("PS_AUTH"))
    caller = guarded.ra.acteurs.identify_subject(sujet())
    lines = guarded.rows(
        select(tables.Historique.emetteur, tables.Historique.serie).where(
            tables.Historique.id_demande == numero, tables.Historique.canal == "IHM"
        )
    )
    assert {tuple(line) for line in lines} == {(caller.identite.emetteur, caller.identite.serie)}
    assert not caller.to_enter
    # Nothing of the account itself is kept.
    assert NEWCOMER not in caller.identite.serie
    assert guarded.ra.acteurs.identify_subject(sujet(sub=f"f:{ACCOUNT[2:-1]}0:{NEWCOMER}")).to_enter


def test_who_has_never_acted_leaves_no_row_and_one_statement_says_who_it_is(guarded: World) -> None:
    before = count_rows(guarded.db)
    acteurs = guarded.ra.acteurs
    acteurs.identify_subject(sujet())
    with statements(guarded.db.engine) as sent:
        caller = acteurs.identify_subject(sujet())
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1
    assert (caller.acteur.id, caller.acteur.type_personne, caller.to_enter) == (UNSEEN, "PS", True)
    assert count_rows(guarded.db) == before


@pytest.mark.parametrize(
    "changes",
    [{"subject_name_id": PHARMACIENNE}, {"sub": f"{ACCOUNT}:{PHARMACIENNE}"}, {"subject_name_id": f" {NEWCOMER}"}],
)
def test_who_is_not_told_beyond_doubt_is_nobody(guarded: World, changes: dict[str, str]) -> None:
    with assert_refused(AccessError, Code.SUBJECT_REFUSED):
        signed_in(guarded, **changes)


def test_the_type_of_now_is_that_of_the_claims_and_not_of_the_directory(guarded: World) -> None:
    origin = signed_in(guarded, roles=())
    assert origin.acteur.type_personne == "PE"
    with pytest.raises(IgcError) as caught:
        guarded.ra.demandes.submit(origin, guarded.form("PS_AUTH"))
    assert caught.value.code is Code.HABILITATION_MISSING
    assert signed_in(guarded).acteur.type_personne == "PS"


def test_a_name_that_cannot_be_read_is_no_name(guarded: World) -> None:
    for name in ({"nom": "", "prenom": " "}, {"nom": "A\x00B"}, {"nom": "A\u202eB"}):
        assert signed_in(guarded, **name).acteur.libelle == NEWCOMER


def test_nobody_comes_in_when_the_plateforme_has_stopped(guarded: World) -> None:
    with guarded.db.write() as session:
        session.add(tables.Arret(id=1, constate_le=guarded.clock(), raison="essai"))
    with assert_refused(AccessError, Code.REVOCATION_STATUS_UNAVAILABLE):
        signed_in(guarded)


def test_an_administrateur_acts_for_others_by_his_account_too(guarded: World) -> None:
    name_administrateur(guarded, "ph-arnaud")
    caller = guarded.ra.acteurs.identify_subject(sujet(PHARMACIENNE, nom="ARNAUD", prenom="INES"))
    assert caller.acteur == guarded.acteurs["ph-arnaud"]
    found = guarded.ra.acteurs.act_for(caller, MEDECIN)
    assert (found.acteur, found.administrateur) == (guarded.acteurs["dr-leroux"], guarded.acteurs["ph-arnaud"])
