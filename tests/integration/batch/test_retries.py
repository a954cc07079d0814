"""Tries have a limit; then the demande is Non traitee with ERR_WS_040 and may be presented again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select, text, update

from batch.jobs import install, run_tasks
from pki.errors import SignerError
from pki.signers.port import Signer
from registration.errors import Code, IgcError
from registration.queries import follow_lot
from registration.vocabulary import CodeAction, EtatDemande, EtatLot
from storage import tables
from tests.integration.batch.world import SteppedClock, World

_PAUSES = (1, 5, 15, 60)


@dataclass
class BrokenSigner:
    """A signing module that is switched off, or refuses some signatures; ``tries`` counts what it was asked."""

    inner: Signer
    works: bool = False
    tries: int = 0
    refuses: set[int] = field(default_factory=set)

    @property
    def authority(self) -> str:
        return self.inner.authority

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self.inner.public_key

    def sign(self, tbs: bytes) -> bytes:
        self.tries += 1
        if not self.works and self.tries not in self.refuses:
            raise SignerError(f"{self.authority}: no answer from the module")
        return self.inner.sign(tbs)


@pytest.fixture
def clock(world: World) -> SteppedClock:
    """The clock of every part of this test's world."""
    clock = SteppedClock()
    world.clock = clock
    return clock


@pytest.fixture
def signers(world: World) -> dict[str, BrokenSigner]:
    """Every key of the hierarchy behind a module that does not answer."""
    return {name: BrokenSigner(signer) for name, signer in world.hierarchy.signers.items()}


def _work_until_nothing_is_owed(world: World, clock: SteppedClock) -> None:
    for _ in range(600):
        if not world.outbox():
            return
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
        clock.now += timedelta(seconds=1)
    pytest.fail("still owed")


def test_a_signer_that_always_fails(world: World, clock: SteppedClock, signers: dict[str, BrokenSigner]) -> None:
    forms = world.forms(1)
    index = world.submit(forms)
    install(world.context(signers=signers))
    started = clock.now
    _work_until_nothing_is_owed(world, clock)
    tries = sum(signer.tries for signer in signers.values())
    assert tries == world.policy.max_attempts
    # 1 + 5 + 15 + 60 seconds between the five tries, and as long again before giving up.
    assert sum(_PAUSES) <= (clock.now - started).total_seconds() <= sum(_PAUSES) + 60 + 10
    (numero,) = world.numeros(index)
    demande = world.demande(numero)
    assert (demande.etat, demande.etat_produit) == (EtatDemande.NON_TRAITEE.value, None)
    assert (demande.code_erreur, demande.texte_erreur) == (Code.NOT_PROCESSED.value, IgcError(Code.NOT_PROCESSED).text)
    assert world.steps(numero)[2:] == [CodeAction.HANDED_TO_CA, CodeAction.NOT_PROCESSED]
    assert world.certificat(numero).der is None
    # The same key comes again when the module works.
    again = world.submit(forms, "again")
    world.work()
    world.assert_complete(again, good=1)


def test_a_chunk_is_taken_apart_and_everyone_is_tried_alone(
    world: World, clock: SteppedClock, signers: dict[str, BrokenSigner]
) -> None:
    world.policy = replace(world.policy, max_attempts=2)
    index = world.submit(world.forms(4))
    install(world.context(signers=signers))
    for _ in range(2):
        (task,) = world.send()
        run_tasks([[task.id, task.attempt]])
        clock.now += timedelta(seconds=61)
    assert world.send() == []
    rows = world.outbox()
    assert [row.payload["numeros"] for row in rows] == [[numero] for numero in world.numeros(index)]
    # The module answers again, once: for one of the four.
    broken = next(signer for signer in signers.values() if signer.tries)
    broken.refuses = {broken.tries + 2}
    _work_until_nothing_is_owed(world, clock)
    etats = [world.demande(numero).etat for numero in world.numeros(index)]
    assert sorted(etats) == [EtatDemande.NON_TRAITEE.value] * 3 + [EtatDemande.TRANSMISE.value]
    assert world.signed() == 1
    assert follow_lot(world.db, world.acteur, index=index).etat is EtatLot.TERMINE


def test_rows_that_rest_do_not_fill_the_window(
    world: World, clock: SteppedClock, signers: dict[str, BrokenSigner]
) -> None:
    """One authority's module is away: what the others sign goes on."""
    world.policy = replace(world.policy, window=2)
    broken = world.context(signers=signers)
    for number in range(4):
        world.submit(world.forms(1), f"broken {number}")
    install(broken)
    for _ in range(2):
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
    assert all(row.worker is None and row.lease_until > clock() for row in world.outbox())
    numero = world.place()
    (task,) = world.send()
    assert task.numeros == (numero,)


@pytest.mark.parametrize("contenu", [{"product": "ORG_AUTH_CLI", "common_name": "A" * 200}, {"product": "NONE"}, {}])
def test_one_content_that_cannot_be_issued_sinks_no_other(world: World, contenu: dict[str, str]) -> None:
    index = world.submit(world.forms(5))
    numeros = world.numeros(index)
    with world.db.write() as session:
        session.execute(update(tables.Demande).where(tables.Demande.id == numeros[2]).values(contenu=contenu))
    world.work()
    assert world.outbox() == []
    etats = [world.demande(numero).etat for numero in numeros]
    sunk = EtatDemande.NON_TRAITEE.value
    assert etats == [EtatDemande.TRANSMISE.value] * 2 + [sunk] + [EtatDemande.TRANSMISE.value] * 2
    assert world.signed() == 4
    assert world.demande(numeros[2]).code_erreur == Code.NOT_PROCESSED.value
    assert world.steps(numeros[2])[-1] is CodeAction.NOT_PROCESSED


def test_bytes_that_the_lint_refuses_are_never_signed(world: World) -> None:
    """As when a rule becomes stricter between the hand-over and the signature."""
    index = world.submit(world.forms(3))
    numeros = world.numeros(index)
    install(world.context(signers={name: BrokenSigner(signer) for name, signer in world.hierarchy.signers.items()}))
    (task,) = world.send()
    run_tasks([[task.id, task.attempt]])
    stored = bytes(world.certificat(numeros[1]).tbs)
    with world.db.write() as session:
        # sha256WithRSAEncryption becomes sha1WithRSAEncryption inside the bytes to be signed.
        harmed = stored.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
        assert harmed != stored
        session.execute(update(tables.Certificat).where(tables.Certificat.id_demande == numeros[1]).values(tbs=harmed))
        session.execute(update(tables.Outbox).values(lease_until=None))
    world.work()
    assert [world.demande(numero).etat for numero in numeros] == [
        EtatDemande.TRANSMISE.value,
        EtatDemande.NON_TRAITEE.value,
        EtatDemande.TRANSMISE.value,
    ]
    assert world.certificat(numeros[1]).der is None


def _refuse_first_page(world: World) -> None:
    """The database takes no valid demande of the first 25 positions, whatever is tried."""
    with world.db.write() as session:
        if world.db.engine.dialect.name == "sqlite":
            session.execute(
                text(
                    "CREATE TRIGGER refuse BEFORE INSERT ON demande WHEN NEW.etat = 'VALIDEE' AND NEW.position <= 25 "
                    "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
                )
            )
        else:
            session.execute(
                text("ALTER TABLE demande ADD CONSTRAINT refuse CHECK (etat <> 'VALIDEE' OR position > 25)")
            )


def test_a_page_that_always_fails_is_given_up_and_the_next_goes_on(world: World, clock: SteppedClock) -> None:
    world.policy = replace(world.policy, lots=msgspec.structs.replace(world.policy.lots, page_size=25))
    _refuse_first_page(world)
    index = world.submit(world.forms(50))
    install(world.context())
    _work_until_nothing_is_owed(world, clock)
    demandes = [world.demande(numero) for numero in world.numeros(index)]
    assert [demande.position for demande in demandes] == list(range(1, 51))
    assert {demande.etat for demande in demandes[:25]} == {EtatDemande.NON_TRAITEE.value}
    assert {demande.code_erreur for demande in demandes[:25]} == {Code.NOT_PROCESSED.value}
    assert {demande.etat for demande in demandes[25:]} == {EtatDemande.TRANSMISE.value}
    assert world.steps(demandes[0].id) == [CodeAction.RECORDED, CodeAction.NOT_PROCESSED]
    # Their keys are free: what was not examined claims nothing.
    held = world.values(select(tables.ClePublique.id_demande))
    assert sorted(held) == [demande.id for demande in demandes[25:]]
    follow_up = follow_lot(world.db, world.acteur, index=index)
    assert (follow_up.etat, follow_up.avancement) == (EtatLot.TERMINE, 100)


def test_a_page_that_cannot_even_be_read_stops_no_other_lot(world: World, clock: SteppedClock) -> None:
    broken = world.submit(world.forms(30), "broken")
    with world.db.write() as session:
        session.execute(update(tables.LotPage).where(tables.LotPage.id_lot == broken).values(contenu=b"\xc1"))
    install(world.context())
    for _ in range(world.policy.max_attempts + 2):
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
        clock.now += timedelta(seconds=61)
    good = world.submit(world.forms(30), "good")
    world.work()
    # It waits for an engineer, loud in the log; everything else goes on.
    (row,) = world.outbox()
    assert (row.id_lot, row.attempts) == (broken, world.policy.max_attempts)
    world.assert_complete(good, good=30)
