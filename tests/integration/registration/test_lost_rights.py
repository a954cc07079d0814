"""A right that was lost meanwhile is told from one that never was, to persons alone (guide §13, decision 17)."""

from __future__ import annotations

import msgspec
import pytest

from registration.errors import Code, IgcError
from registration.values import DemandeForm
from registration.vocabulary import Canal, Offre, Plateforme
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.produits import lot
from tests.support.world import World

LOST, MISSING = Code.HABILITATION_LOST, Code.HABILITATION_MISSING


def refusal(
    world: World, form: DemandeForm, *offered: str, canal: Canal = Canal.IHM, sender: str = "dr-leroux"
) -> tuple[Code, str | None]:
    """Code and champ by which one demande is refused; ``offered`` are the structures of the form it was made with."""
    origin = msgspec.structs.replace(world.origin(sender, canal), offered=frozenset(offered))
    with pytest.raises(IgcError) as found:
        world.ra.demandes.submit(origin, form)
    return found.value.code, found.value.champ


def test_a_right_that_was_there_when_the_form_was_opened(world: World) -> None:
    world.withdraw_rights("dr-leroux")
    assert refusal(world, world.form(), HOPITAL) == (LOST, "structure")
    assert refusal(world, world.form(), CLINIQUE) == (MISSING, "structure")
    assert refusal(world, world.form()) == (MISSING, "structure")


@pytest.mark.parametrize(
    ("held", "asked", "code"),
    [
        (Offre.PRO, "ORG_SIGN", LOST),
        (Offre.ORG, "SERV_SSL_SERV", LOST),
        (Offre.PRO, "SERV_SSL_SERV", LOST),
        (Offre.SERV, "PRO_AUTH", LOST),
    ],
)
def test_another_right_on_the_structure_calls_for_another_product(
    world: World, held: Offre, asked: str, code: Code
) -> None:
    world.withdraw_rights("dr-leroux")
    world.grant("dr-leroux", held, HOPITAL, "*acacias.example" if held is not Offre.ORG else None)
    assert refusal(world, world.form(asked)) == (code, "structure")
    assert refusal(world, world.form(asked, structure=CLINIQUE)) == (MISSING, "structure")


def test_a_structure_that_nobody_knows_is_told_as_such(world: World) -> None:
    unknown = world.form(structure="10B0000000")
    for canal in (Canal.IHM, Canal.WS):
        assert refusal(world, unknown, canal=canal) == (Code.STRUCTURE_UNKNOWN, "structure")


def test_who_may_is_not_asked_what_his_form_offered(world: World) -> None:
    assert world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form()) > 0


def test_nobody_is_a_ps_for_a_while(world: World) -> None:
    form = world.form("PS_AUTH", upn=None)
    assert refusal(world, form, HOPITAL, sender="administrateur") == (MISSING, "offre")


def test_a_message_never_meets_it(world: World) -> None:
    world.withdraw_rights("dr-leroux")
    world.grant("dr-leroux", Offre.PRO, HOPITAL, "*@acacias.example")
    assert refusal(world, world.form(), HOPITAL, canal=Canal.WS) == (MISSING, "structure")
    (verdict,) = world.ra.lots.verify(world.origin(), lot("v", world.form()))
    assert [one.code for one in verdict.refusals] == [MISSING.value]
    assert world.codes(world.deposit(world.form()).index) == [MISSING.value]


def test_what_a_menu_asks_is_what_a_form_offers(world: World, production: World) -> None:
    def asked(name: str = "dr-leroux", offre: Offre = Offre.ORG) -> bool:
        acteurs, acteur = world.ra.acteurs, world.acteurs[name]
        offered = any(found == offre for found, _, _ in acteurs.allowed_structures(acteur))
        assert (offre in acteurs.offres(acteur)) is offered
        return offered

    assert asked()
    assert not asked("ph-arnaud")
    world.withdraw_rights("dr-leroux")
    production.grant("dr-leroux", Offre.ORG, HOPITAL)
    assert production.plateforme is Plateforme.PRODUCTION
    assert not asked()
    world.grant("dr-leroux", Offre.PRO, HOPITAL, "*@acacias.example")
    assert (asked(), asked(offre=Offre.PRO)) == (False, True)
    world.grant("dr-leroux", Offre.SERV, "10B0000000", "*absente.example")  # no such structure in the directory
    assert not asked()
    world.grant("dr-leroux", Offre.SERV, HOPITAL, "*acacias.example")
    assert asked()
