"""Lots of revocations: one verdict an item, the same index for the same reference, whatever their size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.lots.pages import give_up_page
from registration.revocation_views import RevocationView
from registration.values import RevocationForm, RevocationLotForm
from registration.views import LotReceipt
from registration.vocabulary import EtatDemande, EtatLot, Offre
from storage import tables
from tests.support.acteurs import CLINIQUE
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.produits import conditions
from tests.support.revocations import copies
from tests.support.revoking import active, certificat, revocation_form
from tests.support.world import World


def submit(world: World, *forms: RevocationForm, reference: str = "rev-1", sender: str | None = None) -> LotReceipt:
    return world.ra.revocations.submit(world.origin(sender), RevocationLotForm(reference=reference, revocations=forms))


def views(world: World, index: int, sender: str | None = None, **page: Any) -> tuple[RevocationView, ...]:
    return world.ra.revocations.list_lot(world.origin(sender).acteur, index, **page).revocations


def results(world: World, index: int) -> list[str]:
    return [view.resultat.value for view in views(world, index)]


def many(world: World, number: int) -> list[int]:
    """The numeros of so many active certificates."""
    numero = active(world)
    made = copies(world.db, certificat(world, numero).id, number)
    with world.db.read() as session:
        return [session.get_one(tables.Certificat, ident).id_demande or 0 for ident in made]


def test_each_item_has_its_verdict(world: World) -> None:
    numeros = [active(world, key=key) for key in range(4)]
    world.ra.revocations.revoke(world.origin(), revocation_form(numeros[1]))
    waiting = world.issued(world.form(key=9), reference="waiting")
    forms = (
        revocation_form(numeros[0], reference="a"),
        revocation_form(numeros[1]),
        revocation_form(numeros[2], date_effet="2026-12-15"),
        revocation_form(10**9),
        revocation_form(numeros[3], confirmation=False),
        revocation_form(world.numeros(waiting)[0]),
        revocation_form(numeros[0], motif="VOL", reference="a b"),
        revocation_form(numeros[2], date_effet="2026-12-16"),
    )
    lot = RevocationLotForm(reference="rev-1", revocations=forms)
    checked = world.ra.revocations.verify(world.origin(), lot)
    before = count_rows(world.db)
    index = world.with_policy(at_once=20).ra.revocations.submit(world.origin(), lot).index
    expected = ["REVOQUE", "DEJA_REVOQUE", "PROGRAMMEE", "REFUSEE", "REFUSEE", "REFUSEE", "REFUSEE", "REFUSEE"]
    assert results(world, index) == expected
    codes = [None, None, None, "ERR_WS_032", "ERR_WS_060", "ERR_WS_061", "ERR_WS_037", "ERR_WS_067"]
    assert [view.refusal.code if view.refusal else None for view in views(world, index)] == codes
    # The check said so before, and wrote nothing.
    assert [verdict.refusals[0].code if verdict.refusals else None for verdict in checked] == codes
    assert [verdict.result.resultat.value if verdict.result else "REFUSEE" for verdict in checked] == expected
    assert all(verdict.result is None or (verdict.result.numero or 1) > 0 for verdict in checked)
    assert before["demande_revocation"] == 1
    follow = world.ra.lots.follow(world.origin().acteur, index=index)
    assert (follow.etat, follow.nombre, follow.avancement) == (EtatLot.TERMINE, 8, 100)
    found = {etat: count for etat, count in follow.counts.items() if count}
    assert found == {EtatDemande.CLOSE: 2, EtatDemande.VALIDEE: 1, EtatDemande.NON_TRAITEE: 5}
    assert views(world, index)[0].reference == "a"
    assert views(world, index)[6].reference is None


def test_the_reason_of_a_refusal_without_a_certificate_is_the_senders_own(world: World) -> None:
    index = submit(world, revocation_form(1, motif="X")).index
    (view,) = views(world, index)
    assert view.refusal is not None
    assert "VOL" in view.refusal.texte


def test_a_stolen_one_takes_the_same_certificate_along_later_in_the_lot(world: World) -> None:
    numero = active(world)
    index = submit(world, revocation_form(numero), revocation_form(numero, motif="VOL")).index
    assert results(world, index) == ["REVOQUE", "RAISON_CHANGEE"]
    assert certificat(world, numero).raison_crl == "keyCompromise"


def test_one_that_waits_is_superseded_within_a_lot(world: World) -> None:
    numero = active(world)
    index = submit(world, revocation_form(numero, date_effet="2026-12-15"), revocation_form(numero)).index
    assert results(world, index) == ["REMPLACEE", "REVOQUE"]
    first, second = views(world, index)
    assert first.remplacee_par == second.numero


def test_a_large_lot_is_done_by_the_batch_page_by_page(world: World) -> None:
    numeros = many(world, 12)
    index = submit(world, *[revocation_form(numero) for numero in numeros]).index
    follow = partial(world.ra.lots.follow, world.origin().acteur, index=index)
    assert (follow().etat, follow().counts[EtatDemande.ENREGISTREE]) == (EtatLot.EN_COURS, 12)
    world.run_batch(1)
    assert (follow().counts[EtatDemande.CLOSE], follow().counts[EtatDemande.ENREGISTREE]) == (5, 7)
    world.run_batch()
    assert follow().etat is EtatLot.TERMINE
    assert results(world, index) == ["REVOQUE"] * 12
    assert [view.position for view in views(world, index, after=10)] == [11, 12]
    assert all(certificat(world, numero).revoque_le is not None for numero in numeros)


def test_a_page_that_cannot_be_done_is_not_processed_and_revokes_nothing(world: World) -> None:
    numeros = many(world, 6)
    index = submit(world, *[revocation_form(numero) for numero in numeros]).index
    with world.db.write() as session:
        give_up_page(session, index, 0, world.clock(), world.policy.lots)
    assert results(world, index) == ["REFUSEE"] * 5
    assert {view.refusal.code for view in views(world, index) if view.refusal} == {"ERR_WS_040"}
    assert all(certificat(world, numero).revoque_le is None for numero in numeros)


def test_the_same_reference_is_the_same_lot(world: World) -> None:
    numero = active(world)
    first = submit(world, revocation_form(numero))
    before = count_rows(world.db)
    again = submit(world, revocation_form(numero))
    assert (again.index, again.already_known) == (first.index, True)
    assert count_rows(world.db) == before
    with assert_refused(ConflictError, Code.LOT_CONFLICT):
        submit(world, revocation_form(numero, motif="VOL"))
    with assert_refused(ConflictError, Code.LOT_CONFLICT):
        world.deposit(world.form(key=3), reference="rev-1")


def test_two_deposits_of_one_reference_at_once_are_one(world: World) -> None:
    numero = active(world)
    acts: list[Callable[[], object]] = [partial(submit, world, revocation_form(numero))] * 3
    found = all_done(together(acts))
    assert len({receipt.index for receipt in found if isinstance(receipt, LotReceipt)}) == 1
    assert count_rows(world.db)["demande_revocation"] == 1


def test_two_lots_of_the_same_certificates_revoke_each_once(world: World) -> None:
    numeros = many(world, 4)
    forms = [revocation_form(numero, motif="VOL") for numero in numeros]
    acts: list[Callable[[], object]] = [
        partial(submit, world, *forms, reference="one"),
        partial(submit, world, *reversed(forms), reference="two"),
    ]
    receipts = [receipt for receipt in all_done(together(acts)) if isinstance(receipt, LotReceipt)]
    told = sorted(one for receipt in receipts for one in results(world, receipt.index))
    assert told == ["DEJA_REVOQUE"] * 4 + ["REVOQUE"] * 4


@pytest.mark.parametrize("number", [0, 41])
def test_a_lot_has_one_item_and_no_more_than_allowed(world: World, number: int) -> None:
    with pytest.raises(IgcError) as caught:
        submit(world, *[revocation_form(1)] * number)
    assert caught.value.code is Code.TOO_MANY_ITEMS


def test_who_can_have_no_certificate_to_revoke_deposits_nothing(world: World) -> None:
    with assert_refused(AccessError, Code.NO_RIGHT):
        submit(world, revocation_form(1), sender="inconnu")
    # A person without any row may bear one.
    assert results_of_stranger(world) == ["REFUSEE"]


def results_of_stranger(world: World) -> list[str]:
    world.withdraw_rights("ph-arnaud")
    index = submit(world, revocation_form(10**9), sender="ph-arnaud").index
    return [view.resultat.value for view in views(world, index, "ph-arnaud")]


def test_others_see_what_they_may_follow_and_strangers_nothing(world: World) -> None:
    world.grant("dr-leroux", Offre.ORG, CLINIQUE)
    mine = [active(world), active(world, key=1, structure=CLINIQUE)]
    index = submit(world, *[revocation_form(numero) for numero in mine]).index
    assert [view.numero_produit for view in views(world, index, "administrateur")] == mine[:1]
    assert world.ra.lots.follow(world.origin("administrateur").acteur, index=index).nombre == 1
    for act in (partial(views, world, index, "ph-arnaud"), partial(views, world, 10**6)):
        with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
            act()
    world.withdraw_rights("dr-leroux")
    outline = views(world, index)
    assert [(view.etat.value, view.numero_produit, view.serial) for view in outline] == [("CLOSE", None, None)] * 2


def test_what_is_done_with_certificates_is_not_done_with_revocations(world: World) -> None:
    index = submit(world, revocation_form(active(world))).index
    acteur = world.origin().acteur
    for act in (
        partial(world.ra.lots.list_demandes, acteur, index),
        partial(world.ra.retraits.withdraw_page, world.origin(), index, conditions()),
    ):
        with pytest.raises(IgcError) as caught:
            act()
        assert caught.value.code is Code.LOT_OF_OTHER_NATURE
    certificats = world.deposit(world.form(key=5), reference="certs").index
    with pytest.raises(IgcError) as caught:
        views(world, certificats)
    assert caught.value.code is Code.LOT_OF_OTHER_NATURE
    # A stranger is not even told that.
    with assert_refused(NotFoundError, Code.LOT_UNKNOWN):
        world.ra.lots.list_demandes(world.origin("ph-arnaud").acteur, index)
