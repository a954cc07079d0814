"""RSA keys of one lot that share a prime are all refused, and nobody else's (ERR_IHM_007)."""

from __future__ import annotations

import pytest

from registration.errors import Code
from registration.values import DemandeForm
from registration.vocabulary import Canal
from tests.support.acteurs import PHARMACIE
from tests.support.damage import flipped
from tests.support.databases import count_rows
from tests.support.produits import lot
from tests.support.world import World
from tests.vectors.csr_cases import build, rsa_spki
from tests.vectors.keys import key_of, prime

REFUSED = Code.CSR_REFUSED.value


def csr(p: str, q: str) -> bytes:
    """A request with proof of possession for the key of two primes of the test keys."""
    return build(spki=rsa_spki(prime(p) * prime(q)), signer=key_of(prime(p), prime(q)))


ONE, OTHER = csr("leaf-p", "leaf-q"), csr("leaf-p", "leaf-2-q")


def mixed(world: World, *places: int, count: int) -> list[DemandeForm]:
    """Good requests of ``count``, with keys that share a prime at two places (from 0)."""
    forms = list(world.forms(count))
    for place, weak in zip(places, (ONE, OTHER), strict=True):
        forms[place] = world.form(csr=weak)
    return forms


@pytest.mark.parametrize(("places", "count"), [((0, 2), 3), ((6, 9), 12)])
def test_both_are_refused_and_hold_no_key(world: World, places: tuple[int, int], count: int) -> None:
    """In a small lot and in a page of a large one."""
    forms = mixed(world, *places, count=count)
    verdicts = world.ra.lots.verify(world.origin(), lot("v", *forms))
    index = world.issued(*forms)
    expected = [REFUSED if rank in places else None for rank in range(count)]
    assert world.codes(index) == expected
    assert [verdict.refusals[0].code if verdict.refusals else None for verdict in verdicts] == expected
    for place in places:
        row = world.demandes(index)[place]
        assert row.champ_erreur == "csr"
        assert "facteur premier commun" in (row.texte_erreur or "")
        assert verdicts[place].refusals[0].texte == row.texte_erreur
    assert count_rows(world.db)["cle_publique"] == count - 2


def test_the_same_key_twice_is_the_same_key_and_no_more(world: World) -> None:
    index = world.issued(world.form(csr=ONE), world.form(csr=ONE))
    assert world.codes(index) == [None, REFUSED]
    assert "facteur premier" not in (world.demandes(index)[1].texte_erreur or "")


def test_every_item_with_such_a_key_is_refused_the_second_one_too(world: World) -> None:
    index = world.issued(world.form(csr=ONE), world.form(csr=ONE), world.form(csr=OTHER))
    assert world.codes(index) == [REFUSED] * 3
    assert all("facteur premier" in (row.texte_erreur or "") for row in world.demandes(index))


def test_an_item_refused_for_another_reason_gives_the_other_key_away_all_the_same(world: World) -> None:
    forms = (world.form(csr=ONE, structure=PHARMACIE), world.form(csr=OTHER), world.form(key=1))
    index = world.issued(*forms)
    assert world.codes(index) == [Code.HABILITATION_MISSING.value, REFUSED, None]
    refusals = world.ra.lots.verify(world.origin(), lot("v", *forms))[0].refusals
    assert [refusal.code for refusal in refusals] == [Code.HABILITATION_MISSING.value, REFUSED]


def test_a_modulus_without_proof_of_possession_touches_nobody(world: World) -> None:
    """Who knows a factor can prove it; whoever cannot may have copied or made up the number."""
    unproven = flipped(OTHER)
    index = world.issued(world.form(csr=ONE), world.form(csr=unproven))
    assert world.codes(index) == [None, REFUSED]
    assert "signature" in (world.demandes(index)[1].texte_erreur or "")


def test_other_pages_and_other_lots_are_left_to_the_auditor(world: World) -> None:
    assert world.codes(world.issued(*mixed(world, 0, 5, count=6))) == [None] * 6
    alone = csr("leaf-q", "leaf-2-p")
    numero = world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form(csr=alone))
    assert numero is not None
    assert count_rows(world.db)["cle_publique"] == 7
