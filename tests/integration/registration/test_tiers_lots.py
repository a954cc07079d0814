"""Lots for a third party: his, whoever deposits them; both names in every line, those that the batch writes too."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from sqlalchemy import select

from registration.acteurs.administrateurs import dismiss
from registration.errors import AccessError, Code, ConflictError, NotFoundError
from registration.values import DemandeForm, Origin, RevocationForm, RevocationLotForm
from registration.vocabulary import Canal, EtatDemande
from storage import tables
from tests.integration.registration.renewing import renewable, renewal
from tests.integration.registration.test_cards import audited
from tests.integration.registration.test_tiers import caller, name_administrateur
from tests.support.acteurs import ADMINISTRATRICE, MEDECIN, PHARMACIENNE
from tests.support.assertions import assert_refused
from tests.support.produits import conditions, lot
from tests.support.revoking import active, certificat, revocation_form
from tests.support.world import World

HELPER = f"ARNAUD INES ({PHARMACIENNE})"
HELPED = f"LEROUX CAMILLE ({MEDECIN})"
_line = tables.Historique


@pytest.fixture
def helped(world: World) -> World:
    """A world where the pharmacist, who administers nothing, may act for others."""
    world.publish_crls("ACI-CARTES-TEST", "ACI-EL-PP-TEST")
    name_administrateur(world, "ph-arnaud")
    return world


def acting(world: World, tiers: str = MEDECIN) -> Origin:
    """As the web service makes it."""
    found = world.ra.acteurs.act_for(caller(world), tiers)
    return Origin(
        acteur=found.acteur, administrateur=found.administrateur, canal=Canal.WS, identite=found.identite,
        to_enter=found.to_enter,
    )  # fmt: skip


def deposit(world: World, *forms: DemandeForm, reference: str = "lot-1") -> int:
    return world.ra.lots.submit(acting(world), lot(reference, *forms)).index


def revoke(world: World, *forms: RevocationForm, reference: str = "rev-1") -> int:
    lot_form = RevocationLotForm(reference=reference, revocations=forms)
    return world.ra.revocations.submit(acting(world), lot_form).index


def end_it(world: World) -> None:
    """The operator takes the pharmacist's part away, some minutes after all that was."""
    world.clock.advance(minutes=10)
    with world.db.write() as session:
        assert dismiss(session, world.acteurs["ph-arnaud"].id, world.clock(), "départ")
    world.clock.advance(minutes=10)


def names(world: World, numeros: Iterable[int], action: str | None = None) -> set[tuple[str, str | None]]:
    """Who took the steps of these: acteur and who acted for him, those of the plateforme itself left out."""
    conditions = [_line.id_demande.in_(list(numeros)), _line.canal != Canal.SYSTEM.value]
    conditions += [] if action is None else [_line.code_action == action]
    return {tuple(row) for row in world.rows(select(_line.acteur, _line.administrateur).where(*conditions))}


def revocations_of(world: World, index: int) -> list[int]:
    return [one.numero for one in world.ra.revocations.list_lot(world.acteurs["dr-leroux"], index).revocations]


@pytest.mark.parametrize("count", [3, 12], ids=["at once", "by the batch"])
def test_every_line_has_both_names_even_when_the_batch_comes_after_the_end(helped: World, count: int) -> None:
    index = deposit(helped, *helped.forms(count))
    end_it(helped)
    helped.run_batch()
    demandes = helped.demandes(index)
    assert [row.etat for row in demandes] == ["TRANSMISE"] * count
    ids = (helped.acteurs["dr-leroux"].id, helped.acteurs["ph-arnaud"].id)
    assert {(row.id_acteur, row.id_administrateur) for row in demandes} == {ids}
    assert names(helped, helped.numeros(index)) == {(HELPED, HELPER)}
    presented = helped.values(select(_line.serie).where(_line.canal == "WS"))
    assert (len(presented), len(set(presented))) == (2 * count, 1)
    assert audited(helped) == []


def test_the_auditor_finds_a_lot_of_who_could_not(helped: World) -> None:
    index = deposit(helped, *helped.forms(1))
    posed = msgspec.structs.replace(helped.origin("ide-marchand"), acteur=helped.acteurs["dr-leroux"])
    posed = msgspec.structs.replace(posed, administrateur=helped.acteurs["ide-marchand"])
    other = helped.ra.lots.submit(posed, lot("lot-2", *helped.forms(9, 20))).index
    found = {one.partition(" : ")[0] for one in audited(helped)}
    assert found == {f"lot n° {other}"}
    with helped.db.write() as session:
        session.get_one(tables.Lot, index).id_administrateur = None
    told = "qui l'a déposé pour son acteur n'est pas qui a placé ses demandes"
    assert f"lot n° {index} : {told}" in audited(helped)


def test_a_reference_is_the_third_partys_whoever_deposits(helped: World) -> None:
    index = deposit(helped, *helped.forms(2))
    again = helped.deposit(*helped.forms(2))
    assert (again.index, again.already_known) == (index, True)
    with assert_refused(ConflictError, Code.LOT_CONFLICT):
        helped.deposit(*helped.forms(3))
    own = helped.deposit(helped.form(key=30), reference="mine").index
    assert helped.ra.lots.submit(acting(helped), lot("mine", helped.form(key=30))).index == own
    # Who deposited it in the other's place keeps nothing of it in his own name.
    for key in ({"index": index}, {"reference": "lot-1"}):
        with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
            helped.ra.lots.follow(helped.acteurs["ph-arnaud"], **key)
    assert helped.ra.lots.follow(acting(helped).acteur, reference="lot-1").index == index


def test_the_rights_are_those_of_the_third_party_alone(helped: World) -> None:
    """The administrator of the clinic may not ask for the hospital, and whoever acts for her may not either."""
    index = helped.ra.lots.submit(acting(helped, ADMINISTRATRICE), lot("lot-1", *helped.forms(2))).index
    assert helped.codes(index) == ["ERR_IHM_026"] * 2


def test_renewals_tell_the_product_too(helped: World) -> None:
    numeros = [active(helped), renewable(helped, key=1)]
    helped.publish_crls("ACI-CARTES-TEST", "ACI-EL-PP-TEST")
    index = deposit(helped, *[renewal(numero, 50 + numero) for numero in numeros], *helped.forms(4, 70))
    end_it(helped)
    helped.run_batch()
    assert helped.etats(index) == [EtatDemande.TRANSMISE] * 6
    assert names(helped, helped.numeros(index)) == {(HELPED, HELPER)}
    assert names(helped, numeros, "ACT_RNV_001") == {(HELPED, HELPER)}
    # Years have passed without a seal, which the auditor tells as well.
    assert [one for one in audited(helped) if one.startswith(("demande", "lot "))] == []


def test_what_is_withdrawn_and_cancelled_in_his_place(helped: World) -> None:
    index = deposit(helped, *helped.forms(3))
    helped.run_batch()
    withdrawn, cancelled, left = helped.numeros(index)
    helped.ra.retraits.withdraw(acting(helped), withdrawn, conditions())
    helped.ra.demandes.cancel(acting(helped), cancelled)
    assert helped.ra.lots.cancel(acting(helped), index).cancelled == 1
    assert helped.etats(index) == [EtatDemande.CLOSE, EtatDemande.ANNULEE, EtatDemande.ANNULEE]
    assert names(helped, [withdrawn, cancelled, left]) == {(HELPED, HELPER)}
    accepted = helped.rows(select(tables.Acceptation.id_acteur, tables.Acceptation.id_administrateur))
    assert [tuple(row) for row in accepted] == [(helped.acteurs["dr-leroux"].id, helped.acteurs["ph-arnaud"].id)]
    assert audited(helped) == []


def test_a_page_withdrawn_in_his_place_is_told_with_both_names(helped: World) -> None:
    index = helped.issued(*helped.forms(3))
    assert len(helped.ra.retraits.withdraw_page(acting(helped), index, conditions()).retraits) == 3
    assert names(helped, helped.numeros(index), "ACT_RET_001") == {(HELPED, HELPER)}
    with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
        helped.ra.retraits.withdraw_page(helped.origin("ph-arnaud"), index, conditions())


def test_the_lines_of_what_was_still_to_come_name_who_cancelled(helped: World) -> None:
    """Not who deposited: the third party deposits, somebody cancels in his place, and the other way round."""
    by_himself = helped.deposit(*helped.forms(9)).index
    in_his_place = deposit(helped, *helped.forms(9, 20), reference="lot-2")
    assert helped.ra.lots.cancel(acting(helped), by_himself).cancelled == 9
    assert helped.ra.lots.cancel(helped.origin(), in_his_place).cancelled == 9
    end_it(helped)
    helped.run_batch()
    for index, deposited, cancelled in ((by_himself, None, HELPER), (in_his_place, HELPER, None)):
        assert names(helped, helped.numeros(index), "ACT_DCL_001") == {(HELPED, deposited)}
        assert names(helped, helped.numeros(index), "ACT_DCL_006") == {(HELPED, cancelled)}
    assert audited(helped) == []


@pytest.mark.parametrize("count", [2, 7], ids=["at once", "by the batch"])
def test_revocations_of_a_lot_have_both_names(helped: World, count: int) -> None:
    numeros = [active(helped, key=key) for key in range(2)]
    index = revoke(helped, *[revocation_form(numeros[rank % 2]) for rank in range(count)])
    end_it(helped)
    helped.run_batch()
    found = revocations_of(helped, index)
    assert len(found) == count
    assert names(helped, found) == {(HELPED, HELPER)}
    assert all(certificat(helped, numero).revoque_le is not None for numero in numeros)
    assert audited(helped) == []


def test_one_revocation_and_its_giving_up_have_both_names(helped: World) -> None:
    numero = active(helped)
    asked = helped.ra.revocations.revoke(acting(helped), revocation_form(numero, date_effet="2026-12-15"))
    assert helped.ra.revocations.give_up(acting(helped), asked.numero or 0)
    assert names(helped, [asked.numero or 0]) == {(HELPED, HELPER)}
    assert audited(helped) == []


def test_a_certificate_of_a_lot_deposited_for_him_does_not_make_one_him(helped: World) -> None:
    index = deposit(helped, *[helped.form("PS_AUTH", key) for key in range(6)])
    helped.run_batch()
    numero = helped.numeros(index)[0]
    helped.ra.retraits.withdraw(acting(helped), numero, conditions())
    der = helped.certificat(numero).der
    assert der is not None
    with assert_refused(AccessError, Code.ACTEUR_UNKNOWN):
        helped.ra.acteurs.identify(der)
