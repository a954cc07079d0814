"""Follow-up of a lot: what it counts at each stage, and who sees what of it."""

from __future__ import annotations

import dataclasses
from functools import partial
from itertools import product
from typing import Any

import pytest

from batch.issuing.demandes import issue_chunk
from pki.errors import SignerError
from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.values import Acteur
from registration.views import LotFollowUp, SearchCriteria
from registration.vocabulary import (
    Canal,
    EtatDemande,
    EtatLot,
    EtatProduit,
    Offre,
    Plateforme,
    Role,
    TypeActeurInscrit,
    Usage,
)
from storage import tables
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN
from tests.support.assertions import assert_refused
from tests.support.databases import assert_same_cost
from tests.support.produits import conditions
from tests.support.signers import broken
from tests.support.world import World


def follow(world: World, index: int, name: str = "dr-leroux") -> LotFollowUp:
    return world.ra.lots.follow(world.acteurs[name], index=index)


def counts(follow_up: LotFollowUp) -> dict[str, int]:
    return {etat.value: count for etat, count in follow_up.counts.items() if count}


def test_at_every_stage_the_counts_sum_up_and_the_version_moves(world: World) -> None:
    forms = [*world.forms(10), world.form(key=30, email_acteur="none"), world.form(key=11)]
    index = world.deposit(*forms).index
    stages: list[LotFollowUp] = [follow(world, index)]

    def stage() -> LotFollowUp:
        stages.append(follow(world, index))
        return stages[-1]

    assert counts(stages[0]) == {"ENREGISTREE": 12}
    assert (stages[0].avancement, stages[0].etat, stages[0].a_retirer) == (0, EtatLot.EN_COURS, 0)
    assert stages[0].modifie_le == stages[0].depose_le == world.clock.now
    world.register_pages()
    assert counts(stage()) == {"VALIDEE": 11, "REJETEE": 1}
    assert stages[-1].avancement == 8
    world.clock.advance(minutes=1)
    world.run_batch(1)
    world.run_batch()
    assert counts(stage()) == {"TRANSMISE": 11, "REJETEE": 1}
    assert (stages[-1].a_retirer, stages[-1].avancement, stages[-1].etat) == (11, 100, EtatLot.TERMINE)
    assert stages[-1].modifie_le == world.clock.now
    numeros = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(), numeros[0], conditions())
    assert counts(stage()) == {"TRANSMISE": 10, "REJETEE": 1, "CLOSE": 1}
    world.ra.demandes.cancel(world.origin(), numeros[1])
    assert counts(stage()) == {"TRANSMISE": 9, "REJETEE": 1, "CLOSE": 1, "ANNULEE": 1}
    assert stages[-1].a_retirer == 9
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert counts(stage()) == {"CLOSE": 10, "REJETEE": 1, "ANNULEE": 1}
    for one in stages:
        assert sum(one.counts.values()) == one.nombre == 12
        assert set(one.counts) == set(EtatDemande)
    assert len({one.version for one in stages}) == len(stages)
    assert follow(world, index).version == stages[-1].version


def test_between_handing_over_and_signature_a_lot_is_under_way(world: World) -> None:
    index = world.deposit(world.form()).index
    with pytest.raises(SignerError):
        issue_chunk(dataclasses.replace(world.context, signers=broken(world.hierarchy.signers)), world.numeros(index))
    one = follow(world, index)
    assert counts(one) == {"TRANSMISE": 1}
    assert (one.etat, one.a_retirer, one.avancement) == (EtatLot.EN_COURS, 0, 0)
    with assert_refused(ConflictError, Code.NOT_READY):
        world.ra.retraits.withdraw(world.origin(), world.numeros(index)[0], conditions())
    # The key is back: the bytes that were stored are signed, under the same serial.
    world.run_batch()
    assert follow(world, index).a_retirer == 1


def test_by_reference_it_is_the_same_lot(world: World) -> None:
    index = world.deposit(*world.forms(3), reference="la mienne").index
    acteur = world.acteurs["dr-leroux"]
    assert world.ra.lots.follow(acteur, reference="la mienne") == world.ra.lots.follow(acteur, index=index)


def test_exactly_one_of_index_and_reference_is_given(world: World) -> None:
    both: dict[str, Any] = {"index": 1, "reference": "x"}
    for given in ({}, both):
        with assert_refused(IgcError, Code.CRITERIA_INVALID):
            world.ra.lots.follow(world.acteurs["dr-leroux"], **given)


def answer(act: Any) -> tuple[object, ...]:
    """All that a caller can tell from an answer."""
    try:
        return ("given", act())
    except IgcError as error:
        return (type(error), error.code, error.champ, error.position, error.text)


def test_the_lot_of_another_answers_exactly_like_one_that_does_not_exist(world: World) -> None:
    small = world.deposit(*world.forms(2), reference="secret").index
    large = world.deposit(*world.forms(12, first_key=2), reference="secret too").index
    world.run_batch(2)
    ra = world.ra

    def acts(name: str, asked: int, reference: str) -> list[Any]:
        acteur, origin = world.acteurs[name], world.origin(name)
        return [
            lambda: ra.lots.follow(acteur, index=asked),
            lambda: ra.lots.follow(acteur, reference=reference),
            lambda: ra.lots.list_demandes(acteur, asked),
            lambda: ra.lots.list_demandes(acteur, asked, after=1),
            lambda: ra.lots.list_demandes(acteur, asked, after=10**6),
            *(lambda etat=etat: ra.lots.list_demandes(acteur, asked, etat=etat) for etat in EtatDemande),
            lambda: ra.demandes.search(acteur, SearchCriteria(index_lot=asked)),
            lambda: ra.demandes.count(acteur, SearchCriteria(index_lot=asked)),
            lambda: ra.lots.cancel(origin, asked),
            lambda: ra.retraits.withdraw_page(origin, asked, conditions()),
        ]

    for name in ("ide-marchand", "inconnu", "ph-arnaud"):
        unknown = [answer(act) for act in acts(name, 10**9, "nobody's")]
        assert [answer(act) for act in acts(name, small, "secret")] == unknown
        assert [answer(act) for act in acts(name, large, "secret too")] == unknown


def test_a_demande_of_another_answers_exactly_like_one_that_does_not_exist(world: World) -> None:
    index = world.issued(world.form())
    acteur = world.acteurs["ide-marchand"]
    known, unknown = (
        answer(lambda asked=asked: world.ra.demandes.read(acteur, asked)) for asked in (world.numeros(index)[0], 10**9)
    )
    assert known == unknown


def test_an_administrator_sees_the_demandes_of_his_structures_of_any_canal(world: World) -> None:
    portal = world.ra.demandes.submit(world.origin("dpi-acacias", Canal.IHM), world.form(key=0))
    index = world.issued(world.form(key=1), world.form("PS_AUTH", 2), world.form("PRO_SIGN", 3))

    acteur = world.acteurs["administrateur"]
    found = world.ra.demandes.search(acteur, SearchCriteria(all_offres=True)).demandes
    assert [(view.numero, view.canal) for view in found] == [
        (world.numeros(index)[2], Canal.WS),
        (world.numeros(index)[0], Canal.WS),
        (portal, Canal.IHM),
    ]
    # Of the lot he sees his two items of three, and counts no others.
    one = follow(world, index, "administrateur")
    assert (one.nombre, sum(one.counts.values())) == (2, 2)
    assert [view.position for view in world.ra.lots.list_demandes(acteur, index).demandes] == [1, 3]


def test_a_lot_that_is_not_registered_yet_is_only_its_senders(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    assert follow(world, index).nombre == 12
    with pytest.raises(NotFoundError):
        follow(world, index, "administrateur")
    world.run_batch(1)
    assert follow(world, index, "administrateur").nombre == 5


def test_a_beneficiaire_sees_his_own_and_nothing_else(world: World) -> None:
    index = world.issued(
        world.form("PRO_AUTH", 0, beneficiaire="899700990029"),
        world.form("PRO_AUTH", 1, beneficiaire=MEDECIN),
        world.form(key=2),
        sender="dpi-acacias",
    )
    acteur = world.acteurs["ph-arnaud"]
    assert [view.position for view in world.ra.lots.list_demandes(acteur, index).demandes] == [1]
    assert follow(world, index, "ph-arnaud").nombre == 1
    assert world.ra.demandes.read(acteur, world.numeros(index)[0]).demande.beneficiaire_libelle == "ARNAUD INES"
    with pytest.raises(NotFoundError):
        world.ra.demandes.read(acteur, world.numeros(index)[1])


def test_an_application_is_nobodys_beneficiaire(world: World) -> None:
    # An application whose number equals that of a person does not see his certificates.
    world.issued(world.form("PRO_AUTH", 0))
    stranger = Acteur(
        id=10**6, plateforme=Plateforme.TEST, type_acteur=TypeActeurInscrit.APPLICATION, id_national=AGENT, libelle="X"
    )
    assert world.ra.demandes.search(stranger, SearchCriteria(all_offres=True)).demandes == ()


def test_serv_lets_see_org_and_org_does_not_let_see_serv(world: World) -> None:
    world.grant("ide-marchand", Offre.ORG, HOPITAL)
    index = world.issued(world.form(key=0), world.form("SERV_SSL_SERV", 1), world.form("PRO_AUTH", 2))
    acteur = world.acteurs["ide-marchand"]
    assert [view.position for view in world.ra.lots.list_demandes(acteur, index).demandes] == [1]
    world.grant("ide-marchand", Offre.SERV, CLINIQUE, "*valdorge.example")
    assert [view.position for view in world.ra.lots.list_demandes(acteur, index).demandes] == [1]
    world.grant("ide-marchand", Offre.SERV, HOPITAL, "*acacias.example")
    assert [view.position for view in world.ra.lots.list_demandes(acteur, index).demandes] == [1, 2]


def test_only_an_administrateur_technique_has_a_perimeter(world: World) -> None:
    index = world.issued(world.form())
    with world.db.write() as session:
        session.query(tables.Habilitation).update({"role": Role.PORTEUR_CL.value})
    with pytest.raises(NotFoundError):
        follow(world, index, "administrateur")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.deposit(world.form(key=1), reference="lot-2", sender="administrateur")
    with pytest.raises(AccessError):
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())


def test_rights_lost_end_the_sight_of_the_perimeter_and_leave_the_counts_of_ones_own(world: World) -> None:
    index = world.issued(*world.forms(2))
    for name in ("administrateur", "dr-leroux"):
        world.withdraw_rights(name)
    assert follow(world, index).nombre == 2
    with pytest.raises(NotFoundError):
        follow(world, index, "administrateur")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.ra.demandes.read(world.acteurs["dr-leroux"], world.numeros(index)[0])


def test_nothing_is_seen_from_the_other_plateforme(world: World, production: World) -> None:

    index = world.issued(world.form(key=0), world.form("PS_AUTH", 1))
    (first, _) = world.numeros(index)
    ra = production.ra

    def acts(name: str, i: int, n: int) -> list[Any]:
        acteur, origin = production.acteurs[name], production.origin(name)
        return [
            lambda: ra.lots.follow(acteur, index=i),
            lambda: ra.lots.follow(acteur, reference="lot-1"),
            lambda: ra.lots.list_demandes(acteur, i),
            lambda: ra.demandes.read(acteur, n),
            lambda: ra.demandes.search(acteur, SearchCriteria(all_offres=True)),
            lambda: ra.lots.cancel(origin, i),
            lambda: ra.demandes.cancel(origin, n),
            lambda: ra.retraits.withdraw_page(origin, i, conditions()),
            lambda: ra.retraits.withdraw(origin, n, conditions()),
        ]

    for name in ("dr-leroux", "administrateur", "ide-marchand"):
        unknown = [answer(act) for act in acts(name, 10**9, 10**9)]
        assert [answer(act) for act in acts(name, index, first)] == unknown
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 2


def test_the_list_shows_what_was_asked_for(world: World) -> None:
    index = world.issued(
        world.form("SERV_SSL_SERV", 0, reference="srv", fqdns=("WWW.acacias.example", "b.acacias.example")),
        world.form("PRO_SIGN", 1, email_informe="chef@acacias.example"),
        world.form(key=2, email_acteur="none"),
    )
    one, two, three = world.ra.lots.list_demandes(world.acteurs["dr-leroux"], index).demandes
    assert (one.offre, one.usage, one.reference, one.fqdns) == (
        Offre.SERV,
        Usage.SSL_SERV,
        "srv",
        ("www.acacias.example", "b.acacias.example"),
    )
    assert (one.structure, one.raison_sociale) == (HOPITAL, "CENTRE HOSPITALIER DES ACACIAS")
    assert (two.beneficiaire, two.beneficiaire_libelle) == (AGENT, "BERTIN HUGO")
    assert (two.adresse_email, two.demandeur, two.canal) == ("hugo@acacias.example", "LEROUX CAMILLE", Canal.WS)
    assert one.serial != two.serial
    assert {view.etat_produit for view in (one, two)} == {EtatProduit.A_RETIRER}
    assert (three.serial, three.not_after, three.etat_produit) == (None, None, None)
    assert three.refusal is not None
    assert (three.refusal.code, three.refusal.champ) == ("ERR_IHM_057", "emailActeur")


def test_the_list_is_paged_without_loss_or_double(world: World) -> None:
    index = world.issued(*world.forms(11), world.form(key=30, email_acteur="none"))
    acteur = world.acteurs["dr-leroux"]
    wanted = ((None, 12), (EtatDemande.TRANSMISE, 11), (EtatDemande.REJETEE, 1), (EtatDemande.CLOSE, 0))
    for limit, (etat, expected) in product((1, 5, 12, 100), wanted):
        walked, after = [], 0
        while True:
            page = world.ra.lots.list_demandes(acteur, index, etat=etat, after=after, limit=limit)
            walked += [view.position for view in page.demandes]
            if page.next_after is None:
                break
            after = page.next_after
        assert len(walked) == len(set(walked)) == expected
        assert walked == sorted(walked, key=lambda position: position or 0)


def test_a_certificate_expires_by_the_date_alone(world: World) -> None:
    index = world.issued(*world.forms(2))
    numero = world.numeros(index)[0]
    world.ra.retraits.withdraw(world.origin(), numero, conditions())

    def shown() -> tuple[EtatProduit | None, ...]:
        acteur = world.acteurs["dr-leroux"]
        detail = world.ra.demandes.read(acteur, numero).demande.etat_produit
        return (detail, *(view.etat_produit for view in world.ra.lots.list_demandes(acteur, index).demandes))

    assert shown() == (EtatProduit.ACTIF, EtatProduit.ACTIF, EtatProduit.A_RETIRER)
    world.clock.advance(days=3 * 366)
    assert shown() == (EtatProduit.EXPIRE, EtatProduit.EXPIRE, EtatProduit.A_RETIRER)


def test_the_number_of_statements_does_not_grow_with_the_lot(world: World) -> None:
    acteur = world.acteurs["administrateur"]

    def ask(index: int) -> None:
        world.ra.lots.follow(acteur, index=index)
        world.ra.lots.list_demandes(acteur, index)
        world.ra.demandes.search(acteur, SearchCriteria(index_lot=index))
        world.ra.demandes.count(acteur, SearchCriteria(index_lot=index))

    small, large = (
        world.with_policy(at_once=20).deposit(*world.forms(count, first_key), reference=f"lot-{count}").index
        for count, first_key in ((3, 0), (9, 3))
    )
    assert_same_cost(world.db, partial(ask, small), partial(ask, large))
