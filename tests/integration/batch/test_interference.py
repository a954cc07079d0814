"""What happens to a chunk while it is being signed: cancellation, giving up, an error of the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select, text

from batch.issuing import demandes as issuing
from batch.issuing.handover import Run
from batch.issuing.storing import store
from batch.lists import crls
from batch.queue import leases
from batch.queue.jobs import install, run_tasks
from registration.life.giving_up import give_up
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit
from storage import tables
from storage.database import Database
from tests.integration.batch.world import BatchWorld, Owed
from tests.support.signers import watched

_NOTHING_YET = [CodeAction.RECORDED, CodeAction.VALIDATED, CodeAction.HANDED_TO_CA]


def _work_while(world: BatchWorld, meanwhile: Callable[[], None]) -> None:
    """Sign what is ready, with ``meanwhile`` between the hand-over and the last transaction."""
    acts = iter([meanwhile])

    def interrupt(_tbs: bytes) -> None:
        if (act := next(acts, None)) is not None:
            act()

    install(replace(world.context, signers=watched(world.hierarchy.signers, interrupt)))
    (task,) = world.send()
    run_tasks([[task.id, task.attempt]])
    assert next(acts, None) is None, "nothing was signed"


def _serials_on_crl(world: BatchWorld, autorite: str) -> dict[int, x509.ReasonFlags | None]:
    crl = x509.load_der_x509_crl(crls.publish(world.context, autorite))
    found: dict[int, x509.ReasonFlags | None] = {}
    for entry in crl:
        reasons = [
            extension.value.reason for extension in entry.extensions if isinstance(extension.value, x509.CRLReason)
        ]
        found[entry.serial_number] = reasons[0] if reasons else None
    return found


def test_a_demande_cancelled_while_it_is_signed_is_revoked(world: BatchWorld) -> None:
    index = world.deposit_fresh(5)
    numeros = world.numeros(index)
    _work_while(world, lambda: world.cancel(numeros[3]))
    assert world.outbox() == []
    cancelled = world.demande(numeros[3])
    assert (cancelled.etat, cancelled.etat_produit) == (EtatDemande.ANNULEE.value, EtatProduit.REVOQUE.value)
    assert world.steps(numeros[3]) == [*_NOTHING_YET, CodeAction.CANCELLED, CodeAction.CERTIFICATE_REVOKED]
    certificat = world.certificat(numeros[3])
    assert certificat.der is not None
    assert certificat.revoque_le is not None
    # Only this one is on the next list.
    reason = x509.ReasonFlags.cessation_of_operation
    assert _serials_on_crl(world, certificat.autorite) == {int(certificat.serial, 16): reason}
    others = [world.demande(numero).etat_produit for numero in numeros if numero != numeros[3]]
    assert others == [EtatProduit.A_RETIRER.value] * 4


def test_a_demande_cancelled_before_its_bytes_exist_gets_none(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = world.deposit_fresh(5)
    numeros = world.numeros(index)
    prepare = issuing._prepare

    def prepare_then_cancel(*args: Any) -> object:
        result = prepare(*args)
        world.cancel(numeros[0])
        return result

    monkeypatch.setattr(issuing, "_prepare", prepare_then_cancel)
    world.run_batch()
    assert world.outbox() == []
    assert world.values(select(tables.Certificat).where(tables.Certificat.id_demande == numeros[0])) == []
    assert world.demande(numeros[0]).etat == EtatDemande.ANNULEE.value
    assert world.signed() == 4


def test_a_demande_given_up_while_a_slow_worker_signs_it_is_revoked(world: BatchWorld) -> None:
    """Its key was given back and may come again: the late certificate must not stay valid."""
    forms = world.fresh_forms(1)
    index = world.deposit(*forms).index
    (numero,) = world.numeros(index)

    def give_it_up() -> None:
        with world.db.write() as session:
            give_up(session, [numero], world.clock())

    _work_while(world, give_it_up)
    demande, certificat = world.demande(numero), world.certificat(numero)
    assert (demande.etat, demande.etat_produit) == (EtatDemande.NON_TRAITEE.value, EtatProduit.REVOQUE.value)
    assert list(_serials_on_crl(world, certificat.autorite)) == [int(certificat.serial, 16)]
    again = world.deposit(*forms, reference="again").index
    world.run_batch()
    world.assert_complete(again, good=1)


def test_a_refusal_that_comes_late_does_not_undo_a_certificate(world: BatchWorld) -> None:
    """Two runs of one chunk under different profiles, as during an upgrade: the certificate that exists stands."""
    index = world.deposit_fresh(2)
    numeros = world.numeros(index)
    world.run_batch()
    store(world.context, {}, Run(refused=numeros), ())
    world.assert_complete(index, good=2)


def test_a_row_taken_over_by_another_worker_while_it_is_signed(world: BatchWorld) -> None:
    """The lease ends during the signature; the other worker finishes first."""
    index = world.deposit_fresh(5)
    other = Database(world.database_url)

    def take_over() -> None:
        leases.release_worker(world.db, "test-worker")
        (task,) = world.send()
        (claimed,) = leases.claim(other, [(task.id, task.attempt)], "worker-2", world.policy, world.clock())
        context = replace(replace(world, db=other).context, worker="worker-2")
        assert issuing.issue_chunk(context, claimed.numeros, Owed(claimed.numeros, [claimed.id])) == 5

    _work_while(world, take_over)
    other.dispose()
    world.assert_complete(index, good=5)


_SQLITE_TRIGGERS = {
    "certificat": (
        "CREATE TRIGGER fail BEFORE UPDATE ON certificat WHEN NEW.der IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'broken by the test'); END"
    ),
    "historique": (
        "CREATE TRIGGER fail BEFORE INSERT ON historique WHEN NEW.code_action = 'ACT_IGC_004' "
        "BEGIN SELECT RAISE(ABORT, 'broken by the test'); END"
    ),
    "outbox": "CREATE TRIGGER fail BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'broken by the test'); END",
}
_POSTGRESQL_CONDITIONS = {
    "certificat": "BEFORE UPDATE ON certificat FOR EACH ROW WHEN (NEW.der IS NOT NULL)",
    "historique": "BEFORE INSERT ON historique FOR EACH ROW WHEN (NEW.code_action = 'ACT_IGC_004')",
    "outbox": "BEFORE DELETE ON outbox FOR EACH ROW",
}


def _break(world: BatchWorld, table: str) -> None:
    """From now on the last transaction fails at this table."""
    with world.db.write() as session:
        if world.db.engine.dialect.name == "sqlite":
            session.execute(text(_SQLITE_TRIGGERS[table]))
            return
        session.execute(
            text(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'broken by the test'; END $$"
            )
        )
        session.execute(text(f"CREATE TRIGGER fail {_POSTGRESQL_CONDITIONS[table]} EXECUTE FUNCTION broken()"))


def _mend(world: BatchWorld, table: str) -> None:
    with world.db.write() as session:
        on = "" if world.db.engine.dialect.name == "sqlite" else f" ON {table}"
        session.execute(text(f"DROP TRIGGER fail{on}"))


@pytest.mark.parametrize("table", ["certificat", "historique", "outbox"])
def test_an_error_in_the_last_transaction_loses_nothing_and_signs_nothing_else(world: BatchWorld, table: str) -> None:
    index = world.deposit_fresh(5)
    _break(world, table)
    world.run_batch()
    certificat = tables.Certificat
    before = dict(world.rows(select(certificat.serial, certificat.tbs)))
    assert len(before) == 5
    assert world.signed() == 0
    (row,) = world.outbox()
    assert (row.attempts, row.worker) == (0, None)
    _mend(world, table)
    with world.db.write() as session:
        session.get_one(tables.Outbox, row.id).lease_until = None
    world.run_batch()
    world.assert_complete(index, good=5)
    after = {
        serial: x509.load_der_x509_certificate(der).tbs_certificate_bytes
        for serial, der in world.rows(select(certificat.serial, certificat.der))
    }
    assert after == before
