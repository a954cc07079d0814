"""Everybody at once on the same lots, keys and addresses: only typed refusals, and rows that are in order."""

from __future__ import annotations

import random

import pytest

from registration.errors import IgcError
from registration.vocabulary import EtatDemande
from storage import tables
from tests.support.acteurs import AGENT, MEDECIN
from tests.support.assertions import all_done
from tests.support.concurrency import together
from tests.support.databases import count_rows
from tests.support.produits import conditions
from tests.support.world import World

_ENDS = {EtatDemande.CLOSE, EtatDemande.REJETEE, EtatDemande.ANNULEE, EtatDemande.TRANSMISE}


def a_sender(world: World, rank: int, done: list[str]) -> None:
    """Deposits, follows, withdraws and cancels in an order of his own, always the same one."""
    dice = random.Random(rank)
    sender = ("dr-leroux", "dpi-acacias", "administrateur")[rank % 3]
    mine: list[int] = []
    for turn in range(6):
        try:
            size = dice.choice((2, 7))
            forms = [
                world.form(
                    "PRO_SIGN",
                    dice.randrange(12),
                    beneficiaire=dice.choice((AGENT, MEDECIN)),
                    adresse_email=f"{dice.choice('abc')}@acacias.example",
                )
                for _ in range(size)
            ]
            mine.append(world.deposit(*forms, reference=f"{rank}-{turn}", sender=sender).index)
            index = dice.choice(mine)
            act = dice.randrange(4)
            if act == 0:
                world.ra.lots.cancel(world.origin(sender), index)
            elif act == 1:
                world.ra.retraits.withdraw_page(world.origin(sender), index, conditions())
            elif act == 2:
                # Of another's lot, he may cancel what is in his perimeter.
                world.ra.lots.cancel(world.origin("dr-leroux"), index)
            follow_up = world.ra.lots.follow(world.acteurs[sender], index=index)
            assert sum(follow_up.counts.values()) == follow_up.nombre
            done.append("turn")
        except IgcError as refusal:
            done.append(refusal.code.value)


@pytest.mark.long
def test_senders_and_workers_on_the_same_rows(world: World) -> None:
    done: list[str] = []
    acts = [lambda rank=rank: a_sender(world, rank, done) for rank in range(3)]

    def work() -> None:
        for _ in range(6):
            world.run_batch()

    all_done(together([*acts, work, work]))
    assert done.count("turn") >= 15, done
    world.clock.advance(minutes=10)  # the leases of whoever was interrupted are over
    world.run_batch()
    rows = count_rows(world.db)
    assert (rows["outbox"], rows["lot_page"]) == (0, 0)
    with world.db.read() as session:
        etats = {EtatDemande(etat) for (etat,) in session.query(tables.Demande.etat)}
        issued = session.query(tables.Certificat).filter(tables.Certificat.emis_le.is_not(None)).count()
    assert etats <= _ENDS
    # Twelve keys, each in one demande at most.
    assert 0 < issued <= rows["cle_publique"] <= 12
