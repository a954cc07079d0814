"""Deposit of lots: durable, repeatable, refused whole or stored whole."""

from __future__ import annotations

import pytest

from registration.errors import AccessError, Code, ConflictError, IgcError
from registration.vocabulary import EtatDemande
from storage import tables
from tests.support.world import World, count_rows, lot


def test_all_thirteen_products_are_accepted_and_signed(world: World) -> None:
    from tests.support.world import PRODUITS

    forms = [world.form(product, key) for key, product in enumerate(PRODUITS)]
    index = world.issued(*forms)
    assert world.codes(index) == [None] * 13
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 13
    assert count_rows(world.db)["certificat"] == 13
