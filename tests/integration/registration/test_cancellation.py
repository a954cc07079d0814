"""Cancellation (guide §8.7): before and after the signature, of one demande or of what is left of a lot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from registration.errors import AccessError, Code, ConflictError, NotFoundError
from registration.vocabulary import EtatDemande, EtatLot, EtatProduit, Offre
from storage import tables
from tests.support.acteurs import CLINIQUE
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import together
from tests.support.databases import assert_same_cost, count_rows
from tests.support.produits import conditions
from tests.support.world import World, summary


def certificates(world: World) -> list[tables.Certificat]:
    with world.db.read() as session:
        return session.query(tables.Certificat).order_by(tables.Certificat.id_demande).all()


def test_before_the_signature_nothing_is_signed_any_more(world: World) -> None:
    index = world.deposit(world.form()).index
    (numero,) = world.numeros(index)
    result = world.ra.demandes.cancel(world.origin(), numero)
    assert (result.cancelled, result.unchanged) == (1, 0)
    world.run_batch()
    assert world.etats(index) == [EtatDemande.ANNULEE]
    assert certificates(world) == []
    assert summary(world.history(numero)) == [
        ("WS", "ACT_DCL_001", "ENREGISTREE"),
        ("WS", "ACT_DCL_005", "VALIDEE"),
        ("WS", "ACT_DCL_006", "ANNULEE"),
    ]


def test_after_the_signature_the_certificate_is_revoked(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    world.clock.advance(days=1)
    world.ra.demandes.cancel(world.origin(), numero)
    (certificat,) = certificates(world)
    assert (certificat.revoque_le, certificat.raison_crl) == (world.clock.now, "cessationOfOperation")
    view = world.ra.demandes.read(world.acteurs["dr-leroux"], numero).demande
    assert (view.etat, view.etat_produit) == (EtatDemande.ANNULEE, EtatProduit.REVOQUE)
    assert summary(world.history(numero))[-2:] == [
        ("WS", "ACT_DCL_006", "ANNULEE"),
        ("SYSTEM", "ACT_IGC_006", "ANNULEE"),
    ]


def test_the_next_crl_carries_it(world: World) -> None:
    from cryptography import x509

    from batch.lists.crls import publish

    index = world.issued(world.form())
    world.ra.lots.cancel(world.origin(), index)
    (certificat,) = certificates(world)
    crl = x509.load_der_x509_crl(publish(world.context, certificat.autorite))
    entry = crl.get_revoked_certificate_by_serial_number(int(certificat.serial, 16))
    assert entry is not None
    assert (
        entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.cessation_of_operation
    )


def test_repeated_it_changes_nothing(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    world.ra.demandes.cancel(world.origin(), numero)
    before, history = count_rows(world.db), world.history(numero)
    revoked = certificates(world)[0].revoque_le
    world.clock.advance(days=1)
    again = world.ra.demandes.cancel(world.origin(), numero)
    assert (again.cancelled, again.unchanged) == (0, 1)
    assert (count_rows(world.db), world.history(numero)) == (before, history)
    assert certificates(world)[0].revoque_le == revoked


@pytest.mark.parametrize("end", ["withdrawn", "rejected"])
def test_it_can_be_too_late(world: World, end: str) -> None:
    index = world.issued(world.form(email_acteur="none") if end == "rejected" else world.form())
    (numero,) = world.numeros(index)
    if end == "withdrawn":
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    before = count_rows(world.db)
    with pytest.raises(ConflictError) as caught:
        world.ra.demandes.cancel(world.origin(), numero)
    assert caught.value.code is Code.CANCEL_TOO_LATE
    assert ("Rejetée" if end == "rejected" else "Close") in caught.value.text
    result = world.ra.lots.cancel(world.origin(), index)
    assert (result.cancelled, result.unchanged) == (0, 1)
    assert count_rows(world.db) == before


def test_a_lot_is_cancelled_with_its_unregistered_pages(world: World) -> None:
    bad = world.form(key=20, email_acteur="none")
    index = world.deposit(*world.forms(11), bad).index
    world.run_batch(1)
    assert len(world.demandes(index)) == 5
    result = world.ra.lots.cancel(world.origin(), index)
    assert (result.cancelled, result.unchanged) == (12, 0)
    follow = world.ra.lots.follow(world.acteurs["dr-leroux"], index=index)
    assert sum(follow.counts.values()) == 12
    world.run_batch()
    # What comes to light as bad afterwards says so; the rest ends as cancelled, and nothing is signed.
    assert world.etats(index) == [EtatDemande.ANNULEE] * 11 + [EtatDemande.REJETEE]
    assert certificates(world) == []
    assert world.ra.lots.follow(world.acteurs["dr-leroux"], index=index).etat is EtatLot.TERMINE
    assert summary(world.history(world.numeros(index)[10])) == [
        ("WS", "ACT_DCL_001", "ENREGISTREE"),
        ("WS", "ACT_DCL_006", "ANNULEE"),
    ]


def test_a_lot_cancelled_twice_counts_its_items_once(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    world.run_batch(1)
    first = world.ra.lots.cancel(world.origin(), index)
    assert (first.cancelled, first.unchanged) == (12, 0)
    before = count_rows(world.db)
    again = world.ra.lots.cancel(world.origin(), index)
    assert (again.cancelled, again.unchanged) == (0, 12)
    assert count_rows(world.db) == before
    world.run_batch()
    again = world.ra.lots.cancel(world.origin(), index)
    assert (again.cancelled, again.unchanged) == (0, 12)


def test_a_lot_in_every_state_is_cancelled_where_it_still_can(world: World) -> None:
    index = world.deposit(*world.forms(3), world.form(key=9, email_acteur="none")).index
    numeros = world.numeros(index)
    world.run_batch(1)
    world.run_batch()
    world.ra.retraits.withdraw(world.origin(), numeros[0], conditions())
    world.ra.demandes.cancel(world.origin(), numeros[1])
    result = world.ra.lots.cancel(world.origin(), index)
    assert (result.cancelled, result.unchanged) == (1, 3)
    assert world.etats(index) == [EtatDemande.CLOSE, EtatDemande.ANNULEE, EtatDemande.ANNULEE, EtatDemande.REJETEE]
    assert [row.revoque_le is not None for row in certificates(world)] == [False, True, True]


@pytest.mark.parametrize("_round", range(6))
def test_a_cancelled_lot_that_is_signed_at_the_same_moment_leaves_no_certificate_in_force(
    world: World, _round: int
) -> None:
    index = world.with_policy(at_once=20).deposit(*world.forms(9)).index
    acts: list[Callable[[], object]] = [world.run_batch, lambda: world.ra.lots.cancel(world.origin(), index)]
    all_done(together(acts))
    world.run_batch()
    assert world.etats(index) == [EtatDemande.ANNULEE] * 9
    assert all(row.revoque_le is not None for row in certificates(world) if row.emis_le is not None)
    assert count_rows(world.db)["outbox"] == 0


def test_an_administrator_cancels_what_is_his_and_leaves_the_rest(world: World) -> None:
    mixed = (world.form(key=0), world.form("PS_AUTH", 1), world.form(key=2))
    index = world.issued(*mixed)
    result = world.ra.lots.cancel(world.origin("administrateur"), index)
    # He follows two items of three, and knows nothing of the third.
    assert (result.cancelled, result.unchanged) == (2, 0)
    assert world.etats(index) == [EtatDemande.ANNULEE, EtatDemande.TRANSMISE, EtatDemande.ANNULEE]
    assert {line.acteur for line in world.history(world.numeros(index)[0])[-2:]} == {
        "BERTIN HUGO (30B0990011/CPE001)",
        "",
    }


def test_an_administrator_does_not_cancel_pages_he_cannot_see(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    world.run_batch(1)
    world.ra.lots.cancel(world.origin("administrateur"), index)
    world.run_batch()
    assert world.etats(index) == [EtatDemande.ANNULEE] * 5 + [EtatDemande.TRANSMISE] * 7


def test_to_a_stranger_neither_demande_nor_lot_exists(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    for act, known in ((world.ra.demandes.cancel, numero), (world.ra.lots.cancel, index)):
        answers = []
        for asked in (known, 10**9):
            with pytest.raises(NotFoundError) as caught:
                act(world.origin("ide-marchand"), asked)
            answers.append((caught.value.code, caught.value.text))
        assert answers[0] == answers[1]
    assert world.etats(index) == [EtatDemande.TRANSMISE]


def test_rights_lost_since_the_deposit_end_it(world: World) -> None:
    index = world.issued(*world.forms(2))
    world.withdraw_rights("dr-leroux")
    for act in (
        partial(world.ra.demandes.cancel, world.origin(), world.numeros(index)[0]),
        partial(world.ra.lots.cancel, world.origin(), index),
    ):
        with assert_refused(AccessError, Code.HABILITATION_MISSING):
            act()
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 2


def test_the_beneficiaire_follows_and_may_not_cancel(world: World) -> None:
    index = world.issued(world.form("PRO_AUTH", 0, beneficiaire="899700990029"))
    for act in (
        partial(world.ra.demandes.cancel, world.origin("ph-arnaud"), world.numeros(index)[0]),
        partial(world.ra.lots.cancel, world.origin("ph-arnaud"), index),
    ):
        with assert_refused(AccessError, Code.HABILITATION_MISSING):
            act()


def test_who_asked_for_himself_cancels_without_explicit_habilitation(world: World) -> None:
    index = world.issued(world.form("PS_AUTH", 0), sender="ph-arnaud")
    assert world.ra.lots.cancel(world.origin("ph-arnaud"), index).cancelled == 1


def test_other_structures_of_a_lot_stay_untouched(world: World) -> None:
    world.grant("dr-leroux", Offre.ORG, CLINIQUE)
    index = world.issued(world.form(key=0), world.form(key=1, structure=CLINIQUE))
    assert world.ra.lots.cancel(world.origin("ide-marchand"), index).cancelled == 1
    assert world.etats(index) == [EtatDemande.TRANSMISE, EtatDemande.ANNULEE]


def test_the_number_of_statements_does_not_grow_with_the_lot(world: World) -> None:
    small, large = (
        world.with_policy(at_once=20).issued(*world.forms(count, first_key), reference=f"lot-{count}")
        for count, first_key in ((3, 0), (9, 3))
    )
    cancel = partial(world.ra.lots.cancel, world.origin())
    assert_same_cost(world.db, partial(cancel, small), partial(cancel, large))
    assert world.etats(small) + world.etats(large) == [EtatDemande.ANNULEE] * 12
