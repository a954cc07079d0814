"""Pages of large lots become demandes: in order, once, whatever runs twice."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registration.demandes import candidates
from registration.errors import Code
from registration.life.outbox import Nature
from registration.lots.cancelling import cancel_lot
from registration.lots.pages import give_up_page, register_page
from registration.rules import validation
from registration.rules.validation import Judged
from registration.rules.view import DirectoryView
from registration.values import DemandeForm
from registration.vocabulary import EtatDemande, EtatLot
from storage import tables
from tests.support.concurrency import overtake, together
from tests.support.databases import count_rows
from tests.support.produits import lot
from tests.support.world import World, summary


def owed_pages(world: World) -> list[tuple[int, int]]:
    """(outbox id, page) of every page that is owed."""
    outbox = tables.Outbox
    with world.db.read() as session:
        rows = session.scalars(select(outbox).where(outbox.nature == Nature.REGISTER_PAGE.value).order_by(outbox.id))
        return [(row.id, row.payload["page"]) for row in rows]


def run(world: World, index: int, page: int, outbox_id: int) -> int:
    return register_page(world.db, index, page, world.clock(), world.policy.lots, outbox_id=outbox_id)


def test_pages_follow_each_other_and_only_the_next_is_owed(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    seen = []
    while owed := owed_pages(world):
        assert len(owed) == 1
        outbox_id, page = owed[0]
        assert run(world, index, page, outbox_id) == (2 if page == 2 else 5)
        seen.append(page)
        assert [row.position for row in world.demandes(index)] == list(range(1, min(5 * len(seen), 12) + 1))
    assert seen == [0, 1, 2]
    numeros = world.numeros(index)
    assert numeros == sorted(numeros)


def test_a_page_run_again_changes_nothing(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    ((outbox_id, page),) = owed_pages(world)
    assert run(world, index, page, outbox_id) == 5
    before = count_rows(world.db)
    for _ in range(2):
        assert run(world, index, page, outbox_id) == 0
    assert count_rows(world.db) == before
    world.run_batch()
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 12


def test_one_page_run_by_several_workers_at_once_is_registered_once(world: World) -> None:
    index = world.deposit(*world.forms(7)).index
    ((outbox_id, page),) = owed_pages(world)
    done = together([lambda: run(world, index, page, outbox_id)] * 4)
    assert sorted(done, key=str) == [0, 0, 0, 5]
    assert len(owed_pages(world)) == 1
    world.run_batch()
    assert [row.position for row in world.demandes(index)] == list(range(1, 8))
    assert count_rows(world.db)["certificat"] == 7


def test_a_second_run_that_comes_in_the_middle_waits_and_finds_the_page_gone(world: World) -> None:
    index = world.deposit(*world.forms(7)).index
    ((outbox_id, page),) = owed_pages(world)
    first, second = overtake(
        world.db,
        lambda: run(world, index, page, outbox_id),
        "INSERT INTO demande",
        lambda: run(world, index, page, outbox_id),
    )
    assert (first, second) == (5, 0)
    assert len(world.demandes(index)) == 5


def test_rights_are_judged_when_the_page_is_registered(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    ((outbox_id, page),) = owed_pages(world)
    run(world, index, page, outbox_id)
    world.withdraw_rights("dr-leroux")
    world.register_pages()
    assert world.codes(index) == [None] * 5 + [Code.HABILITATION_MISSING.value] * 7


def test_a_cancellation_that_comes_in_the_middle_of_a_page_reaches_its_items(world: World) -> None:
    index = world.deposit(*world.forms(7)).index
    ((outbox_id, page),) = owed_pages(world)
    _, result = overtake(
        world.db,
        lambda: run(world, index, page, outbox_id),
        "FROM lot \nWHERE",
        lambda: cancel_lot(world.db, world.origin(), index, world.clock),
    )
    assert result.cancelled == 7
    world.run_batch()
    assert world.etats(index) == [EtatDemande.ANNULEE] * 7
    assert count_rows(world.db)["certificat"] == 0


def test_a_page_that_is_given_up_says_so_item_by_item_and_the_next_goes_on(world: World) -> None:
    forms = world.forms(12)
    index = world.deposit(*forms).index
    ((outbox_id, page),) = owed_pages(world)
    with world.db.write() as session:
        give_up_page(session, index, page, world.clock(), world.policy.lots)
        session.query(tables.Outbox).filter_by(id=outbox_id).delete()
    world.run_batch()
    assert world.etats(index) == [EtatDemande.NON_TRAITEE] * 5 + [EtatDemande.TRANSMISE] * 7
    assert world.codes(index)[:5] == [Code.NOT_PROCESSED.value] * 5
    assert summary(world.history(world.numeros(index)[0])) == [
        ("WS", "ACT_DCL_001", "ENREGISTREE"),
        ("SYSTEM", "ACT_IGC_005", "NON_TRAITEE"),
    ]
    # They claimed nothing: the same CSRs may come again.
    again = world.issued(*forms[:4], reference="lot-2")
    assert world.codes(again) == [None] * 4
    assert world.ra.lots.follow(world.acteurs["dr-leroux"], index=index).etat is EtatLot.TERMINE


def test_giving_up_a_page_that_is_gone_does_nothing(world: World) -> None:
    index = world.deposit(*world.forms(7)).index
    ((outbox_id, page),) = owed_pages(world)
    run(world, index, page, outbox_id)
    before = count_rows(world.db)
    with world.db.write() as session:
        give_up_page(session, index, page, world.clock(), world.policy.lots)
    assert count_rows(world.db) == before


def test_the_pages_of_two_lots_do_not_mix(world: World) -> None:
    one = world.deposit(*world.forms(7), reference="lot-1").index
    two = world.deposit(*world.forms(7, first_key=7), reference="lot-2", sender="dpi-acacias").index
    world.run_batch()
    for index in (one, two):
        assert world.etats(index) == [EtatDemande.TRANSMISE] * 7
        assert [row.reference for row in world.demandes(index)] == [f"item-{rank}" for rank in range(1, 8)]


def test_one_form_that_cannot_be_examined_sinks_none_of_its_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours that one form brings to light: it may be presented again, the others have their certificates."""
    examine = validation.examine

    def broken(view: DirectoryView, form: DemandeForm, *rest: Any) -> Judged:
        if form.reference == "item-4":
            raise ZeroDivisionError
        return examine(view, form, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(candidates, "examine", broken)
        verdicts = world.ra.lots.verify(world.origin(), lot("v", *world.forms(7)))
        assert [[refusal.code for refusal in verdict.refusals] for verdict in verdicts] == [
            [Code.NOT_PROCESSED.value] if position == 4 else [] for position in range(1, 8)
        ]
        index = world.issued(*world.forms(7))
    assert world.etats(index) == [
        EtatDemande.NON_TRAITEE if position == 4 else EtatDemande.TRANSMISE for position in range(1, 8)
    ]
    # Its key is free.
    again = world.issued(world.forms(7)[3], reference="again")
    assert world.etats(again) == [EtatDemande.TRANSMISE]
