"""What a requester reads of his withdrawals before and after: the same answer as the act itself will give."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registration.errors import AccessError, Code, NotFoundError
from registration.retrait_views import RetraitCriteria, RetraitEnCours
from registration.vocabulary import EtatDemande, EtatProduit, Offre
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.csrs import csr
from tests.support.databases import statements
from tests.support.produits import conditions
from tests.support.world import World

ALL = RetraitCriteria()


def waiting(world: World, criteria: RetraitCriteria = ALL, who: str | None = None) -> list[int]:
    page = world.ra.retraits.waiting(world.origin(who).acteur, criteria)
    return [retrait.demande.numero for retrait in page.retraits]


def look_up(world: World, numero: int, who: str | None = None) -> RetraitEnCours:
    return world.ra.retraits.look_up(world.origin(who).acteur, numero)


def test_what_waits_comes_by_its_limit(world: World) -> None:
    first = world.place(world.form())
    world.run_batch()
    world.clock.advance(hours=1)
    index = world.issued(*world.forms(3, first_key=1))
    second, third, fourth = world.numeros(index)
    unsigned = world.place(world.form(key=8))
    assert waiting(world) == [first, second, third, fourth]
    world.ra.retraits.withdraw(world.origin(), second, conditions())
    world.cancel(third)
    assert waiting(world) == [first, fourth]
    page = world.ra.retraits.waiting(world.origin().acteur, ALL, limit=1)
    assert ([r.demande.numero for r in page.retraits], page.next_after) == ([first], 1)
    page = world.ra.retraits.waiting(world.origin().acteur, ALL, after=1, limit=1)
    assert ([r.demande.numero for r in page.retraits], page.next_after) == ([fourth], None)
    world.run_batch()
    assert waiting(world) == [first, fourth, unsigned]


def test_what_waits_is_looked_through(world: World) -> None:
    index = world.issued(world.form(), world.form("PS_AUTH", 1))
    org, ps = world.numeros(index)
    assert waiting(world, RetraitCriteria(offre=Offre.PS)) == [ps]
    assert waiting(world, RetraitCriteria(structure=HOPITAL)) == [org]
    assert waiting(world, RetraitCriteria(structure=CLINIQUE)) == []
    assert waiting(world, RetraitCriteria(index_lot=index)) == [org, ps]
    assert waiting(world, RetraitCriteria(index_lot=index + 1)) == []


def test_nothing_of_others_nothing_without_the_right_nothing_late(world: World) -> None:
    numero = world.place(world.form(csr_assistee=True))
    world.run_batch()
    assert waiting(world, who="administrateur") == []
    assert waiting(world) == [numero]
    world.clock.advance(days=10)
    assert waiting(world) == []
    world.clock.advance(days=-10)
    world.withdraw_rights(world.sender)
    assert waiting(world) == []


def test_one_before_and_after(world: World) -> None:
    numero = world.place(world.form(key=5, csr_assistee=True))
    found = look_up(world, numero)
    assert found.empechement is not None
    assert (found.empechement.code, found.retire_le) == (Code.NOT_READY, None)
    world.run_batch()
    found = look_up(world, numero)
    key = x509.load_der_x509_csr(csr(5)).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (found.empechement, found.retire_le, found.csr_assistee) == (None, None, True)
    assert found.empreinte == hashlib.sha256(spki).hexdigest()
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    found = look_up(world, numero)
    assert (found.empechement, found.retire_le, found.is_past) == (None, world.clock.now, False)
    world.clock.advance(days=4000)
    found = look_up(world, numero)
    assert found.empechement is not None
    assert (found.empechement.code, found.is_past) == (Code.NOT_WITHDRAWABLE, True)


def test_what_is_in_the_way_is_what_the_act_says(world: World) -> None:
    cancelled, late = world.place(world.form()), world.place(world.form(key=1))
    world.run_batch()
    world.cancel(cancelled)
    found = look_up(world, cancelled).empechement
    assert found is not None
    assert found.code is Code.NOT_WITHDRAWABLE
    world.clock.advance(days=10)
    found = look_up(world, late).empechement
    assert found is not None
    assert found.code is Code.RETRAIT_FAILED
    assert look_up(world, cancelled).demande.etat is EtatDemande.ANNULEE


def test_who_may_not(world: World) -> None:
    numero = world.place(world.form())
    world.run_batch()
    with pytest.raises(AccessError) as told:
        look_up(world, numero, "administrateur")
    assert told.value.code is Code.RETRAIT_NOT_REQUESTER
    with pytest.raises(NotFoundError):
        look_up(world, numero, "inconnu")
    with pytest.raises(NotFoundError):
        look_up(world, 2**62)
    world.withdraw_rights(world.sender)
    with pytest.raises(AccessError) as told:
        look_up(world, numero)
    assert told.value.code is Code.HABILITATION_MISSING


def test_the_keys_of_browsers_are_their_senders_alone(world: World) -> None:
    first = world.place(world.form(key=1, csr_assistee=True))
    world.place(world.form(key=2))
    world.run_batch()
    second = world.place(world.form(key=3, csr_assistee=True))
    keys = world.ra.retraits.keys_in_browsers(world.origin().acteur)
    assert [(cle.numero, cle.etat, cle.etat_produit) for cle in keys] == [
        (second, EtatDemande.VALIDEE, None),
        (first, EtatDemande.TRANSMISE, EtatProduit.A_RETIRER),
    ]
    assert len({cle.empreinte for cle in keys}) == 2
    assert world.ra.retraits.keys_in_browsers(world.origin("administrateur").acteur) == ()


def test_few_statements_whatever_waits(world: World) -> None:
    acteur = world.origin().acteur
    world.issued(*world.forms(12))
    for ask in (
        lambda: world.ra.retraits.waiting(acteur, ALL),
        lambda: world.ra.retraits.keys_in_browsers(acteur),
    ):
        with statements(world.db.engine) as seen:
            ask()
        assert len([text for text in seen if not text.startswith("SET")]) == 1, seen
    numero = waiting(world)[0]
    with statements(world.db.engine) as seen:
        world.ra.retraits.look_up(acteur, numero)
    assert len(seen) <= 3, seen
