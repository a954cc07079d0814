"""Deposit of lots: durable, repeatable, refused whole or stored whole."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest
from sqlalchemy import event

from registration.errors import AccessError, Code, ConflictError, IgcError
from registration.vocabulary import Canal, EtatDemande, EtatLot, Offre
from storage import tables
from tests.support.acteurs import HOPITAL
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import together
from tests.support.databases import count_rows, statements
from tests.support.other_process import deposit_from_processes
from tests.support.produits import PRODUITS
from tests.support.world import World


def test_all_thirteen_products_are_accepted_and_signed(world: World) -> None:
    forms = [world.form(product, key) for key, product in enumerate(PRODUITS)]
    index = world.issued(*forms)
    assert world.codes(index) == [None] * 13
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 13
    with world.db.read() as session:
        products = {row.produit for row in session.query(tables.Certificat)}
    assert products == set(PRODUITS)


def test_a_small_lot_is_registered_in_the_deposit(world: World) -> None:
    before = count_rows(world.db)
    receipt = world.deposit(*world.forms(4))
    assert (receipt.nombre, receipt.reference, receipt.already_known) == (4, "lot-1", False)
    assert receipt.depose_le == world.clock.now
    after = count_rows(world.db)
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # Two chunks of at most three; a line of history for recording and one for validation.
    assert changed == {
        "avis": 1,
        "lot": 1,
        "lot_compte": 1,
        "lot_structure": 1,
        "demande": 4,
        "cle_publique": 4,
        "historique": 8,
        "outbox": 2,
    }
    assert [row.position for row in world.demandes(receipt.index)] == [1, 2, 3, 4]
    assert {row.canal for row in world.demandes(receipt.index)} == {Canal.WS.value}


def test_one_item_more_and_the_lot_is_kept_as_pages(world: World) -> None:
    before = count_rows(world.db)
    receipt = world.deposit(*world.forms(12))
    after = count_rows(world.db)
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # Pages of five; only the first is owed.
    assert changed == {"avis": 1, "lot": 1, "lot_page": 3, "outbox": 1}
    world.run_batch()
    assert world.etats(receipt.index) == [EtatDemande.TRANSMISE] * 12
    assert [row.position for row in world.demandes(receipt.index)] == list(range(1, 13))
    assert [row.reference for row in world.demandes(receipt.index)] == [f"item-{rank}" for rank in range(1, 13)]
    assert count_rows(world.db)["lot_page"] == 0
    assert count_rows(world.db)["outbox"] == 0


@pytest.mark.parametrize("count", [4, 5])
def test_both_sides_of_the_boundary_give_the_same_demandes(world: World, count: int) -> None:
    bad = world.form(key=1, structure="10B0990045")
    forms = [world.form(key=0), bad, *world.forms(count - 2, first_key=2)]
    index = world.issued(*forms)
    assert world.codes(index) == [None, Code.STRUCTURE_UNKNOWN.value] + [None] * (count - 2)
    assert world.etats(index)[1] is EtatDemande.REJETEE
    assert world.etats(index).count(EtatDemande.TRANSMISE) == count - 1


@pytest.mark.parametrize("count", [0, 41])
def test_a_lot_of_a_wrong_size_is_refused_whole(world: World, count: int) -> None:
    before = count_rows(world.db)
    form = world.form()
    with pytest.raises(IgcError) as caught:
        world.deposit(*[form] * count)
    assert caught.value.code is Code.TOO_MANY_ITEMS
    assert "40" in caught.value.text
    assert count_rows(world.db) == before


def test_the_largest_lot_is_taken(world: World) -> None:
    form = world.form()
    index = world.deposit(*[form] * 40).index
    world.register_pages()
    assert world.etats(index).count(EtatDemande.REJETEE) == 39


@pytest.mark.parametrize("count", [2, 12])
def test_the_same_content_gives_the_same_index(world: World, count: int) -> None:
    forms = world.forms(count)
    first = world.deposit(*forms)
    before = count_rows(world.db)
    world.clock.advance(hours=1)
    again = world.deposit(*forms)
    assert again.already_known
    assert (again.index, again.nombre, again.depose_le) == (first.index, count, first.depose_le)
    assert count_rows(world.db) == before
    world.run_batch()
    assert world.deposit(*forms).index == first.index


@pytest.mark.parametrize("count", [2, 12])
def test_other_content_under_the_same_reference_is_a_conflict(world: World, count: int) -> None:
    forms = world.forms(count)
    index = world.deposit(*forms).index
    before = count_rows(world.db)
    others = (
        forms[:-1],
        (*forms[1:], forms[0]),
        (*forms[:-1], msgspec.structs.replace(forms[-1], service_applicatif="Autre")),
    )
    for changed in others:
        with pytest.raises(ConflictError) as caught:
            world.deposit(*changed)
        assert (caught.value.code, caught.value.champ) == (Code.LOT_CONFLICT, "reference")
        assert str(index) in caught.value.text
    assert count_rows(world.db) == before


def test_references_are_those_of_one_sender(world: World) -> None:
    mine = world.deposit(world.form(key=0), sender="dr-leroux")
    theirs = world.deposit(world.form(key=1), sender="dpi-acacias")
    assert not theirs.already_known
    assert mine.index != theirs.index


@pytest.mark.parametrize("count", [3, 12])
def test_threads_that_send_the_same_lot_get_one_index(world: World, count: int) -> None:
    forms = world.forms(count)
    receipts = all_done(together([lambda: world.deposit(*forms)] * 6))
    assert len({receipt.index for receipt in receipts}) == 1
    assert [receipt.already_known for receipt in receipts].count(False) == 1
    assert count_rows(world.db)["lot"] == 1
    world.run_batch()
    assert world.codes(receipts[0].index) == [None] * count


def test_threads_that_send_other_content_under_one_reference_get_one_index_and_conflicts(world: World) -> None:
    results = together([partial(world.deposit, world.form(key=key)) for key in range(5)])
    refused = [result for result in results if isinstance(result, Exception)]
    assert len(refused) == 4
    assert {type(error) for error in refused} == {ConflictError}
    assert count_rows(world.db)["lot"] == 1
    assert count_rows(world.db)["demande"] == 1
    assert count_rows(world.db)["cle_publique"] == 1


@pytest.mark.long
def test_processes_that_send_the_same_reference_get_one_lot(world: World, database_url: str) -> None:
    origin = world.origin()
    same, other = world.forms(6), world.forms(6, first_key=6)
    deposits = [(origin, "lot-1", forms) for forms in (same, other, same, other, same, other)]
    answers = deposit_from_processes(database_url, deposits, world.clock.now, world.policy.lots)
    receipts = [answer for answer in answers if not isinstance(answer, str)]
    assert len({index for index, _ in receipts}) == 1
    assert [known for _, known in receipts].count(False) == 1
    # Whichever content came first, its three deposits agree and the three others are refused.
    assert answers.count(Code.LOT_CONFLICT.value) == 3
    assert count_rows(world.db)["lot"] == 1
    assert count_rows(world.db)["lot_page"] == 2


@pytest.mark.parametrize("count", [1, 12])
def test_a_sender_without_any_right_is_refused_whole_and_nothing_is_stored(world: World, count: int) -> None:
    before = count_rows(world.db)
    forms = world.forms(count)
    with assert_refused(AccessError, Code.NO_RIGHT):
        world.deposit(*forms, sender="inconnu")
    assert count_rows(world.db) == before
    # The reference is not used up either.
    world.grant("inconnu", Offre.ORG, HOPITAL)
    assert not world.deposit(*forms, sender="inconnu").already_known


def test_a_sender_who_may_only_ask_for_himself_has_a_right(world: World) -> None:
    index = world.issued(world.form("PS_AUTH", 0), world.form("ORG_SIGN", 1), sender="ph-arnaud")
    assert world.codes(index) == [None, Code.HABILITATION_MISSING.value]


def test_a_deposit_that_fails_in_the_middle_leaves_nothing(world: World) -> None:
    before = count_rows(world.db)

    def fail(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "INSERT INTO outbox" in statement:
            raise RuntimeError("the power goes")

    event.listen(world.db.engine, "before_cursor_execute", fail)
    for count in (3, 12):
        with pytest.raises(RuntimeError):
            world.deposit(*world.forms(count))
    event.remove(world.db.engine, "before_cursor_execute", fail)
    assert count_rows(world.db) == before
    assert world.ra.lots.follow(world.acteurs["dr-leroux"], index=world.deposit(*world.forms(3)).index).nombre == 3


def test_an_index_is_never_used_again(world: World) -> None:
    """Not even when the rows of the newest lot are gone, as after a restored backup of a part."""
    first = world.deposit(*world.forms(6)).index
    with world.db.write() as session:
        for table in (tables.Outbox, tables.LotPage, tables.Lot):
            session.query(table).delete()
    second = world.deposit(*world.forms(6)).index
    assert second > first
    assert world.ra.lots.follow(world.acteurs["dr-leroux"], index=second).etat is EtatLot.EN_COURS


def test_an_id_of_the_outbox_is_never_used_again(world: World) -> None:
    """A late double of a job may not settle the work of another."""
    seen: set[int] = set()
    for rank in range(3):
        world.deposit(world.form(key=rank), reference=f"lot-{rank}")
        with world.db.read() as session:
            ids = {row.id for row in session.query(tables.Outbox)}
        assert not ids & seen
        seen |= ids
        world.run_batch()


def test_the_number_of_statements_does_not_grow_with_the_lot(world: World) -> None:
    def cost(count: int, first_key: int, at_once: int) -> int:
        sized = world.with_policy(at_once=at_once, page_size=100, chunk_size=100)
        forms = [
            sized.form(product, first_key + rank, reference=f"{count}-{rank}")
            for rank, product in enumerate((*PRODUITS, *PRODUITS, *PRODUITS)[:count])
        ]
        with statements(world.db.engine) as sent:
            sized.deposit(*forms, reference=f"{count}-{first_key}-{at_once}")
            sized.register_pages()
        return len(sent)

    assert cost(13, 0, at_once=40) == cost(26, 13, at_once=40)
    assert cost(13, 0, at_once=1) == cost(26, 13, at_once=1)
