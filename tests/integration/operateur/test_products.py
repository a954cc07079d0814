"""``igc produit``: what is closed takes no demande on either canal, and what is under way goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from registration.errors import Code, IgcError
from tests.integration.operateur.conftest import Desk
from tests.support.clock import day_of_paris
from tests.support.produits import conditions, lot
from tests.support.world import World

CLOSE = ("produit", "close", "ORG", "AUTH_CLI", "--reason")


def refusal_on_the_portal(world: World, key: int) -> IgcError:
    with pytest.raises(IgcError) as refused:
        world.place(world.form(key=key))
    return refused.value


def test_a_closed_product_is_refused_on_both_canals_and_what_is_under_way_goes_on(desk: Desk) -> None:
    world = desk.world
    before = world.place(world.form(key=1))
    assert "fermé" in desk.good(*CLOSE, "incident du 3 mars")
    error = refusal_on_the_portal(world, 2)
    assert (error.code, error.champ) == (Code.PRODUCT_CLOSED, "usage")
    forms = (world.form(key=2, reference="ferme"), world.form("ORG_SIGN", 3, reference="ouvert"))
    verdicts = world.ra.lots.verify(world.origin(), lot("essai", *forms))
    assert [[one.code for one in verdict.refusals] for verdict in verdicts] == [["ERR_IHM_019"], []]
    closed, other = world.numeros(world.issued(*forms))
    acteur = world.origin().acteur
    etats = [world.ra.demandes.read(acteur, numero).demande.etat.value for numero in (closed, other)]
    assert etats == ["REJETEE", "TRANSMISE"]
    world.ra.retraits.withdraw(world.origin(), before, conditions())
    assert "déjà fermé" in desk.refused(*CLOSE, "encore")
    desk.good("produit", "open", "ORG", "AUTH_CLI", "--reason", "incident clos")
    assert world.place(world.form(key=2))  # the key is free, for nothing was made of it
    assert "n'est pas fermé" in desk.refused("produit", "open", "ORG", "AUTH_CLI", "--reason", "encore")
    desk.good(*CLOSE, "nouvel incident")
    first, second = json.loads(desk.good("produit", "list", "--format", "json"))
    assert (first["motif"], first["motif_fin"], second["fin"]) == ("incident du 3 mars", "incident clos", None)


def test_a_closing_has_its_day(desk: Desk) -> None:
    world = desk.world
    day = day_of_paris(4)
    desk.good(*CLOSE, "fin du produit", "--from", day)
    assert world.place(world.form(key=1))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=6), tick=True):
        assert refusal_on_the_portal(world, 2).code is Code.PRODUCT_CLOSED
    desk.good("produit", "open", "ORG", "AUTH_CLI", "--reason", "finalement non")


def test_what_is_no_product_cannot_be_closed(desk: Desk) -> None:
    assert "PS n'a pas d'usage SSL_SERV" in desk.refused("produit", "close", "PS", "SSL_SERV", "--reason", "essai")
    assert "motif" in desk.refused(*CLOSE, " ")
