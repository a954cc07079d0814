"""One demande per public key: within a lot, over time, between senders, at the same moment (ERR_IHM_007)."""

from __future__ import annotations

from functools import partial

import pytest

from registration.errors import Code, IgcError
from registration.lots import deposit
from registration.vocabulary import Canal, EtatDemande
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import overtake, together
from tests.support.csrs import broken_csr, csr, elliptic_csr, sha512_csr, small_csr
from tests.support.databases import count_rows
from tests.support.other_process import deposit_from_processes
from tests.support.produits import lot
from tests.support.world import World
from tests.vectors.csr_cases import CASES

TAKEN = Code.CSR_REFUSED.value


def texte(world: World, index: int, position: int) -> str:
    return world.demandes(index)[position - 1].texte_erreur or ""


@pytest.mark.parametrize("count", [3, 12])
def test_the_first_item_of_a_lot_wins_its_key(world: World, count: int) -> None:
    others = world.forms(count - 2, first_key=1)
    twice = (world.form(key=0), *others, world.form(key=0, service_applicatif="Autre"))
    index = world.issued(*twice)
    assert world.codes(index) == [None] * (count - 1) + [TAKEN]
    first = world.numeros(index)[0]
    # The refusal names the other demande: number, acteur, structure, date (here in Paris time).
    assert f"demande n° {first} (LEROUX CAMILLE, {HOPITAL}, 02/03/2026 13:00)" in texte(world, index, count)
    assert count_rows(world.db)["cle_publique"] == count - 1


def test_another_request_for_the_same_key_is_the_same_key(world: World) -> None:
    index = world.issued(world.form(key=0), world.form(csr=csr(0, "other subject")))
    assert world.codes(index) == [None, TAKEN]


def test_a_key_used_before_is_refused_and_the_other_demande_is_named(world: World) -> None:
    earlier = world.issued(world.form("PRO_AUTH", 0), sender="dpi-acacias")
    world.clock.advance(days=40)
    index = world.issued(world.form(key=0), world.form(key=1))
    assert world.codes(index) == [TAKEN, None]
    numero = world.numeros(earlier)[0]
    assert f"demande n° {numero} (DPI DES ACACIAS, 30B0990011/CPE001, 02/03/2026 13:00)" in texte(world, index, 1)


def test_a_key_certified_for_another_structure_is_refused_and_that_demande_is_named(world: World) -> None:
    earlier = world.issued(world.form(key=0, structure=CLINIQUE), sender="ide-marchand")
    assert world.etats(earlier) == [EtatDemande.TRANSMISE]
    index = world.issued(world.form(key=0), world.form(key=1))
    assert world.codes(index) == [TAKEN, None]
    assert f"demande n° {world.numeros(earlier)[0]} (MARCHAND SOPHIE, {CLINIQUE}, " in texte(world, index, 1)


def test_a_key_stays_used_after_its_demande_is_cancelled(world: World) -> None:
    index = world.issued(world.form(key=0))
    world.ra.demandes.cancel(world.origin(), world.numeros(index)[0])
    assert world.codes(world.issued(world.form(key=0), reference="lot-2")) == [TAKEN]


def test_a_refused_item_may_come_again_with_the_same_csr(world: World) -> None:
    index = world.issued(world.form(key=0, email_acteur="no address"), world.form(key=1, structure="10B0990045"))
    assert world.codes(index) == [Code.EMAIL_ACTEUR_SYNTAX.value, Code.STRUCTURE_UNKNOWN.value]
    assert count_rows(world.db)["cle_publique"] == 0
    again = world.issued(world.form(key=0), world.form(key=1), reference="lot-2")
    assert world.codes(again) == [None, None]


def test_a_refused_item_leaves_its_key_to_a_later_item_of_the_same_lot(world: World) -> None:
    index = world.issued(world.form(key=0, email_acteur="no address"), world.form(key=0), world.form(key=0))
    assert world.codes(index) == [Code.EMAIL_ACTEUR_SYNTAX.value, None, TAKEN]
    assert f"demande n° {world.numeros(index)[1]} " in texte(world, index, 3)


@pytest.mark.parametrize("rivals", [2, 6])
def test_of_senders_at_the_same_moment_exactly_one_gets_the_key(world: World, rivals: int) -> None:
    senders = ["dr-leroux", "dpi-acacias", "administrateur"] * 2
    acts = [
        partial(
            world.deposit,
            world.form(key=0, csr=csr(0, f"of {rank}")),
            world.form(key=10 + rank),
            reference=f"lot-{rank}",
            sender=sender,
        )
        for rank, sender in enumerate(senders[:rivals])
    ]
    codes = [world.codes(receipt.index) for receipt in all_done(together(acts))]
    assert sorted(codes, key=str) == sorted([[None, None], *[[TAKEN, None]] * (rivals - 1)], key=str)
    assert count_rows(world.db)["cle_publique"] == 1 + rivals
    world.run_batch()
    assert count_rows(world.db)["certificat"] == 1 + rivals


def test_who_comes_second_in_the_middle_waits_for_the_first(world: World) -> None:
    first, second = overtake(
        world.db,
        lambda: world.deposit(world.form(key=0), reference="one"),
        "INSERT INTO cle_publique",
        lambda: world.deposit(world.form(key=0), reference="two", sender="dpi-acacias"),
    )
    assert world.codes(first.index) == [None]
    assert world.codes(second.index) == [TAKEN]
    assert f"demande n° {world.numeros(first.index)[0]} (LEROUX CAMILLE" in texte(world, second.index, 1)


def test_two_senders_of_many_keys_in_opposite_orders_do_not_block_each_other(world: World) -> None:
    forward = [world.form(key=key) for key in range(8)]
    sized = world.with_policy(at_once=20)
    one, two = together(
        [
            lambda: sized.deposit(*forward, reference="one"),
            lambda: sized.deposit(*reversed(forward), reference="two", sender="dpi-acacias"),
        ]
    )
    assert not isinstance(one, Exception), one
    assert not isinstance(two, Exception), two
    accepted = [code for index in (one.index, two.index) for code in world.codes(index)]
    assert accepted.count(None) == 8
    assert accepted.count(TAKEN) == 8


@pytest.mark.long
def test_processes_that_send_the_same_keys_share_them_without_double(world: World, database_url: str) -> None:
    origin = world.origin()
    deposits = [(origin, f"lot-{rank}", world.forms(3)) for rank in range(4)]
    answers = deposit_from_processes(database_url, deposits, world.clock.now, world.policy.lots)
    codes = [code for answer in answers if not isinstance(answer, str) for code in world.codes(answer[0])]
    assert (codes.count(None), codes.count(TAKEN)) == (3, 9)
    assert count_rows(world.db)["cle_publique"] == 3


def test_the_portal_refuses_a_used_key_and_stores_nothing(world: World) -> None:
    world.issued(world.form(key=0))
    before = count_rows(world.db)
    with assert_refused(IgcError, Code.CSR_REFUSED, "csr"):
        world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form(key=0))
    assert count_rows(world.db) == before


REASONS = {
    "version-1": "version",
    "no-attributes": "attributs",
    "signature-with-unused-bits": "octets entiers",
    "subject-unsorted": "ordre de DER",
    "subject-printable-0": "PrintableString",
    "twice": "plusieurs requêtes",
    "two-in-pem": "plusieurs requêtes",
    "utf-16": "UTF-16",
    "pem-instead-of-der": "PEM reçu, envoyez du DER (base64 sans en-tête)",
    "base64-instead-of-der": "deux fois en base64",
    "a-certificate": "certificat",
    "a-private-key": "clé privée",
    "ber-indefinite-length": "BER",
    "truncated": "coupée",
    "trailing-bytes": "suivent",
}


def test_a_csr_that_is_not_acceptable_is_refused_with_its_reason(world: World) -> None:
    cases = [
        (b"\x30\x03\x02\x01\x00", "PKCS#10"),
        (b"not even DER", "PKCS#10"),
        (b"", "PKCS#10"),
        (b"\x30" + b"\x00" * 40_000, "octets"),
        (broken_csr(0), "signature est incorrecte"),
        (small_csr(), "2048 bits"),
        (elliptic_csr(), "type admis"),
        (sha512_csr(0), "sha256WithRSAEncryption"),
        *((CASES[name].make(), words) for name, words in REASONS.items()),
    ]
    index = world.issued(*(world.form(csr=der) for der, _ in cases), world.form(key=1))
    assert world.codes(index) == [TAKEN] * len(cases) + [None]
    for position, (_, words) in enumerate(cases, 1):
        assert words in texte(world, index, position)
        assert world.demandes(index)[position - 1].champ_erreur == "csr"
    # The key of a refused request is nobody's.
    assert world.codes(world.issued(world.form(key=0), reference="lot-2")) == [None]


def test_a_prime_modulus_is_refused_in_a_small_lot_and_on_the_portal(world: World) -> None:
    """Of a large lot it is found by the batch, after the signature (test_weak_keys)."""
    prime = CASES["prime-modulus"].make()
    small = world.form(csr=prime), world.form(key=1)
    (refused, _), verdicts = (
        world.demandes(world.issued(*small)),
        world.ra.lots.verify(world.origin(), lot("v", *small)),
    )
    assert (refused.code_erreur, refused.champ_erreur) == (TAKEN, "csr")
    assert "nombre premier" in (refused.texte_erreur or "")
    assert [one.code for one in verdicts[0].refusals] == [TAKEN]
    with assert_refused(IgcError, Code.CSR_REFUSED, "csr"):
        world.ra.demandes.submit(world.origin(canal=Canal.IHM), world.form(csr=prime))


def test_no_key_is_shared_between_the_plateformes(world: World, production: World) -> None:
    assert world.codes(world.issued(world.form(key=0))) == [None]
    assert production.codes(production.deposit(production.form(key=0)).index) == [None]


def test_the_deposit_itself_never_sees_what_only_the_rules_see(world: World) -> None:
    receipt = deposit.submit(
        world.db, world.origin(), lot("lot-1", world.form(csr=b"")), world.clock(), world.policy.lots
    )
    assert world.codes(receipt.index) == [TAKEN]
