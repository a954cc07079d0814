"""A fair share for every sender: a crowd of calls makes nobody else wait, and what is too much is told at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from registration.values import Acteur, Origin
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import body_of, envelope, fault_of, item, lot, request
from ws.contract.files import ENDPOINT
from ws.contract.names import SoapVersion

Answers = list[tuple[int, dict[str, str], bytes]]
CRITERIA = "<l:criteres><l:offre>ORG</l:offre></l:criteres>"
SEARCH = envelope(request("rechercherDemandes", CRITERIA))
CANCEL = envelope(request("annulerDemande", "<l:numeroDemande>1</l:numeroDemande>"))
READ = envelope(request("consulterService"))


class Gate:
    """Holds up the calls of one acteur, and counts those that have come as far as the desk."""

    def __init__(self, whose: str) -> None:
        self.whose = whose
        self.open = threading.Event()
        self.inside = 0
        self._lock = threading.Lock()

    def holding(self, use_case: Callable[..., object]) -> Callable[..., object]:
        def held(who: Acteur | Origin, *args: object, **kwargs: object) -> object:
            acteur = who.acteur if isinstance(who, Origin) else who
            if acteur.libelle == self.whose:
                with self._lock:
                    self.inside += 1
                self.open.wait(30)
            return use_case(who, *args, **kwargs)

        return held


@contextmanager
def crowd(canal: Canal, message: bytes, count: int, answers: Answers) -> Iterator[list[threading.Thread]]:
    """So many calls of the client at once."""

    def call() -> None:
        answers.append(canal.exchange("POST", ENDPOINT, message, {"Content-Type": SoapVersion.V11.content_type}))

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.join(30)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def gate(canal: Canal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate("CHU EXEMPLE")
    monkeypatch.setattr(canal.desk.demandes, "search", gate.holding(canal.desk.demandes.search))
    monkeypatch.setattr(canal.desk.demandes, "cancel", gate.holding(canal.desk.demandes.cancel))
    yield gate
    gate.open.set()


def test_a_crowd_of_searches_makes_nobody_else_wait(canal: Canal, gate: Gate) -> None:
    answers: Answers = []
    with crowd(canal, SEARCH, 60, answers):
        wait_until(lambda: gate.inside == 3 and len(answers) == 60 - 3 - 40)
        # The crowd has its share of the threads, its line is full, the rest was told; all others are served.
        for _ in range(5):
            status, content = canal.post(SEARCH, name="other")
            assert status == 200
            body_of(content)
        assert gate.inside == 3
        for status, headers, content in answers:
            assert (status, fault_of(content)["code"]) == (500, "ERR_WS_050")
            assert int(headers["retry-after"]) > 0
        gate.open.set()
    assert sorted(status for status, _, _ in answers) == [200] * 43 + [500] * 17


def test_who_reads_does_not_wait_for_who_writes(canal: Canal, gate: Gate) -> None:
    """Every thread that may write waits for the database."""
    answers: Answers = []
    with crowd(canal, CANCEL, 8, answers):
        wait_until(lambda: gate.inside == 3)
        for _ in range(3):
            assert canal.post(READ)[0] == 200  # the same sender too
        assert canal.post(CANCEL, name="other")[0] == 200
        gate.open.set()
    assert [status for status, _, _ in answers] == [200] * 8


def test_what_waits_for_a_client_that_hung_up_is_not_done(canal: Canal, gate: Gate) -> None:
    connections = []
    for _ in range(20):
        connection = canal.connect()
        connection.request("POST", ENDPOINT, SEARCH, {"Content-Type": SoapVersion.V11.content_type})
        connections.append(connection)
    wait_until(lambda: gate.inside == 3)
    before = canal.desk.calls.count("identify")
    for connection in connections:
        connection.close()
    time.sleep(0.5)
    gate.open.set()
    # Those inside are finished; of the others nobody asks who they were.
    wait_until(lambda: canal.post(READ)[0] == 200)
    assert gate.inside == 3
    assert canal.desk.calls.count("identify") == before + 1


@pytest.mark.long
def test_the_waits_of_one_acteur_do_not_end_those_of_another(canal: Canal) -> None:

    for number in range(60):
        canal.post(envelope(lot(item(number), reference=f"lot-{number}")))
    canal.post(envelope(lot(item(1), reference="other")), name="other")

    def ask(index: int) -> bytes:
        return envelope(
            request(
                "suivreLot",
                f"<l:indexLot>{index}</l:indexLot><l:versionConnue>v1</l:versionConnue><l:attente>4</l:attente>",
            )
        )

    ended: list[int] = []

    def wait(index: int) -> None:
        canal.post(ask(index))
        ended.append(index)

    threads = [threading.Thread(target=wait, args=(index,)) for index in range(1, 61)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(ended) >= 10)  # beyond the share of one acteur nobody waits
    started = time.monotonic()
    status, _ = canal.post(ask(61), name="other")
    assert status == 200
    assert time.monotonic() - started > 2
    for thread in threads:
        thread.join(30)
    assert len(ended) == 60
