"""The list of lots: what it shows is what the follow-up of one lot shows, to everybody, newest first."""

from __future__ import annotations

from typing import Any

import pytest

from registration.errors import NotFoundError
from registration.lots import listing
from registration.values import RevocationForm, RevocationLotForm
from registration.views import LotLine
from registration.vocabulary import EtatDemande, EtatLot, NatureLot
from tests.support.acteurs import AGENT, CLINIQUE, withdraw_rights
from tests.support.produits import conditions
from tests.support.world import World


def lots(world: World, name: str, **options: Any) -> tuple[LotLine, ...]:
    return world.ra.lots.list_lots(world.acteurs[name], **options).lots


def several(world: World) -> list[int]:
    """Lots of two applications and a person, of both natures, on two structures, one of nothing but refusals."""
    made = [
        world.deposit(*world.forms(3), reference="a", sender="dpi-acacias").index,
        world.deposit(*world.forms(7, 10), reference="b").index,
        world.deposit(world.form(key=20, structure=CLINIQUE), reference="c", sender="dpi-acacias").index,
        world.deposit(world.form("PRO_AUTH", 21, beneficiaire=AGENT), reference="d").index,
    ]
    world.run_batch()
    numero = world.numeros(made[1])[0]
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    form = RevocationForm(numero=numero, motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    made.append(
        world.ra.revocations.submit(
            world.origin("dpi-acacias"), RevocationLotForm(reference="r", revocations=(form,))
        ).index
    )
    return made


def test_the_list_shows_what_can_be_followed_and_nothing_else(world: World) -> None:
    made = several(world)
    shown = {}
    for name, acteur in world.acteurs.items():
        visible = []
        for index in made:
            try:
                visible.append((index, world.ra.lots.follow(acteur, index=index)))
            except NotFoundError:
                continue
        listed = lots(world, name)
        assert [line.index for line in listed] == [index for index, _ in reversed(visible)], name
        assert [line.suivi for line in listed] == [one for _, one in reversed(visible)], name
        shown[name] = len(listed)
    assert set(shown.values()) != {len(made)}, "somebody does not see all of them"


def test_it_goes_by_pages_and_by_nature(world: World) -> None:
    made = several(world)
    acteur = world.acteurs["dr-leroux"]
    first = world.ra.lots.list_lots(acteur, limit=2)
    assert first.next_after == first.lots[-1].index
    second = world.ra.lots.list_lots(acteur, after=first.next_after, limit=50)
    assert second.next_after is None
    found = [line.index for line in (*first.lots, *second.lots)]
    assert found == sorted(set(found), reverse=True)
    assert made[1] in found
    natures = {line.nature for line in lots(world, "dr-leroux", nature=NatureLot.REVOCATIONS)}
    assert natures <= {NatureLot.REVOCATIONS}
    assert {line.nature for line in lots(world, "dpi-acacias", nature=NatureLot.REVOCATIONS)} == {NatureLot.REVOCATIONS}


def test_a_lot_not_registered_yet_is_its_senders_alone(world: World) -> None:
    index = world.deposit(*world.forms(12), reference="big", sender="dpi-acacias").index
    (line,) = lots(world, "dpi-acacias")
    assert (line.index, line.mine) == (index, True)
    assert line.suivi is not None
    assert (line.suivi.etat, line.suivi.counts[EtatDemande.ENREGISTREE]) == (EtatLot.EN_COURS, 12)
    assert lots(world, "dr-leroux") == ()
    world.register_pages()
    (line,) = lots(world, "dr-leroux")
    assert (line.index, line.mine, line.deposant) == (index, False, world.acteurs["dpi-acacias"].libelle)


def test_rights_that_go_take_the_lots_of_others_with_them(world: World) -> None:
    index = world.deposit(*world.forms(2), reference="theirs", sender="dpi-acacias").index
    own = world.deposit(*world.forms(2, 5), reference="own").index
    assert [line.index for line in lots(world, "dr-leroux")] == [own, index]
    withdraw_rights(world.db, world.acteurs["dr-leroux"])
    assert [line.index for line in lots(world, "dr-leroux")] == [own]


def test_large_lots_of_others_are_not_counted_in_passing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.issued(*world.forms(4), reference="theirs", sender="dpi-acacias")
    own = world.issued(*world.forms(4, 10), reference="own")
    monkeypatch.setattr(listing, "COUNTED", 3)
    assert {line.index: line.suivi is not None for line in lots(world, "dr-leroux")} == {
        line.index: line.index == own for line in lots(world, "dr-leroux")
    }


def test_of_the_other_plateforme_nothing_is_listed(world: World, production: World) -> None:
    world.deposit(*world.forms(1))
    assert lots(production, "dr-leroux") == ()
