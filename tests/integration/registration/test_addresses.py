"""Protected mail addresses (guide §6.2): one porteur among all certificates in force (ERR_IHM_064)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select

from registration.errors import Code
from registration.values import DemandeForm
from registration.vocabulary import EtatDemande, Offre
from storage import tables
from tests.support.acteurs import AGENT, HOPITAL, MEDECIN
from tests.support.assertions import all_done
from tests.support.concurrency import overtake, together
from tests.support.databases import count_rows, statements
from tests.support.produits import conditions, lot
from tests.support.world import World

TAKEN = Code.EMAIL_TAKEN.value
ADDRESS = "partage@acacias.example"


def of_agent(world: World, key: int, product: str = "PRO_SIGN", **changes: Any) -> DemandeForm:
    return world.form(product, key, **{"adresse_email": ADDRESS, "beneficiaire": AGENT, **changes})


def of_medecin(world: World, key: int, product: str = "PRO_SIGN", **changes: Any) -> DemandeForm:
    return world.form(product, key, **{"adresse_email": ADDRESS, "beneficiaire": MEDECIN, **changes})


def of_service(world: World, key: int, service: str = "Dossier", **changes: Any) -> DemandeForm:
    return world.form("SERV_SMIME", key, **{"adresse_email": ADDRESS, "service_applicatif": service, **changes})


@pytest.mark.parametrize("count", [2, 6])
def test_another_porteur_is_refused_within_a_lot(world: World, count: int) -> None:
    filling = world.forms(count - 2, first_key=2)
    index = world.issued(of_agent(world, 0), *filling, of_medecin(world, 1))
    assert world.codes(index) == [None] * (count - 1) + [TAKEN]
    assert world.demandes(index)[-1].champ_erreur == "adresseEmail"


def test_the_same_porteur_uses_it_for_several_usages(world: World) -> None:
    index = world.issued(of_agent(world, 0, "PRO_SIGN"), of_agent(world, 1, "PRO_CONF"), of_agent(world, 2, "PRO_SIGN"))
    assert world.codes(index) == [None] * 3


def test_it_holds_across_the_offres(world: World) -> None:
    own = {"adresse_email": ADDRESS}
    assert world.codes(world.issued(world.form("PS_SIGN", 0, **own), reference="a")) == [None]
    # The same person on PRO is the same porteur; another person and a service are not.
    assert world.codes(world.issued(of_medecin(world, 1), reference="b")) == [None]
    assert world.codes(world.issued(of_agent(world, 2), of_service(world, 3), reference="c")) == [TAKEN, TAKEN]


def test_a_service_is_a_porteur_by_its_structure_and_its_name(world: World) -> None:
    index = world.issued(
        of_service(world, 0, "Dossier"),
        of_service(world, 1, "DOSSIER"),
        of_service(world, 2, "Autre"),
        world.form("SERV_SIGN", 3, adresse_email=ADDRESS, service_applicatif="Dossier"),
    )
    assert world.codes(index) == [None, None, TAKEN, None]


def test_case_and_idn_make_no_other_address(world: World) -> None:
    world.grant("dr-leroux", Offre.PRO, HOPITAL, "*hôpital.example")
    index = world.issued(
        of_agent(world, 0, adresse_email="Partage@Hôpital.example"),
        of_medecin(world, 1, adresse_email="PARTAGE@xn--hpital-ixa.EXAMPLE"),
    )
    assert world.codes(index) == [None, TAKEN]


def test_the_certificate_carries_the_address_as_it_was_typed(world: World) -> None:
    typed = "Jeanne.D'Arc+Tri@Acacias.EXAMPLE"
    index = world.issued(of_agent(world, 0, adresse_email=typed))
    (row,) = world.demandes(index)
    assert (row.adresse_email, row.adresse_cle) == (
        "Jeanne.D'Arc+Tri@acacias.example", "jeanne.d'arc+tri@acacias.example",
    )  # fmt: skip
    with world.db.read() as session:
        der = session.scalars(select(tables.Certificat.der)).one()
        held = session.scalars(select(tables.AdresseProtegee.adresse)).all()
    names = x509.load_der_x509_certificate(der or b"").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.RFC822Name) == ["Jeanne.D'Arc+Tri@acacias.example"]
    assert held == ["jeanne.d'arc+tri@acacias.example"]


@pytest.mark.parametrize("count", [2, 6])
def test_no_case_of_an_address_is_another_porteur_s(world: World, count: int) -> None:
    filling = world.forms(count - 2, first_key=3)
    mine = of_agent(world, 0, adresse_email="Hugo@acacias.example")
    index = world.issued(mine, *filling, of_medecin(world, 1, adresse_email="hugO@acacias.example"))
    assert world.codes(index) == [None] * (count - 1) + [TAKEN]
    later = of_medecin(world, 2, adresse_email="HUGO@ACACIAS.example")
    assert [one.code for one in world.ra.lots.verify(world.origin(), lot("v", later))[0].refusals] == [TAKEN]
    assert world.codes(world.issued(later, reference="b")) == [TAKEN]
    # The same porteur may write it in another way for another usage.
    again = of_agent(world, 20, "PRO_CONF", adresse_email="hugo@acacias.example")
    assert world.codes(world.issued(again, reference="c")) == [None]


def test_it_is_held_while_the_demande_is_on_its_way(world: World) -> None:
    world.deposit(of_agent(world, 0), reference="a")
    assert world.codes(world.deposit(of_medecin(world, 1), reference="b").index) == [TAKEN]
    world.run_batch()
    assert world.codes(world.deposit(of_medecin(world, 2), reference="c").index) == [TAKEN]


def test_it_is_free_after_a_cancellation(world: World) -> None:
    for rank, sign in enumerate((False, True)):
        index = world.deposit(of_agent(world, 10 * rank), reference=f"a{rank}").index
        if sign:
            world.run_batch()
        world.ra.lots.cancel(world.origin(), index)
        other = world.deposit(of_medecin(world, 10 * rank + 1), reference=f"b{rank}").index
        assert world.codes(other) == [None]
        # Now it is the other one's.
        assert world.codes(world.deposit(of_agent(world, 10 * rank + 2), reference=f"c{rank}").index) == [TAKEN]
        world.ra.lots.cancel(world.origin(), other)


def test_it_is_held_by_an_active_certificate_and_free_when_it_has_expired(world: World) -> None:
    index = world.issued(of_agent(world, 0), reference="a")
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    world.clock.advance(days=3 * 365 - 1)
    assert world.codes(world.deposit(of_medecin(world, 1), reference="b").index) == [TAKEN]
    world.clock.advance(days=2)
    assert world.codes(world.deposit(of_medecin(world, 2), reference="c").index) == [None]


def test_a_porteur_may_come_back_to_a_free_address(world: World) -> None:
    index = world.issued(of_agent(world, 0), reference="a")
    world.ra.lots.cancel(world.origin(), index)
    assert world.codes(world.issued(of_agent(world, 1), of_medecin(world, 2), reference="b")) == [None, TAKEN]


def test_a_refused_item_holds_no_address(world: World) -> None:
    key_used = world.issued(world.form(key=0), reference="a")
    assert world.codes(key_used) == [None]
    # The agent's item loses by its key: the address stays free for the next item, and after the lot.
    index = world.issued(of_agent(world, 0), of_medecin(world, 1), reference="b")
    assert world.codes(index) == [Code.CSR_REFUSED.value, None]
    assert world.codes(world.issued(of_agent(world, 2), reference="c")) == [TAKEN]
    assert world.codes(world.issued(of_agent(world, 0, adresse_email="x@acacias.example"), reference="d")) == [
        Code.CSR_REFUSED.value
    ]
    assert world.codes(world.issued(of_medecin(world, 3, adresse_email="x@acacias.example"), reference="e")) == [None]


def test_an_item_refused_for_its_address_holds_no_key(world: World) -> None:
    index = world.issued(of_agent(world, 0), of_medecin(world, 1), reference="a")
    assert world.codes(index) == [None, TAKEN]
    assert count_rows(world.db)["cle_publique"] == 1
    assert world.codes(world.issued(of_medecin(world, 1, adresse_email="autre@acacias.example"), reference="b")) == [
        None
    ]


def test_a_key_lost_for_an_address_goes_to_the_next_item_that_wants_it(world: World) -> None:
    index = world.issued(of_agent(world, 0), of_medecin(world, 1), world.form(key=1), reference="a")
    assert world.codes(index) == [None, TAKEN, None]
    assert world.etats(index) == [EtatDemande.TRANSMISE, EtatDemande.REJETEE, EtatDemande.TRANSMISE]


def deposited_at_once(world: World, rivals: int) -> list[str | None]:
    """The code of so many demandes for the one address, each of another porteur, deposited at the same moment."""
    forms = [of_agent(world, 0), of_medecin(world, 1), of_service(world, 2, "Un"), of_service(world, 3, "Deux")]
    acts = [partial(world.deposit, form, reference=f"lot-{rank}") for rank, form in enumerate(forms[:rivals])]
    return [world.codes(receipt.index)[0] for receipt in all_done(together(acts))]


@pytest.mark.parametrize("rivals", [2, 4])
def test_of_porteurs_at_the_same_moment_exactly_one_gets_the_address(world: World, rivals: int) -> None:
    assert sorted(deposited_at_once(world, rivals), key=str) == [TAKEN] * (rivals - 1) + [None]


@pytest.mark.parametrize("rivals", [2, 4])
def test_of_porteurs_at_the_same_moment_exactly_one_gets_a_freed_address(world: World, rivals: int) -> None:
    index = world.issued(of_service(world, 20, "Avant"), reference="before")
    world.ra.lots.cancel(world.origin(), index)
    assert sorted(deposited_at_once(world, rivals), key=str) == [TAKEN] * (rivals - 1) + [None]


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_freed_address_is_not_taken_twice(world: World, comes_back: bool) -> None:
    """By two strangers, or by the porteur who had it and a stranger."""
    before = of_agent(world, 20) if comes_back else of_service(world, 20, "Avant")
    world.ra.lots.cancel(world.origin(), world.issued(before, reference="before"))
    first, second = overtake(
        world.db,
        lambda: world.deposit(of_agent(world, 0), reference="one"),
        "FROM adresse_protegee",
        lambda: world.deposit(of_medecin(world, 1), reference="two"),
    )
    assert sorted([world.codes(first.index)[0], world.codes(second.index)[0]], key=str) == [TAKEN, None]


def test_nothing_is_shared_between_the_plateformes(world: World, production: World) -> None:
    assert world.codes(world.issued(of_agent(world, 0))) == [None]
    assert production.codes(production.deposit(of_medecin(production, 1)).index) == [None]


def test_the_number_of_statements_does_not_grow_with_the_addresses_held_by_others(world: World) -> None:
    sized = world.with_policy(at_once=40, chunk_size=40, page_size=40)

    def addresses(count: int, group: str) -> list[str]:
        return [f"{group}{rank}@acacias.example" for rank in range(count)]

    def cost(count: int, first_key: int) -> int:
        group = f"g{count}-"
        held = [of_agent(world, first_key + rank, adresse_email=a) for rank, a in enumerate(addresses(count, group))]
        sized.deposit(*held, reference=f"held-{count}")
        rivals = [
            of_medecin(world, first_key + count + rank, adresse_email=a)
            for rank, a in enumerate(addresses(count, group))
        ]
        with statements(world.db.engine) as sent:
            refused = sized.deposit(*rivals, reference=f"rivals-{count}").index
            sized.ra.lots.verify(world.origin(), lot("v", *rivals))
        assert world.codes(refused) == [TAKEN] * count
        return len(sent)

    assert cost(3, 0) == cost(9, 6)
