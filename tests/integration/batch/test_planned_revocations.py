"""The day of a revocation has come: the relay's table sends the job, a worker does it, the lists follow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509

from batch.lists.crls import any_due as lists_due
from batch.lists.crls import publish
from batch.queue.jobs import install, publish_crls, revoke_planned
from batch.queue.periodic import TABLE, Schedule
from batch.queue.rq import Job
from storage.database import Database
from tests.support.hierarchies import Hierarchy
from tests.support.revoking import active, certificat, revocation, revocation_form
from tests.support.world import World, make_world

DAY, MIDNIGHT = "2026-12-15", datetime(2026, 12, 14, 23, 0, tzinfo=UTC)


class Heard:
    """A queue that remembers what was sent to it."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def send(self, job: Job, *_arguments: object) -> None:
        self.jobs.append(job)


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy) -> World:
    return make_world(database, hierarchy)


def sent(world: World) -> list[Job]:
    """What a relay that has just started sends."""
    heard = Heard()
    (line,) = [line for line in TABLE if line.job is Job.REVOKE_PLANNED]
    Schedule([line], world.policy).run_due(world.db, heard, world.clock())  # type: ignore[arg-type]  # sends, no more
    return heard.jobs


def test_a_relay_sends_it_when_the_day_has_come_and_the_lists_follow(world: World) -> None:
    numero = active(world)
    asked = world.ra.revocations.revoke(world.origin(), revocation_form(numero, date_effet=DAY))
    world.clock.now = MIDNIGHT
    row = certificat(world, numero)
    publish(world.context, row.autorite)
    world.clock.advance(hours=-1)
    assert sent(world) == []
    # Everything was down at midnight.
    world.clock.now = MIDNIGHT
    world.clock.advance(hours=9)
    assert sent(world) == [Job.REVOKE_PLANNED]
    install(world.context)
    revoke_planned()
    revoke_planned()
    assert sent(world) == []
    assert revocation(world, asked.numero).resultat == "REVOQUE"
    assert lists_due(world.db, world.policy, world.clock())
    publish_crls()
    crl = x509.load_der_x509_crl(publish(world.context, row.autorite))
    entry = crl.get_revoked_certificate_by_serial_number(int(row.serial, 16))
    assert entry is not None
    assert entry.revocation_date_utc == world.clock.now.replace(microsecond=0)
