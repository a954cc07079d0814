"""Agir pour un tiers: the rights of the third party and no others, both names, and nothing once it has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from registration.acteurs.administrateurs import appoint, dismiss
from registration.acteurs.habilitations import Terms
from registration.errors import AccessError, Code, IgcError
from registration.values import UNSEEN, Caller, Origin
from registration.vocabulary import Canal, Offre
from storage import tables
from tests.integration.registration.test_cards import audited
from tests.support.acteurs import ADMINISTRATRICE, AGENT, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.cards import NEWCOMER, enter_in_directory, new_card, origin_of
from tests.support.databases import count_rows
from tests.support.produits import conditions, lot
from tests.support.world import World


def name_administrateur(world: World, name: str, **terms: datetime) -> None:
    with world.db.write() as session:
        assert appoint(session, world.acteurs[name].id, world.clock(), Terms(motif="assistance", **terms))


@pytest.fixture
def helped(world: World) -> World:
    """A world where the pharmacist, who administers nothing, may act for others."""
    world.publish_crls("ACI-CARTES-TEST", "ACI-EL-PP-TEST")
    name_administrateur(world, "ph-arnaud")
    return world


def caller(world: World, name: str = "ph-arnaud") -> Caller:
    return world.ra.acteurs.identify(world.enroll_client(name).der)


def acting(world: World, tiers: str, name: str = "ph-arnaud") -> Origin:
    """As the portal makes it."""
    found = world.ra.acteurs.act_for(caller(world, name), tiers)
    return Origin(
        acteur=found.acteur, administrateur=found.administrateur, canal=Canal.IHM, identite=found.identite,
        to_enter=found.to_enter,
    )  # fmt: skip


def refused(world: World, tiers: str, name: str = "ph-arnaud") -> Code:
    with pytest.raises(IgcError) as caught:
        acting(world, tiers, name)
    return caught.value.code


def test_the_rights_are_those_of_the_third_party(helped: World) -> None:
    origin = acting(helped, MEDECIN)
    assert origin.acteur == helped.acteurs["dr-leroux"]
    assert Offre.ORG in helped.ra.acteurs.offres(origin.acteur)
    numero = helped.ra.demandes.submit(origin, helped.form())
    lines = helped.rows(
        select(
            tables.Historique.acteur,
            tables.Historique.habilitations_acteur,
            tables.Historique.administrateur,
            tables.Historique.habilitations_administrateur,
        ).where(tables.Historique.id_demande == numero, tables.Historique.canal == Canal.IHM.value)
    )
    assert {tuple(line) for line in lines} == {
        (
            f"LEROUX CAMILLE ({MEDECIN})",
            f"Administrateur technique SERV {HOPITAL}",
            f"ARNAUD INES ({PHARMACIENNE})",
            "Agir pour un tiers",
        )
    }
    row = helped.demande(numero)
    assert (row.id_acteur, row.id_administrateur) == (
        helped.acteurs["dr-leroux"].id,
        helped.acteurs["ph-arnaud"].id,
    )


def test_the_auditor_knows_who_might(helped: World) -> None:
    """The rows say who acted for whom; the trail says whether he was named then."""
    helped.ra.demandes.submit(acting(helped, MEDECIN), helped.form())
    assert audited(helped) == []
    own = origin_of(helped, helped.enroll_client("ide-marchand").der, Canal.IHM)
    posed = msgspec.structs.replace(own, acteur=helped.acteurs["dr-leroux"], administrateur=own.acteur)
    numero = helped.ra.demandes.submit(posed, helped.form(key=1))
    faults = audited(helped)
    assert {fault.partition(" : ")[0] for fault in faults} == {f"demande n° {numero}"}
    assert all("ne pouvait pas agir pour un tiers" in fault for fault in faults)


def test_not_his_own_and_not_the_sum(helped: World) -> None:
    """Dr Leroux administers the hospital; in the place of a nurse of the clinic he may not touch it."""
    name_administrateur(helped, "dr-leroux")
    with pytest.raises(IgcError) as caught:
        helped.ra.demandes.submit(acting(helped, ADMINISTRATRICE, "dr-leroux"), helped.form())
    assert caught.value.code is Code.HABILITATION_MISSING


def test_only_the_requester_withdraws_and_that_is_the_third_party(helped: World) -> None:
    numero = helped.ra.demandes.submit(acting(helped, MEDECIN), helped.form())
    helped.run_batch()
    with pytest.raises(AccessError):
        helped.ra.retraits.withdraw(acting(helped, AGENT), numero, conditions())
    assert helped.ra.retraits.withdraw(acting(helped, MEDECIN), numero, conditions()).numero == numero
    assert helped.ra.demandes.read(helped.acteurs["dr-leroux"], numero).historique


def test_a_certificate_asked_for_him_does_not_make_one_him(helped: World) -> None:
    numero = helped.ra.demandes.submit(acting(helped, MEDECIN), helped.form("PS_AUTH"))
    helped.run_batch()
    helped.ra.retraits.withdraw(acting(helped, MEDECIN), numero, conditions())
    der = helped.certificat(numero).der
    assert der is not None
    with pytest.raises(AccessError) as caught:
        helped.ra.acteurs.identify(der)
    assert caught.value.code is Code.ACTEUR_UNKNOWN


def test_for_whom_nobody_acts(helped: World, production: World) -> None:
    name_administrateur(helped, "ide-marchand")
    with helped.db.write() as session:
        session.query(tables.Acteur).filter_by(id=production.acteurs["administrateur"].id).update(
            {"id_national": "30B0990011/LABAS"}
        )
    for tiers in (
        PHARMACIENNE,  # himself
        ADMINISTRATRICE,  # another operator
        "899700990999",
        f"{HOPITAL}/DPI",  # an application
        "30B0990011/LABAS",  # of the other plateforme alone
        "",
        "8' OR '1'='1",
        "\u0668\u0669\u0669\u0667\u0660\u0660",
    ):
        assert refused(helped, tiers) is Code.TIERS_UNKNOWN, tiers


def test_one_of_the_directory_who_has_never_acted(helped: World) -> None:
    enter_in_directory(helped)
    before = count_rows(helped.db)
    origin = acting(helped, NEWCOMER)
    assert (origin.acteur.id, origin.acteur.type_personne, origin.to_enter) == (UNSEEN, "PS", True)
    numero = helped.ra.demandes.submit(origin, helped.form("PS_AUTH"))
    # His own card finds what was done in his place.
    own = origin_of(helped, new_card(helped).der)
    assert helped.ra.demandes.read(own.acteur, numero).historique[0].administrateur == f"ARNAUD INES ({PHARMACIENNE})"
    after = count_rows(helped.db)
    assert after["acteur"] - before["acteur"] == 1
    with helped.db.write() as session:
        session.query(tables.Personne).filter_by(id_national=NEWCOMER).update({"disparu_le": helped.clock()})
    assert acting(helped, NEWCOMER).acteur.id == own.acteur.id


def test_who_has_gone_from_the_directory_is_nobody(helped: World) -> None:
    enter_in_directory(helped)
    with helped.db.write() as session:
        session.query(tables.Personne).filter_by(id_national=NEWCOMER).update({"disparu_le": helped.clock()})
    assert refused(helped, NEWCOMER) is Code.TIERS_UNKNOWN


def test_only_who_is_named_and_while_he_is(helped: World) -> None:
    acteurs = helped.ra.acteurs
    assert refused(helped, MEDECIN, "ide-marchand") is Code.HABILITATION_MISSING
    assert acteurs.may_act_for_others(helped.acteurs["ph-arnaud"])
    assert not acteurs.may_act_for_others(helped.acteurs["ide-marchand"])
    ending = caller(helped)
    with helped.db.write() as session:
        assert dismiss(session, helped.acteurs["ph-arnaud"].id, helped.clock(), "départ")
    with pytest.raises(AccessError):
        acteurs.act_for(ending, MEDECIN)
    assert not acteurs.may_act_for_others(helped.acteurs["ph-arnaud"])


def test_nobody_acts_for_one_through_another(helped: World) -> None:
    found = helped.ra.acteurs.act_for(caller(helped), MEDECIN)
    with pytest.raises(AccessError):
        helped.ra.acteurs.act_for(found, AGENT)
    with pytest.raises(AccessError):
        helped.ra.acteurs.act_for(msgspec.structs.replace(found, administrateur=None), AGENT)


def test_it_begins_and_ends_on_its_days(world: World) -> None:
    now = datetime.now(UTC)
    name_administrateur(world, "ph-arnaud", begins=now + timedelta(days=1))
    name_administrateur(world, "ide-marchand", ends=now - timedelta(days=1))
    may = world.ra.acteurs.may_act_for_others
    assert (may(world.acteurs["ph-arnaud"]), may(world.acteurs["ide-marchand"])) == (False, False)
    assert not may(world.acteurs["inconnu"])


def test_a_lot_keeps_to_its_sender(helped: World) -> None:
    """What the third party sends himself has one name in its history."""
    index = helped.ra.lots.submit(helped.origin("dr-leroux"), lot("lot-1", helped.form())).index
    lines = helped.history(helped.numeros(index)[0])
    assert {line.administrateur for line in lines} == {None}
