"""A compromised key comes back nowhere: not in a lot, not in a dry run, not through a demande already validated."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from batch.issuing.demandes import issue_chunk
from batch.queue import jobs
from pki.keys.key_policy import KeyPolicy
from registration.revocation.blocked_keys import block_keys, blocked_among
from registration.revocation.revoking import settle_compromised
from registration.vocabulary import EtatDemande
from storage import tables
from tests.support.assertions import the
from tests.support.databases import statements
from tests.support.produits import lot
from tests.support.world import World


def key_of(world: World, numero: int) -> bytes:
    with world.db.read() as session:
        found = session.scalar(select(tables.ClePublique.spki_sha256).where(tables.ClePublique.id_demande == numero))
    return the(found)


def revoke(world: World, numero: int, reason: str) -> None:
    with world.db.write() as session:
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.id_demande == numero)
            .values(revoque_le=world.clock(), raison_crl=reason)
        )


@pytest.fixture
def compromised(world: World) -> bytes:
    """The key of a certificate that was revoked as compromised; its demande is forgotten, so that only the block
    can refuse it."""
    (numero,) = world.numeros(world.issued(world.form(key=0)))
    key = key_of(world, numero)
    revoke(world, numero, "keyCompromise")
    assert settle_compromised(world.db, world.clock()) == 1
    assert settle_compromised(world.db, world.clock()) == 0
    with world.db.write() as session:
        session.query(tables.ClePublique).filter_by(id_demande=numero).delete()
    return key


def test_compromised_key_is_refused_and_the_others_of_its_lot_are_not(world: World, compromised: bytes) -> None:
    index = world.deposit(*world.forms(3), reference="lot-2").index
    assert world.etats(index) == [EtatDemande.REJETEE, EtatDemande.VALIDEE, EtatDemande.VALIDEE]
    assert world.demandes(index)[0].champ_erreur == "csr"
    assert "interdite" in the(world.demandes(index)[0].texte_erreur)


def test_dry_run_says_the_same(world: World, compromised: bytes) -> None:
    verdicts = world.ra.lots.verify(world.origin(), lot("lot-2", *world.forms(2)))
    assert [len(verdict.refusals) for verdict in verdicts] == [1, 0]
    assert "interdite" in verdicts[0].refusals[0].texte


def test_only_compromise_blocks_a_key(world: World) -> None:
    numeros = world.numeros(world.issued(*world.forms(2)))
    revoke(world, numeros[0], "superseded")
    revoke(world, numeros[1], "keyCompromise")
    jobs.install(world.context)
    jobs.publish_crls()
    with world.db.read() as session:
        assert blocked_among(session, [key_of(world, numero) for numero in numeros]) == {key_of(world, numeros[1])}


def test_key_blocked_after_its_validation_is_not_certified(world: World) -> None:
    index = world.deposit(*world.forms(3)).index
    numeros = world.numeros(index)
    with world.db.write() as session:
        block_keys(session, {key_of(world, numeros[1]): None}, world.clock(), "essai")
    assert issue_chunk(world.context, numeros) == 2
    assert world.etats(index) == [EtatDemande.TRANSMISE, EtatDemande.NON_TRAITEE, EtatDemande.TRANSMISE]


def test_a_page_costs_one_question_whatever_its_size(world: World) -> None:
    world.deposit(world.form(key=30), reference="warm")
    counts = []
    for number, size in enumerate((1, 4)):
        with statements(world.db.engine) as sent:
            world.deposit(*world.forms(size, first_key=31 + 5 * number), reference=f"lot-{number}")
        counts.append(sum("cle_interdite" in statement for statement in sent))
    assert counts == [1, 1]


def test_policy_of_the_settings_reaches_both_ways_in(world: World) -> None:
    listed = replace(KeyPolicy(), is_listed=lambda _modulus: True)
    strict = world.with_policy(keys=listed)
    verdicts = strict.ra.lots.verify(strict.origin(), lot("lot-1", *strict.forms(1)))
    assert "faible" in verdicts[0].refusals[0].texte
    index = strict.deposit(*strict.forms(6)).index  # a large lot: judged by the batch
    strict.register_pages()
    assert set(strict.etats(index)) == {EtatDemande.REJETEE}
