"""A big lot delays neither a single demande nor another lot: by the order of the signatures, not by the clock."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import select

from batch.context import BatchPolicy
from batch.queue.jobs import install
from registration.life.outbox import Nature
from registration.policy import LotPolicy
from storage import tables
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the

_CHUNK = 10
_WINDOW = 3
_POLICY = BatchPolicy(window=_WINDOW, lots=LotPolicy(page_size=50, chunk_size=_CHUNK))


def _chunks_signed(world: BatchWorld) -> list[tuple[int | None, int]]:
    """(lot, number of certificates) of each transaction that stored certificates, in their order."""
    demande, certificat = tables.Demande, tables.Certificat
    rows = world.rows(
        select(demande.id_lot, certificat.emis_le)
        .join(demande, demande.id == certificat.id_demande)
        .where(certificat.emis_le.is_not(None))
    )
    found = Counter((the(moment), lot) for lot, moment in rows)
    return [(lot, count) for (_, lot), count in sorted(found.items(), key=lambda item: item[0][0])]


@pytest.mark.long
def test_a_single_demande_passes_a_big_lot(world: BatchWorld) -> None:
    world.policy = _POLICY
    index = world.deposit_fresh(200)
    while world.signed() < 50:
        world.run_round()
    # The window is full of chunks of the lot when the demande comes.
    world.relay().run_once()
    signed_before = len(_chunks_signed(world))
    numero = world.place()
    while world.signed() < 201:
        world.run_round()
    order = _chunks_signed(world)
    place = order.index((None, 1))
    assert place - signed_before <= _WINDOW
    assert len(order) - place > 5
    assert world.certificat(numero).emis_le is not None
    world.assert_complete(index, good=200)


@pytest.mark.long
def test_two_big_lots_progress_together(world: BatchWorld) -> None:
    world.policy = _POLICY
    first = world.deposit_fresh(150, reference="first")
    while world.signed() < 30:
        world.run_round()
    signed_before = len(_chunks_signed(world))
    second = world.deposit_fresh(150, reference="second")
    while world.outbox():
        world.run_round()
    lots = [lot for lot, _ in _chunks_signed(world)]
    begun = lots.index(second)
    # One window for its page, one for its first chunks.
    assert begun - signed_before <= 2 * _WINDOW
    # While the second catches up and from then on, both get their share.
    together = lots[begun : begun + 18]
    assert min(together.count(first), together.count(second)) >= 6
    world.assert_complete(first, good=150)
    world.assert_complete(second, good=150)


@pytest.mark.long
def test_single_demandes_that_keep_coming_do_not_stop_a_lot(world: BatchWorld) -> None:
    world.policy = _POLICY
    for _ in range(10):
        world.place()
    index = world.deposit_fresh(75)
    for _ in range(30):
        world.place()
        world.run_round()
        if not world.values(select(tables.Outbox).where(tables.Outbox.id_lot == index)):
            break
    else:
        pytest.fail("the lot waits as long as demandes come")
    while world.outbox():
        world.run_round()
    world.assert_complete(index, good=75)


@pytest.mark.long
def test_registration_stays_one_page_ahead_of_the_signatures(world: BatchWorld) -> None:
    world.policy = _POLICY
    index = world.deposit_fresh(250)
    install(world.context)
    while world.outbox():
        registered, signed = len(world.numeros(index)), world.signed()
        assert registered <= signed // 50 * 50 + 3 * 50
        assert sum(row.nature == Nature.REGISTER_PAGE.value for row in world.outbox()) <= 1
        world.run_round()
    world.assert_complete(index, good=250)
