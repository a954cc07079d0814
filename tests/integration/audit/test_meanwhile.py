"""An audit of a plateforme at work: what happens while it reads is no fault."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from audit.context import Report
from batch.lists.crls import publish
from tests.integration.audit.conftest import ORG, Place

_AUDITS = 3


@pytest.mark.long
def test_work_under_the_eyes_of_the_auditor_is_no_fault(place: Place) -> None:
    """Lots are registered, signed, cancelled and withdrawn, lists published, one after the other without a pause."""
    world, done = place.world, threading.Event()
    rounds = count(1)
    worked: list[int] = []

    def work() -> None:
        while not done.is_set():
            number = next(rounds)
            key = 40 + 2 * number
            index = world.issued(*(world.form(key=key + rank) for rank in range(2)), reference=f"meanwhile-{number}")
            world.ra.demandes.cancel(world.origin(), world.numeros(index)[0])
            publish(place.context, ORG, full=number % 2 == 0)
            world.clock.advance(seconds=1)
            worked.append(index)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        audits: list[Report] = []
        while len(audits) < _AUDITS or len(worked) < _AUDITS:
            assert worker.is_alive()
            audits.append(place.audit())
    finally:
        done.set()
        worker.join()
    assert [finding for report in audits for finding in report.findings] == []
    assert place.audit().findings == []
    assert audits[-1].checked["certificats"] > audits[0].checked["certificats"]
