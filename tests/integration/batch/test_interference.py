"""What happens to a chunk while it is being signed: cancellation, giving up, an error of the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select, text

from batch import crls, issuing, tasks
from batch.jobs import install, run_tasks
from pki.signers.port import Signer
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit
from storage import tables
from storage.database import Database
from tests.integration.batch.world import World

_NOTHING_YET = [CodeAction.RECORDED, CodeAction.VALIDATED, CodeAction.HANDED_TO_CA]


@dataclass
class InterruptedSigner:
    """A real signer; ``meanwhile`` happens once, during its first signature."""

    inner: Signer
    meanwhile: Callable[[], None] | None

    @property
    def authority(self) -> str:
        return self.inner.authority

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self.inner.public_key

    def sign(self, tbs: bytes) -> bytes:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return self.inner.sign(tbs)


def _work_while(world: World, meanwhile: Callable[[], None]) -> None:
    """Sign what is ready, with ``meanwhile`` between the hand-over and the last transaction."""
    ours = {name: InterruptedSigner(signer, None) for name, signer in world.hierarchy.signers.items()}
    ours["ACI-EL-ORG-TEST"].meanwhile = meanwhile
    install(world.context(signers=ours))
    (task,) = world.send()
    run_tasks([[task.id, task.attempt]])
    assert all(signer.meanwhile is None for signer in ours.values())


def _serials_on_crl(world: World, autorite: str) -> dict[int, x509.ReasonFlags | None]:
    crl = x509.load_der_x509_crl(crls.publish(world.context(), autorite))
    found: dict[int, x509.ReasonFlags | None] = {}
    for entry in crl:
        reasons = [
            extension.value.reason for extension in entry.extensions if isinstance(extension.value, x509.CRLReason)
        ]
        found[entry.serial_number] = reasons[0] if reasons else None
    return found


def test_a_demande_cancelled_while_it_is_signed_is_revoked(world: World) -> None:
    index = world.submit(world.forms(5))
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


def test_a_demande_cancelled_before_its_bytes_exist_gets_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    index = world.submit(world.forms(5))
    numeros = world.numeros(index)
    prepare = issuing._prepare

    def prepare_then_cancel(*args: object) -> object:
        result = prepare(*args)  # type: ignore[arg-type]
        world.cancel(numeros[0])
        return result

    monkeypatch.setattr(issuing, "_prepare", prepare_then_cancel)
    world.work()
    assert world.outbox() == []
    assert world.values(select(tables.Certificat).where(tables.Certificat.id_demande == numeros[0])) == []
    assert world.demande(numeros[0]).etat == EtatDemande.ANNULEE.value
    assert world.signed() == 4


def test_a_demande_given_up_while_a_slow_worker_signs_it_is_revoked(world: World) -> None:
    """Its key was given back and may come again: the late certificate must not stay valid."""
    forms = world.forms(1)
    index = world.submit(forms)
    (numero,) = world.numeros(index)

    def give_up() -> None:
        with world.db.write() as session:
            issuing.give_up(session, [numero], world.clock())

    _work_while(world, give_up)
    demande, certificat = world.demande(numero), world.certificat(numero)
    assert (demande.etat, demande.etat_produit) == (EtatDemande.NON_TRAITEE.value, EtatProduit.REVOQUE.value)
    assert list(_serials_on_crl(world, certificat.autorite)) == [int(certificat.serial, 16)]
    again = world.submit(forms, "again")
    world.work()
    world.assert_complete(again, good=1)


def test_a_refusal_that_comes_late_does_not_undo_a_certificate(world: World) -> None:
    """Two runs of one chunk under different profiles, as during an upgrade: the certificate that exists stands."""
    index = world.submit(world.forms(2))
    numeros = world.numeros(index)
    world.work()
    issuing._store(world.context(), {}, numeros, (), ())
    world.assert_complete(index, good=2)


def test_a_row_taken_over_by_another_worker_while_it_is_signed(world: World) -> None:
    """The lease ends during the signature; the other worker finishes first."""
    index = world.submit(world.forms(5))
    other = Database(world.url)

    def take_over() -> None:
        tasks.release_worker(world.db, "worker-test")
        (task,) = world.send()
        (claimed,) = tasks.claim(other, [(task.id, task.attempt)], "worker-2", world.policy, world.clock())
        assert issuing.issue_chunk(world.context("worker-2", db=other), claimed.numeros, [claimed.id]) == 5

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


def _break(world: World, table: str) -> None:
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


def _mend(world: World, table: str) -> None:
    with world.db.write() as session:
        on = "" if world.db.engine.dialect.name == "sqlite" else f" ON {table}"
        session.execute(text(f"DROP TRIGGER fail{on}"))


@pytest.mark.parametrize("table", ["certificat", "historique", "outbox"])
def test_an_error_in_the_last_transaction_loses_nothing_and_signs_nothing_else(world: World, table: str) -> None:
    index = world.submit(world.forms(5))
    _break(world, table)
    world.work()
    certificat = tables.Certificat
    before = dict(world.rows(select(certificat.serial, certificat.tbs)))
    assert len(before) == 5
    assert world.signed() == 0
    (row,) = world.outbox()
    assert (row.attempts, row.worker) == (1, None)
    _mend(world, table)
    with world.db.write() as session:
        session.get_one(tables.Outbox, row.id).lease_until = None
    world.work()
    world.assert_complete(index, good=5)
    after = {
        serial: x509.load_der_x509_certificate(der).tbs_certificate_bytes
        for serial, der in world.rows(select(certificat.serial, certificat.der))
    }
    assert after == before
