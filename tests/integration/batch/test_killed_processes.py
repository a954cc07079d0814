"""Processes that die with SIGKILL in the middle of a lot: every good item is exactly one certificate at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.batch.plateforme import Plateforme
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.produits import demande_form

pytestmark = pytest.mark.long

_ITEMS = 1_000


def test_workers_and_relay_killed_in_the_middle_of_a_lot(world: BatchWorld, tmp_path: Path) -> None:
    good = list(world.fresh_forms(_ITEMS - 4))
    bad = [
        demande_form(the(good[0].csr)),  # the same key again
        demande_form(the(good[1].csr)),
        demande_form(b"not a request"),
        demande_form(the(good[2].csr), structure="10B0000000"),  # no habilitation there
    ]
    # One on the first page, two in the middle, one at the end.
    items = [*good[:10], bad[0], *good[10:450], bad[1], *good[450:550], bad[2], *good[550:], bad[3]]
    index = world.deposit(*items).index
    with Plateforme(world, tmp_path, world.queue_url) as plateforme:
        for certificates, names in (
            (1, ("worker-1",)),
            (250, ("worker-2", "relais")),
            (550, ("worker-1", "worker-2", "relais")),
        ):
            plateforme.wait_for_certificates(certificates)
            plateforme.kill(*names)
        plateforme.wait_until_done()
    world.assert_complete(index, good=_ITEMS - 4, bad=4)
