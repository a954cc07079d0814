"""Processes that die with SIGKILL in the middle of a lot: every good item is exactly one certificate at the end."""

from __future__ import annotations

from pathlib import Path

from tests.integration.batch.plateforme import Plateforme
from tests.integration.batch.world import World, form

_ITEMS = 1_000


def test_workers_and_relay_killed_in_the_middle_of_a_lot(world: World, tmp_path: Path) -> None:
    good = list(world.forms(_ITEMS - 4))
    bad = [
        form(good[0].csr),  # the same key again
        form(good[1].csr),
        form(b"not a request"),
        form(good[2].csr, structure="10B0000000"),  # no habilitation there
    ]
    # One on the first page, two in the middle, one at the end.
    items = [*good[:10], bad[0], *good[10:450], bad[1], *good[450:550], bad[2], *good[550:], bad[3]]
    index = world.submit(items)
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
