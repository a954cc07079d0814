"""What screens may offer is what the use cases then do: for every state, act and acteur."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registration.errors import IgcError
from registration.revocation_views import RevocationCriteria
from registration.values import DemandeForm
from registration.views import PersonneCriteria, SearchCriteria
from registration.vocabulary import Action, Canal, EtatProduit, Motif, ResultatRevocation, Role
from tests.support.acteurs import AGENT, MEDECIN, PHARMACIENNE
from tests.support.csrs import csr
from tests.support.databases import statements
from tests.support.produits import conditions
from tests.support.revoking import revocation_form
from tests.support.world import World

ACTEURS = ("dr-leroux", "administrateur", "dpi-acacias", "ide-marchand")
ACTS = (Action.ANNULER, Action.RETIRER, Action.RENOUVELER, Action.REVOQUER)
_keys, _lots = itertools.count(), itertools.count()


def unsigned(world: World, product: str, count: int) -> list[int]:
    bearer = {"beneficiaire": AGENT} if product.startswith("PRO") else {}
    forms = [world.form(product, next(_keys), upn=None, **bearer) for _ in range(count)]
    index = world.deposit(*forms, reference=f"possible-{next(_lots)}").index
    world.register_pages()
    return world.numeros(index)


def signed(world: World, product: str, count: int) -> list[int]:
    numeros = unsigned(world, product, count)
    world.run_batch()
    return numeros


def withdrawn(world: World, product: str, count: int) -> list[int]:
    numeros = signed(world, product, count)
    for numero in numeros:
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    return numeros


def cancelled(world: World, product: str, count: int) -> list[int]:
    numeros = signed(world, product, count)
    for numero in numeros:
        world.cancel(numero)
    return numeros


def gone(world: World, product: str, count: int) -> list[int]:
    numeros = withdrawn(world, product, count)
    for numero in numeros:
        world.ra.revocations.revoke(world.origin(), revocation_form(numero))
    return numeros


def waiting(world: World, product: str, count: int) -> list[int]:
    numeros = withdrawn(world, product, count)
    day = (world.clock() + timedelta(days=30)).date().isoformat()
    for numero in numeros:
        world.ra.revocations.revoke(world.origin(), revocation_form(numero, date_effet=day))
    return numeros


def overdue(world: World, product: str, count: int) -> list[int]:
    numeros = signed(world, product, count)
    world.clock.advance(days=11)
    return numeros


def ending(days: int) -> Callable[[World, str, int], list[int]]:
    def make(world: World, product: str, count: int) -> list[int]:
        numeros = withdrawn(world, product, count)
        end = world.ra.produits.read(world.acteurs["dr-leroux"], numeros[0]).produit.not_after
        world.clock.advance(seconds=(end + timedelta(days=days) - world.clock()).total_seconds())
        return numeros

    return make


STATES: dict[str, Callable[[World, str, int], list[int]]] = {
    "unsigned": unsigned,
    "signed": signed,
    "overdue": overdue,
    "withdrawn": withdrawn,
    "ending": ending(-20),
    "expired": ending(5),
    "long expired": ending(11),
    "cancelled": cancelled,
    "revoked": gone,
    "waiting": waiting,
}


def one(make: Callable[[World, str, int], list[int]], world: World, product: str) -> int:
    (numero,) = make(world, product, 1)
    return numero


def attempt(world: World, who: str, act: Action, numero: int) -> bool:
    """Whether the act is done."""
    origin = world.origin(who, Canal.IHM)
    try:
        match act:
            case Action.ANNULER:
                return world.ra.demandes.cancel(origin, numero).cancelled == 1
            case Action.RETIRER:
                world.ra.retraits.withdraw(origin, numero, conditions())
                return True
            case Action.RENOUVELER:
                form = DemandeForm(csr=csr(next(_keys)), renouvelle=str(numero), email_acteur="a@acacias.example")
                return world.ra.demandes.submit(origin, form) > numero
            case _:
                found = world.ra.revocations.revoke(origin, revocation_form(numero))
                return found.resultat is ResultatRevocation.REVOQUE
    except IgcError:
        return False


@pytest.mark.parametrize("state", STATES)
def test_what_is_offered_is_done_and_what_is_not_is_refused(world: World, state: str) -> None:
    tries = list(itertools.product(ACTEURS, ACTS))
    numeros = STATES[state](world, "ORG_AUTH_CLI", len(tries))
    for numero, (who, act) in zip(numeros, tries, strict=True):
        can = world.ra.demandes.possible(world.acteurs[who], [numero]).get(numero)
        offered = can is not None and act in can.acts
        if act is Action.RETIRER and state in {"withdrawn", "ending", "waiting"}:
            assert not offered, "again is no next act"
        else:
            assert attempt(world, who, act, numero) == offered, (who, act)


def test_the_roles_are_those_in_which_he_may_revoke(world: World) -> None:
    numero = one(withdrawn, world, "PRO_AUTH")
    own = one(withdrawn, world, "PS_AUTH")

    def roles(who: str, which: int) -> tuple[Role, ...]:
        can = world.ra.demandes.possible(world.acteurs[who], [which]).get(which)
        return () if can is None else can.roles

    both = (Role.PORTEUR_CL, Role.ADMINISTRATEUR_TECHNIQUE)
    assert roles("administrateur", numero) == both, "Hugo bears it and administers"
    assert roles("dr-leroux", numero) == (Role.ADMINISTRATEUR_TECHNIQUE,)
    assert roles("dr-leroux", own) == (Role.PORTEUR_CL,)
    world.withdraw_rights("administrateur")
    assert roles("administrateur", numero) == (Role.PORTEUR_CL,)
    assert roles("ide-marchand", numero) == roles("administrateur", own) == ()


def test_a_page_costs_one_question_and_tells_what_waits(world: World) -> None:
    first, other = one(withdrawn, world, "ORG_SIGN"), one(waiting, world, "ORG_CONF")
    acteur = world.acteurs["dr-leroux"]
    with statements(world.db.engine) as sent:
        found = world.ra.demandes.possible(acteur, [first, other, 987_654])
    assert len(sent) == 1
    assert set(found) == {first, other}
    assert (found[first].revocation, found[first].revocation_le) == (None, None)
    (row,) = world.ra.revocations.search(acteur, RevocationCriteria(numero_produit=other)).revocations
    assert (found[other].revocation, found[other].revocation_le) == (row.numero, row.effet_le)
    assert Action.RENOUVELER not in found[other].acts
    assert world.ra.demandes.possible(acteur, []) == {}


def test_an_open_renewal_takes_the_place_of_the_next_one(world: World) -> None:
    numero = one(STATES["ending"], world, "ORG_AUTH_CLI")
    acteur = world.acteurs["dr-leroux"]
    assert Action.RENOUVELER in world.ra.demandes.possible(acteur, [numero])[numero].acts
    assert attempt(world, "dr-leroux", Action.RENOUVELER, numero)
    assert Action.RENOUVELER not in world.ra.demandes.possible(acteur, [numero])[numero].acts


@pytest.mark.parametrize("etat", EtatProduit)
def test_demandes_are_found_by_the_etat_of_their_produit(world: World, etat: EtatProduit) -> None:
    made = {EtatProduit.EXPIRE: one(STATES["expired"], world, "ORG_SIGN")}
    made |= {
        EtatProduit.A_RETIRER: one(signed, world, "ORG_SIGN"),
        EtatProduit.ACTIF: one(withdrawn, world, "ORG_SIGN"),
        EtatProduit.REVOQUE: one(gone, world, "ORG_SIGN"),
    }
    one(unsigned, world, "ORG_SIGN")
    acteur, criteria = world.acteurs["dr-leroux"], SearchCriteria(all_offres=True, etat_produit=etat)
    page = world.ra.demandes.search(acteur, criteria)
    assert [row.numero for row in page.demandes] == [made[etat]]
    assert page.demandes[0].etat_produit is etat
    assert world.ra.demandes.count(acteur, criteria) == 1


@pytest.fixture
def revocations(world: World) -> tuple[World, int, int]:
    """One that is done, one that waits for its day."""
    one(gone, world, "ORG_SIGN")
    one(waiting, world, "ORG_CONF")
    rows = world.ra.revocations.search(world.acteurs["dr-leroux"], RevocationCriteria()).revocations
    return world, rows[1].numero, rows[0].numero


def test_revocations_are_found_by_motif_and_by_the_day_of_their_effect(revocations: tuple[World, int, int]) -> None:
    world, done, planned = revocations
    acteur, now = world.acteurs["dr-leroux"], world.clock()

    def find(who: str = "dr-leroux", **criteria: Any) -> list[int]:
        asked = RevocationCriteria(**criteria)
        found = [row.numero for row in world.ra.revocations.search(world.acteurs[who], asked).revocations]
        assert world.ra.revocations.count(world.acteurs[who], asked) == len(found)
        return found

    soon = now + timedelta(days=20)
    assert find() == [planned, done]
    assert find(motif=Motif.FIN_ACTIVITE) == [planned, done]
    assert find(motif=Motif.VOL) == []
    assert find(effet_since=soon) == [planned]
    assert find(effet_until=soon) == [done]
    assert find(effet_since=soon, effet_until=soon + timedelta(days=20)) == [planned]
    assert find(who="ide-marchand") == []
    assert find(who="dpi-acacias") == [planned, done]
    with pytest.raises(IgcError):
        world.ra.revocations.count(acteur, RevocationCriteria(effet_since=soon.replace(tzinfo=None)))


def test_the_details_name_what_stands_beside_the_subject(world: World) -> None:
    numero = world.place(world.form("PRO_AUTH", next(_keys), beneficiaire=AGENT, email_informe="i@acacias.example"))
    world.run_batch()
    acteur = world.acteurs["dr-leroux"]
    produit, demande = world.ra.produits.read(acteur, numero), world.ra.demandes.read(acteur, numero)
    assert [(name.nature.value, name.valeur) for name in produit.alternatives] == [("UPN", "hugo@acacias.example")]
    assert demande.alternatives == produit.alternatives
    assert (produit.email_acteur, produit.email_informe) == ("acteur@acacias.example", "i@acacias.example")
    named = PersonneCriteria(id_national=MEDECIN)
    assert world.ra.demandes.count(acteur, SearchCriteria(all_offres=True, demandeur=named)) == 1
    other = PersonneCriteria(id_national=PHARMACIENNE)
    assert world.ra.demandes.count(acteur, SearchCriteria(all_offres=True, demandeur=other)) == 0
