"""Tries have a limit; then the demande is Non traitee with ERR_WS_040 and may be presented again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text, update

from batch.issuing import demandes
from batch.queue import leases
from batch.queue.jobs import install, run_tasks
from pki.authority import Authority
from pki.certificates.content import CertificateContent
from pki.errors import LintError
from pki.issuing import issuance
from pki.issuing.issuance import LintedCertificate, PreparedCertificate
from registration.errors import Code, IgcError
from registration.lots.follow_up import follow_lot
from registration.vocabulary import CodeAction, EtatDemande, EtatLot
from storage import tables
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.clock import Clock
from tests.support.signers import BrokenSigner, broken

pytestmark = pytest.mark.long

_PAUSES = (1, 5, 15, 60)


@pytest.fixture
def signers(world: BatchWorld) -> dict[str, BrokenSigner]:
    """Every key of the hierarchy behind a module that does not answer."""
    return broken(world.hierarchy.signers)


def _work_until_nothing_is_owed(world: BatchWorld, clock: Clock) -> None:
    for _ in range(600):
        if not world.outbox():
            return
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
        clock.now += timedelta(seconds=1)
    pytest.fail("still owed")


def _poison(monkeypatch: pytest.MonkeyPatch, spki: bytes) -> None:
    """Whatever is prepared for this key fails, and only that: a fault of ours that one demande brings to light."""

    def prepare(
        authority: Authority, content: CertificateContent, key: bytes, *rest: Any, **named: Any
    ) -> PreparedCertificate:
        if key == spki:
            raise ZeroDivisionError
        return issuance.prepare(authority, content, key, *rest, **named)

    monkeypatch.setattr(demandes, "prepare", prepare)


def _spki(world: BatchWorld, numero: int) -> bytes:
    (spki,) = world.values(select(tables.ClePublique.spki).where(tables.ClePublique.id_demande == numero))
    return bytes(spki)


def test_one_demande_that_always_fails(world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = world.fresh_forms(1)
    index = world.deposit(*forms).index
    (numero,) = world.numeros(index)
    install(world.context)
    started = clock.now
    with monkeypatch.context() as patched:
        _poison(patched, _spki(world, numero))
        _work_until_nothing_is_owed(world, clock)
    # 1 + 5 + 15 + 60 seconds between the five tries, and as long again before giving up.
    assert sum(_PAUSES) <= (clock.now - started).total_seconds() <= sum(_PAUSES) + 60 + 10
    demande = world.demande(numero)
    assert (demande.etat, demande.etat_produit) == (EtatDemande.NON_TRAITEE.value, None)
    assert (demande.code_erreur, demande.texte_erreur) == (Code.NOT_PROCESSED.value, IgcError(Code.NOT_PROCESSED).text)
    assert world.steps(numero)[2:] == [CodeAction.NOT_PROCESSED]
    # The same key comes again when the fault is mended.
    again = world.deposit(*forms, reference="again").index
    world.run_batch()
    world.assert_complete(again, good=1)


def test_a_bad_one_is_found_by_halving_and_sinks_no_other(
    world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = world.deposit_fresh(9)
    numeros = world.numeros(index)
    bad = numeros[6]
    install(world.context)
    _poison(monkeypatch, _spki(world, bad))
    runs = 0
    while world.signed() < 8:
        for task in world.send():
            runs += 1
            run_tasks([[task.id, task.attempt]])
        assert runs < 2 * 9
    # Nobody waited for a pause of the bad one.
    (row,) = world.outbox()
    assert row.payload["numeros"] == [bad]
    _work_until_nothing_is_owed(world, clock)
    assert world.demande(bad).etat == EtatDemande.NON_TRAITEE.value
    others = {world.demande(numero).etat for numero in numeros if numero != bad}
    assert others == {EtatDemande.TRANSMISE.value}
    assert follow_lot(world.db, world.origin().acteur, index=index).etat is EtatLot.TERMINE


def test_many_that_kill_their_worker_are_taken_apart(world: BatchWorld, clock: Clock) -> None:
    """Nobody survives to say that a job failed: leases end, and whoever comes next dies as well."""
    index = world.deposit_fresh(4)
    for _ in range(3):
        (task,) = world.send()
        leases.claim(world.db, [(task.id, task.attempt)], "worker-dies", world.policy, world.clock())
        leases.release_worker(world.db, "worker-dies")
    assert world.send() == []
    assert [len(row.payload["numeros"]) for row in world.outbox()] == [2, 2]
    world.run_batch()
    world.assert_complete(index, good=4)


def test_rows_that_rest_do_not_fill_the_window(
    world: BatchWorld, clock: Clock, signers: dict[str, BrokenSigner]
) -> None:
    """One authority's module is away: what the others sign goes on."""
    world.policy = replace(world.policy, window=2)
    away = replace(world.context, signers=signers)
    for number in range(4):
        world.deposit_fresh(1, reference=f"broken {number}")
    install(away)
    for _ in range(2):
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
    assert all(row.worker is None and the(row.lease_until) > clock() for row in world.outbox())
    numero = world.place()
    (task,) = world.send()
    assert task.numeros == (numero,)


@pytest.mark.parametrize("contenu", [{"product": "ORG_AUTH_CLI", "common_name": "A" * 200}, {"product": "NONE"}, {}])
def test_one_content_that_cannot_be_issued_sinks_no_other(world: BatchWorld, contenu: dict[str, str]) -> None:
    index = world.deposit_fresh(5)
    numeros = world.numeros(index)
    with world.db.write() as session:
        session.execute(update(tables.Demande).where(tables.Demande.id == numeros[2]).values(contenu=contenu))
    world.run_batch()
    assert world.outbox() == []
    etats = [world.demande(numero).etat for numero in numeros]
    sunk = EtatDemande.NON_TRAITEE.value
    assert etats == [EtatDemande.TRANSMISE.value] * 2 + [sunk] + [EtatDemande.TRANSMISE.value] * 2
    assert world.signed() == 4
    assert world.demande(numeros[2]).code_erreur == Code.NOT_PROCESSED.value
    assert world.steps(numeros[2])[-1] is CodeAction.NOT_PROCESSED


def test_bytes_that_the_lint_refuses_are_never_signed(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a rule becomes stricter between the hand-over and the signature."""
    index = world.deposit_fresh(3)
    numeros = world.numeros(index)
    install(replace(world.context, signers=broken(world.hierarchy.signers)))
    (task,) = world.send()
    run_tasks([[task.id, task.attempt]])
    stored, original = the(world.certificat(numeros[1]).tbs), issuance.lint

    def stricter(prepared: PreparedCertificate, authority: Authority) -> LintedCertificate:
        if prepared.tbs == stored:
            raise LintError(("a new rule",))
        return original(prepared, authority)

    monkeypatch.setattr(demandes, "lint", stricter)
    with world.db.write() as session:
        session.execute(update(tables.Outbox).values(lease_until=None))
    world.run_batch()
    assert [world.demande(numero).etat for numero in numeros] == [
        EtatDemande.TRANSMISE.value,
        EtatDemande.NON_TRAITEE.value,
        EtatDemande.TRANSMISE.value,
    ]
    assert world.certificat(numeros[1]).der is None


def _refuse_first_page(world: BatchWorld) -> None:
    """The database takes no two valid demandes of the first 25 positions, whatever is tried."""
    with world.db.write() as session:
        session.execute(text("CREATE UNIQUE INDEX refuse ON demande (canal) WHERE etat = 'VALIDEE' AND position <= 25"))


def test_a_page_that_always_fails_is_given_up_and_the_next_goes_on(world: BatchWorld, clock: Clock) -> None:
    world.policy = replace(world.policy, lots=msgspec.structs.replace(world.policy.lots, page_size=25))
    _refuse_first_page(world)
    index = world.deposit_fresh(50)
    install(world.context)
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
    follow_up = follow_lot(world.db, world.origin().acteur, index=index)
    assert (follow_up.etat, follow_up.avancement) == (EtatLot.TERMINE, 100)


def test_a_page_that_cannot_even_be_read_stops_no_other_lot(world: BatchWorld, clock: Clock) -> None:
    broken = world.deposit_fresh(30, reference="broken")
    with world.db.write() as session:
        session.execute(update(tables.LotPage).where(tables.LotPage.id_lot == broken).values(contenu=b"\xc1"))
    install(world.context)
    for _ in range(world.policy.max_attempts + 2):
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
        clock.now += timedelta(seconds=61)
    good = world.deposit_fresh(30, reference="good")
    world.run_batch()
    # It waits for an engineer, loud in the log; everything else goes on.
    (row,) = world.outbox()
    assert (row.id_lot, row.attempts) == (broken, world.policy.max_attempts)
    world.assert_complete(good, good=30)
