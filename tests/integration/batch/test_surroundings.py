"""What fails around the demandes (database, disk, signer) costs none of them a try: the batch stands still and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import msgspec
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from batch.issuing import demandes as issuing
from batch.issuing import handover
from batch.queue import jobs, leases
from batch.queue.faults import is_of_surroundings
from batch.queue.jobs import install, run_tasks
from pki.certificates.profiles import PRODUCTS
from pki.errors import SignerError
from pki.issuing.profile_samples import samples
from registration.vocabulary import EtatDemande, Plateforme
from storage import tables
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.clock import Clock
from tests.support.signers import broken

_MINUTES = 10


def _live(world: BatchWorld, clock: Clock, minutes: float) -> None:
    """The relay sends and a worker works, for so long."""
    end = clock.now + timedelta(minutes=minutes)
    while clock.now < end:
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
        clock.now += timedelta(seconds=1)


@contextmanager
def _unwritable(world: BatchWorld, table: str) -> Iterator[None]:
    """Nothing can be written to a table, as when its part of the disk is full or its rights were changed."""
    sqlite = world.db.engine.dialect.name == "sqlite"
    with world.db.write() as session:
        for operation in ("INSERT", "UPDATE"):
            name = f"unwritable_{operation}".lower()
            if sqlite:
                session.execute(
                    text(
                        f"CREATE TRIGGER {name} BEFORE {operation} ON {table} "
                        "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                    )
                )
                continue
            session.execute(
                text(
                    f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$"
                )
            )
            session.execute(
                text(f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
            )
    yield
    with world.db.write() as session:
        for operation in ("insert", "update"):
            session.execute(text(f"DROP TRIGGER unwritable_{operation}" + ("" if sqlite else f" ON {table}")))


@pytest.mark.long
@pytest.mark.parametrize("table", ["certificat", "demande", "historique", "piste_audit"])
def test_a_table_that_cannot_be_written_for_minutes(world: BatchWorld, clock: Clock, table: str) -> None:
    index = world.deposit_fresh(30)
    install(world.context)
    with _unwritable(world, table):
        _live(world, clock, _MINUTES)
        assert world.signed() == 0
        rows = world.outbox()
        assert rows != []
        assert {row.attempts for row in rows} == {0}
    _live(world, clock, 0.25)
    world.assert_complete(index, good=30)


@pytest.mark.long
def test_a_signer_that_is_away_for_minutes(world: BatchWorld, clock: Clock) -> None:
    signers = broken(world.hierarchy.signers)
    index = world.deposit_fresh(6)
    install(replace(world.context, signers=signers))
    _live(world, clock, _MINUTES)
    assert {row.attempts for row in world.outbox()} == {0}
    for signer in signers.values():
        signer.works = True
    _live(world, clock, 0.25)
    world.assert_complete(index, good=6)


def test_a_signer_that_is_away_stops_only_its_own_authority(world: BatchWorld, clock: Clock) -> None:
    index = world.deposit_fresh(6)
    of_persons = world.numeros(index)[::2]
    with world.db.write() as session:
        contenu = msgspec.to_builtins(next(samples(PRODUCTS["PS_AUTH"])))
        of_ps = {"offre": "PS", "usage": "AUTH", "contenu": contenu}
        session.execute(update(tables.Demande).where(tables.Demande.id.in_(of_persons)).values(of_ps))
    away = world.context.issuer_of(Plateforme.TEST, "PS_AUTH").short_name
    signers = broken(world.hierarchy.signers)
    for name, signer in signers.items():
        signer.works = name != away
    install(replace(world.context, signers=signers))
    _live(world, clock, 0.25)
    unsigned = {row.id_demande for row in world.values(select(tables.Certificat)) if row.der is None}
    assert unsigned == set(of_persons)
    assert signers[away].tries < 12
    signers[away].works = True
    _live(world, clock, 0.25)
    world.assert_complete(index, good=6)


def test_a_claim_of_unknown_end_is_given_back_at_once(
    world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke at the commit of the claim: the row may bear this worker's name for the whole lease."""
    index = world.deposit_fresh(5)
    install(world.context)
    hand_over = handover.hand_over
    with monkeypatch.context() as patched:

        def committed_and_lost(*args: Any) -> NoReturn:
            hand_over(*args)
            raise OperationalError("COMMIT", None, Exception("connection lost"))

        patched.setattr(issuing, "hand_over", committed_and_lost)
        (task,) = world.send()
        run_tasks([[task.id, task.attempt]])
    (row,) = world.outbox()
    assert (row.worker, row.attempts) == (None, 0)
    _live(world, clock, 0.25)
    world.assert_complete(index, good=5)


def test_what_was_in_flight_is_given_back_when_the_database_is_there_again(
    world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease of the lost try would last two minutes."""
    index = world.deposit_fresh(5)
    install(world.context)
    away = iter([True] * 4)
    stand_back = leases.stand_back

    def broken(*_args: object) -> int:
        raise OperationalError("UPDATE", None, Exception("server closed the connection"))

    def stand_back_later(*args: Any) -> int:
        if next(away, False):
            broken()
        return stand_back(*args)

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "issue_chunk", broken)
        patched.setattr(leases, "stand_back", stand_back_later)
        patched.setattr(jobs, "AWAY_SECONDS", 0.01)
        (task,) = world.send()
        run_tasks([[task.id, task.attempt]])
    (row,) = world.outbox()
    assert (row.worker, row.attempts) == (None, 0)
    assert the(row.lease_until) <= clock.now + timedelta(seconds=15)
    _live(world, clock, 0.25)
    world.assert_complete(index, good=5)


def test_the_pauses_stay_short_however_long_it_lasts(world: BatchWorld, clock: Clock) -> None:
    world.deposit_fresh(2)
    install(replace(world.context, signers=broken(world.hierarchy.signers)))
    for _ in range(12):
        for task in world.send():
            run_tasks([[task.id, task.attempt]])
        rest = max(the(row.lease_until) for row in world.outbox()) - clock.now
        assert rest <= timedelta(seconds=15)
        clock.now += rest + timedelta(milliseconds=1)
    assert {world.demande(numero).etat for numero in world.values(select(tables.Demande.id))} <= {
        EtatDemande.VALIDEE.value,
        EtatDemande.TRANSMISE.value,
    }


def test_an_error_of_the_signer_is_no_error_of_a_demande() -> None:
    assert is_of_surroundings(SignerError("away"))
    assert is_of_surroundings(OSError(28, "No space left on device"))
    assert not is_of_surroundings(ValueError("this one"))
