"""A crowd of requests of one acteur makes nobody else wait; a database that is busy is told with a time to come again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from registration.errors import Code, IgcError
from registration.values import Acteur
from registration.views import DemandePage, SearchCriteria
from tests.integration.portal.world import PortalWorld


def test_a_crowd_of_one_acteur_leaves_room_for_the_others(world: PortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    leave = threading.Event()
    inside = threading.Semaphore(0)
    demandes = world.ra.demandes
    search_in = demandes.search

    def held(acteur: Acteur, criteria: SearchCriteria, **place: Any) -> DemandePage:
        if acteur.libelle.startswith("LEROUX"):
            inside.release()
            assert leave.wait(30)
        return search_in(acteur, criteria, **place)

    monkeypatch.setattr(demandes, "search", held)

    def search(name: str) -> requests.Response:
        return world.session(name).get(f"{world.url}/suivi/demandes?offre=TOUTES")

    with ThreadPoolExecutor(40) as crowd:
        answers = [crowd.submit(search, "dr-leroux") for _ in range(40)]
        for _ in range(4):
            assert inside.acquire(timeout=30)
        assert search("ide-marchand").status_code == 200
        assert not inside.acquire(blocking=False)
        leave.set()
    statuses = sorted(answer.result().status_code for answer in answers)
    assert statuses[0] == 200
    refused = [answer.result() for answer in answers if answer.result().status_code != 200]
    assert refused != []
    for answer in refused:
        assert (answer.status_code, "ERR_WS_050" in answer.text) == (503, True)
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "busy",
    [
        lambda world: (world.ra.acteurs, "identify"),
        lambda world: (world.ra.acteurs, "offres"),
    ],
)
def test_a_busy_database_is_no_incident(
    world: PortalWorld, monkeypatch: pytest.MonkeyPatch, busy: Callable[[PortalWorld], tuple[object, str]]
) -> None:
    def refuse(*_args: object) -> None:
        raise IgcError(Code.BUSY)

    monkeypatch.setattr(*busy(world), refuse)
    answer = world.session("dr-leroux").get(world.url)
    assert (answer.status_code, "ERR_WS_050" in answer.text) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0
