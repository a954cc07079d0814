"""Withdrawal (guide §9): its conditions, who may, and the same answer when it is repeated."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from pki.containers.pkcs7 import read_certs_only
from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.revocation.revoking import revoke_of_demandes
from registration.views import RetraitConditions
from registration.vocabulary import EtatDemande, EtatProduit
from storage import tables
from tests.support.assertions import all_done, assert_refused
from tests.support.concurrency import overtake, together
from tests.support.csrs import key
from tests.support.databases import assert_same_cost, count_rows
from tests.support.produits import CODE, PRODUITS, conditions
from tests.support.world import World, summary

OTHER_CODE = "Un-Autre-Code-2"


def certificates(world: World) -> dict[int, tables.Certificat]:
    with world.db.read() as session:
        return {row.id_demande or 0: row for row in session.query(tables.Certificat)}


def test_a_withdrawn_certificate_is_that_of_the_key_with_its_chain(world: World) -> None:
    index = world.issued(world.form("SERV_SSL_SERV", 3, reference="mine"))
    (numero,) = world.numeros(index)
    world.clock.advance(hours=1)
    retrait = world.ra.retraits.withdraw(world.origin(), numero, conditions())
    assert (retrait.numero, retrait.index_lot, retrait.position, retrait.reference) == (numero, index, 1, "mine")
    assert retrait.retire_le == world.clock.now
    found = [x509.load_der_x509_certificate(der) for der in read_certs_only(retrait.pkcs7)]
    leaf = found[0]
    assert f"{leaf.serial_number:032x}" == retrait.serial
    assert all(below.issuer == above.subject for below, above in pairwise(found))
    spki = key(3).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == spki
    assert leaf.not_valid_after_utc == retrait.not_after
    assert len(found) == 3
    assert [one.public_bytes(Encoding.DER) for one in found] == [retrait.der, *retrait.chain]
    assert retrait.autorite == found[1].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    detail = world.ra.demandes.read(world.acteurs["dr-leroux"], numero).demande
    assert (detail.etat, detail.etat_produit, detail.serial) == (EtatDemande.CLOSE, EtatProduit.ACTIF, retrait.serial)


@pytest.mark.needs("openssl")
def test_every_product_chains_to_its_root_for_openssl(world: World, tmp_path: Path) -> None:
    index = world.with_policy(at_once=20).issued(*[world.form(name, rank) for rank, name in enumerate(PRODUITS)])
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert len(page.retraits) == 13
    root = world.hierarchy.authorities["ACR-EL-TEST"].certificate
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    for retrait in page.retraits:
        found = [x509.load_der_x509_certificate(der) for der in read_certs_only(retrait.pkcs7)]
        leaf = [c for c in found if c.serial_number == int(retrait.serial, 16)]
        others = [c for c in found if c.serial_number != int(retrait.serial, 16)]
        (tmp_path / "leaf.pem").write_bytes(leaf[0].public_bytes(Encoding.PEM))
        (tmp_path / "chain.pem").write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in others))
        at = str(int((world.clock.now + timedelta(days=1)).timestamp()))
        command = ["openssl", "verify", "-attime", at, "-CAfile", "root.pem", "-untrusted", "chain.pem", "leaf.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "leaf.pem: OK", done.stderr


CONDITIONS = [
    (conditions(""), Code.CODE_REVOCATION_MISSING, "codeRevocation"),
    (conditions(CODE, ""), Code.CODE_REVOCATION_MISSING, "codeRevocation"),
    (conditions(CODE, OTHER_CODE), Code.CODE_REVOCATION_MISMATCH, "confirmation"),
    (conditions("faible"), Code.CODE_REVOCATION_WEAK, "codeRevocation"),
    (conditions(cgu_accepted=False), Code.CGU_NOT_ACCEPTED, "acceptationCgu"),
]


def test_the_conditions_come_first(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    before = count_rows(world.db)
    # The last one is a demande nobody has: the answer says nothing about it.
    acts: list[Callable[[RetraitConditions], object]] = [
        lambda given: world.ra.retraits.withdraw(world.origin(), numero, given),
        lambda given: world.ra.retraits.withdraw_page(world.origin(), index, given),
        lambda given: world.ra.retraits.withdraw(world.origin(), 10**9, given),
    ]
    for (given, code, champ), act in product(CONDITIONS, acts):
        with assert_refused(IgcError, code, champ):
            act(given)
    assert count_rows(world.db) == before
    assert world.etats(index) == [EtatDemande.TRANSMISE]


def test_only_the_requester_withdraws(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    # The hospital's other administrator follows the demande: he is told why.
    for act in (
        lambda: world.ra.retraits.withdraw(world.origin("administrateur"), numero, conditions()),
        lambda: world.ra.retraits.withdraw_page(world.origin("administrateur"), index, conditions()),
    ):
        with assert_refused(AccessError, Code.RETRAIT_NOT_REQUESTER):
            act()


def test_the_beneficiaire_is_not_the_requester(world: World) -> None:
    index = world.issued(world.form("PRO_AUTH", 0, beneficiaire="899700990029"))
    with assert_refused(AccessError, Code.RETRAIT_NOT_REQUESTER):
        world.ra.retraits.withdraw(world.origin("ph-arnaud"), world.numeros(index)[0], conditions())


def test_to_a_stranger_neither_demande_nor_lot_exists(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    for known, unknown in ((numero, 10**9),):
        answers = []
        for asked in (known, unknown):
            with pytest.raises(NotFoundError) as caught:
                world.ra.retraits.withdraw(world.origin("ide-marchand"), asked, conditions())
            answers.append((caught.value.code, caught.value.text, caught.value.champ))
        assert answers[0] == answers[1]
    answers = []
    for asked in (index, 10**9):
        with pytest.raises(NotFoundError) as caught:
            world.ra.retraits.withdraw_page(world.origin("ide-marchand"), asked, conditions())
        answers.append((caught.value.code, caught.value.text, caught.value.champ))
    assert answers[0] == answers[1]


def test_what_is_not_signed_yet_is_not_ready(world: World) -> None:
    index = world.deposit(*world.forms(3)).index
    with pytest.raises(ConflictError) as caught:
        world.ra.retraits.withdraw(world.origin(), world.numeros(index)[0], conditions())
    assert caught.value.code is Code.NOT_READY
    assert "Validée" in caught.value.text
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert (page.retraits, page.next_after, page.pending) == ((), None, 3)


@pytest.mark.parametrize("how", ["rejected", "cancelled", "cancelled after signing"])
def test_what_has_ended_is_not_withdrawable(world: World, how: str) -> None:
    form = world.form(email_acteur="no address") if how == "rejected" else world.form()
    index = world.deposit(form).index
    if how == "cancelled after signing":
        world.run_batch()
    if how != "rejected":
        world.ra.lots.cancel(world.origin(), index)
    with assert_refused(ConflictError, Code.NOT_WITHDRAWABLE):
        world.ra.retraits.withdraw(world.origin(), world.numeros(index)[0], conditions())
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert (page.retraits, page.next_after, page.pending) == ((), None, 0)


def test_repeated_it_gives_the_same_bytes_and_changes_nothing(world: World) -> None:
    index = world.issued(*world.forms(3))
    numero = world.numeros(index)[0]
    first = world.ra.retraits.withdraw(world.origin(), numero, conditions())
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert page.retraits[0] == first
    before = count_rows(world.db)
    history = world.history(numero)
    world.clock.advance(days=3)
    assert world.ra.retraits.withdraw(world.origin(), numero, conditions()) == first
    assert world.ra.retraits.withdraw_page(world.origin(), index, conditions()) == page
    assert count_rows(world.db) == before
    assert world.history(numero) == history


def test_another_code_is_refused_and_nothing_changes(world: World) -> None:
    index = world.issued(*world.forms(3))
    numeros = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(), numeros[1], conditions())
    before = count_rows(world.db)
    for act in (
        lambda: world.ra.retraits.withdraw(world.origin(), numeros[1], conditions(OTHER_CODE)),
        lambda: world.ra.retraits.withdraw_page(world.origin(), index, conditions(OTHER_CODE)),
    ):
        with pytest.raises(ConflictError) as caught:
            act()
        assert caught.value.code is Code.RETRAIT_FAILED
        assert (caught.value.position, str(numeros[1]) in caught.value.text) == (2, True)
        assert OTHER_CODE not in caught.value.text
    assert count_rows(world.db) == before
    assert world.etats(index) == [EtatDemande.TRANSMISE, EtatDemande.CLOSE, EtatDemande.TRANSMISE]


def revoke(world: World, *numeros: int) -> None:
    with world.db.write() as session:
        revoke_of_demandes(session, numeros, "superseded", world.clock(), "essai")


def date_revocation(world: World, numero: int, date: datetime | None) -> None:
    """Write half of a revocation, as nothing of ours does."""
    with world.db.write() as session:
        session.query(tables.Certificat).filter_by(id_demande=numero).update({"revoque_le": date})


def past(world: World) -> None:
    """Three years later every certificate of these tests is expired."""
    world.clock.advance(days=3 * 366)


def test_an_expired_certificate_is_not_handed_out(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    world.clock.now = world.certificat(numero).not_after - timedelta(seconds=1)
    assert world.ra.retraits.withdraw(world.origin(), numero, conditions()).numero == numero
    world.clock.advance(seconds=1)
    before = count_rows(world.db)
    # Whatever the code: that it is past is no secret of the one who withdrew it.
    for code in (CODE, OTHER_CODE):
        with pytest.raises(ConflictError) as caught:
            world.ra.retraits.withdraw(world.origin(), numero, conditions(code))
        assert caught.value.code is Code.NOT_WITHDRAWABLE
        paris = world.clock.now.astimezone(ZoneInfo("Europe/Paris"))
        assert f"le certificat a expiré le {paris:%d/%m/%Y %H:%M}." in caught.value.text
    assert count_rows(world.db) == before


def test_a_revoked_certificate_is_not_handed_out_again(world: World) -> None:
    (numero,) = world.numeros(world.issued(world.form()))
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    revoke(world, numero)
    with pytest.raises(ConflictError) as caught:
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    assert (caught.value.code, "révoqué" in caught.value.text) == (Code.NOT_WITHDRAWABLE, True)


def test_one_that_only_its_certificate_calls_revoked_is_not_handed_out_either(world: World) -> None:
    index = world.issued(*world.forms(2))
    numeros = world.numeros(index)
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    date_revocation(world, numeros[0], world.clock())
    with assert_refused(ConflictError, Code.NOT_WITHDRAWABLE):
        world.ra.retraits.withdraw(world.origin(), numeros[0], conditions())
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert [retrait.numero for retrait in page.retraits] == numeros[1:]
    date_revocation(world, numeros[0], None)


def test_a_repeated_page_leaves_out_what_is_no_longer_good(world: World) -> None:
    index = world.issued(*world.forms(3))
    numeros = world.numeros(index)
    first = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    revoke(world, numeros[0], numeros[2])
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert page.retraits == first.retraits[1:2]
    # Behind the last good one the lot has nothing more, and that is no refusal: the walk has passed the others.
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=2)
    assert (page.retraits, page.next_after, page.pending) == ((), None, 0)


@pytest.mark.parametrize("how", [past, lambda world: revoke(world, *world.numeros(1))])
def test_a_page_of_a_lot_that_is_all_expired_or_revoked_is_refused(world: World, how: Callable[[World], None]) -> None:
    index = world.issued(*world.forms(2), world.form(key=9, email_acteur="no address"))
    assert index == 1
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    how(world)
    before = count_rows(world.db)
    with pytest.raises(ConflictError) as caught:
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert caught.value.code is Code.NOT_WITHDRAWABLE
    assert "tous expirés ou révoqués" in caught.value.text
    assert count_rows(world.db) == before
    world.withdraw_rights("dr-leroux")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())


def test_an_empty_page_while_others_are_still_to_be_signed_is_no_refusal(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    world.run_batch(2)
    taken = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert taken.pending
    revoke(world, *[retrait.numero for retrait in taken.retraits])
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert (page.retraits, page.pending) == ((), taken.pending)


def test_a_revocation_in_the_middle_of_a_repetition_is_seen(world: World) -> None:
    index = world.issued(*world.forms(3))
    numeros = world.numeros(index)
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())

    def withdraw() -> object:
        return world.ra.retraits.withdraw_page(world.origin(), index, conditions())

    _, page = overtake(world.db, partial(revoke, world, numeros[0]), "UPDATE certificat", withdraw)
    assert [retrait.numero for retrait in page.retraits] == numeros[1:]


def test_the_walk_by_pages_covers_every_item_once(world: World) -> None:
    bad = world.form(key=11, email_acteur="no address")
    forms = world.forms(11)
    index = world.issued(*forms[:5], bad, *forms[5:])
    world.ra.demandes.cancel(world.origin(), world.numeros(index)[2])
    for limit in (3, 9, 10, 50):
        walked, after, pages = [], 0, 0
        while True:
            page = world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=after, limit=limit)
            walked += [retrait.position for retrait in page.retraits]
            pages += 1
            if page.next_after is None:
                break
            assert page.next_after > after
            after = page.next_after
        assert walked == [1, 2, 4, 5, 7, 8, 9, 10, 11, 12]
        assert pages == -(-10 // limit)


def test_a_walk_during_the_signatures_says_what_is_still_to_come(world: World) -> None:
    index = world.deposit(*world.forms(12)).index
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert page.pending == 12
    world.run_batch(2)
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert 0 < len(page.retraits) < 12
    assert page.pending == 12 - len(page.retraits)
    world.run_batch()
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert (len(page.retraits), page.pending) == (12, 0)


def test_rights_lost_since_the_deposit_end_the_withdrawal(world: World) -> None:
    index = world.issued(*world.forms(2), world.form("PS_AUTH", 5))
    numeros = world.numeros(index)
    world.withdraw_rights("dr-leroux")
    before = count_rows(world.db)
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.ra.retraits.withdraw(world.origin(), numeros[0], conditions())
    # What he asked for himself needs no explicit habilitation.
    page = world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert [retrait.position for retrait in page.retraits] == [3]
    assert world.etats(index)[:2] == [EtatDemande.TRANSMISE] * 2
    after = count_rows(world.db)
    assert after["historique"] == before["historique"] + 1


def test_a_lot_of_which_nothing_is_in_his_rights_any_more_says_so(world: World) -> None:
    index = world.issued(*world.forms(2))
    world.withdraw_rights("dr-leroux")
    with assert_refused(AccessError, Code.HABILITATION_MISSING):
        world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    assert world.etats(index) == [EtatDemande.TRANSMISE] * 2


def test_one_code_serves_a_page_and_only_its_hash_is_kept(world: World) -> None:
    index = world.issued(*world.forms(3))
    world.ra.retraits.withdraw_page(world.origin(), index, conditions())
    with world.db.read() as session:
        codes = session.query(tables.CodeRevocation).all()
    assert len(codes) == 1
    assert CODE not in codes[0].empreinte
    assert {row.id_code_revocation for row in certificates(world).values()} == {codes[0].id}


def test_each_withdrawal_is_one_line_of_history(world: World) -> None:
    index = world.issued(world.form())
    (numero,) = world.numeros(index)
    for _ in range(2):
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    assert summary(world.history(numero))[-1] == ("WS", "ACT_RET_001", "CLOSE")
    assert [line.code_action for line in world.history(numero)].count("ACT_RET_001") == 1


def test_at_the_same_moment_all_get_the_same_certificate(world: World) -> None:
    index = world.issued(*world.forms(3))
    pages = all_done(together([lambda: world.ra.retraits.withdraw_page(world.origin(), index, conditions())] * 4))
    assert len({page.retraits for page in pages}) == 1
    assert count_rows(world.db)["code_revocation"] == 1
    for numero in world.numeros(index):
        assert [line.code_action for line in world.history(numero)].count("ACT_RET_001") == 1


@pytest.mark.parametrize("whole", [True, False])
def test_a_repetition_that_overtakes_the_first_call_gets_the_same_answer(world: World, *, whole: bool) -> None:
    index = world.issued(*world.forms(2))
    (numero, _) = world.numeros(index)

    def withdraw() -> object:
        if whole:
            return world.ra.retraits.withdraw_page(world.origin(), index, conditions())
        return world.ra.retraits.withdraw(world.origin(), numero, conditions())

    first, second = overtake(world.db, withdraw, "INSERT INTO code_revocation", withdraw)
    assert first == second


def test_a_cancellation_in_the_middle_of_a_walk_does_not_end_it(world: World) -> None:
    index = world.issued(*world.forms(6))
    numeros = world.numeros(index)

    def cancel() -> object:
        return world.ra.demandes.cancel(world.origin(), numeros[0])

    def withdraw() -> object:
        return world.ra.retraits.withdraw_page(world.origin(), index, conditions(), limit=3)

    _, page = overtake(world.db, cancel, "UPDATE demande", withdraw)
    walked = [retrait.position for retrait in page.retraits]
    while page.next_after is not None:
        page = world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=page.next_after, limit=3)
        walked += [retrait.position for retrait in page.retraits]
    assert walked == [2, 3, 4, 5, 6]


def test_the_number_of_statements_does_not_grow_with_the_page(world: World) -> None:
    small, large = (
        world.with_policy(at_once=20).issued(*world.forms(count, first_key), reference=f"lot-{count}")
        for count, first_key in ((3, 0), (9, 3))
    )
    withdraw = partial(world.ra.retraits.withdraw_page, world.origin())
    assert_same_cost(world.db, partial(withdraw, small, conditions()), partial(withdraw, large, conditions()))
    assert world.etats(small) + world.etats(large) == [EtatDemande.CLOSE] * 12
