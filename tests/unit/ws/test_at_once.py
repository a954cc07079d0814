"""A short read is answered where it came in, when nothing it needs may make everybody else wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import V11, body_of, envelope, fault_of, item, lot, request
from ws.contract.names import SoapVersion

WORKER = "ws-small"


def follow(index: int = 1, version: SoapVersion = V11, more: str = "") -> bytes:
    return envelope(request("suivreLot", f"<l:indexLot>{index}</l:indexLot>{more}"), version)


Noted = Callable[[Callable[..., object]], Callable[..., object]]


@pytest.fixture
def names() -> list[str]:
    return []


@pytest.fixture
def noted(names: list[str]) -> Noted:
    """A use case that notes in which thread it was called."""

    def noting(use_case: Callable[..., object]) -> Callable[..., object]:
        def answer(*args: object, **kwargs: object) -> object:
            names.append(threading.current_thread().name)
            return use_case(*args, **kwargs)

        return answer

    return noting


@pytest.fixture
def threads(canal: Canal, names: list[str], noted: Noted, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Where the follow-ups of a deposited lot were answered."""
    canal.post(envelope(lot(item())))
    monkeypatch.setattr(canal.desk.lots, "follow", noted(canal.desk.lots.follow))
    yield names
    canal.desk.reads_at_once = True
    canal.desk.not_at_once.clear()


def in_worker(names: list[str]) -> bool:
    (name,) = names
    return name.startswith(WORKER)


@pytest.mark.parametrize("version", SoapVersion)
def test_a_follow_up_is_answered_where_it_came_in(canal: Canal, threads: list[str], version: SoapVersion) -> None:
    status, content = canal.post(follow(version=version), version)
    assert status == 200
    body_of(content, version)
    assert not in_worker(threads)


def test_a_search_is_answered_by_a_worker(
    canal: Canal, threads: list[str], monkeypatch: pytest.MonkeyPatch, noted: Noted
) -> None:
    monkeypatch.setattr(canal.desk.demandes, "search", noted(canal.desk.demandes.search))
    criteria = "<l:criteres><l:offre>ORG</l:offre></l:criteres>"
    assert canal.post(envelope(request("rechercherDemandes", criteria)))[0] == 200
    assert in_worker(threads)


def test_what_writes_is_answered_by_a_worker_of_its_own(
    canal: Canal, threads: list[str], monkeypatch: pytest.MonkeyPatch, noted: Noted
) -> None:
    monkeypatch.setattr(canal.desk.lots, "submit", noted(canal.desk.lots.submit))
    assert canal.post(envelope(lot(item(), reference="court")))[0] == 200
    (name,) = threads
    assert name.startswith("ws-write")


def test_a_database_that_may_let_wait_is_asked_by_a_worker(canal: Canal, threads: list[str]) -> None:
    canal.desk.reads_at_once = False
    assert canal.post(follow())[0] == 200
    assert in_worker(threads)


def test_a_long_message_is_read_by_a_worker(canal: Canal, threads: list[str]) -> None:
    message = follow(more=f"<!--{'x' * 5000}-->")
    assert canal.post(message)[0] == 200
    assert in_worker(threads)


def test_who_cannot_be_told_at_once_is_identified_by_a_worker(canal: Canal, threads: list[str]) -> None:
    canal.desk.not_at_once.add(canal.material.certificate_der("client"))
    assert canal.post(follow())[0] == 200
    assert in_worker(threads)


def test_whoever_is_refused_is_refused_before_his_message_is_read(canal: Canal, threads: list[str]) -> None:
    canal.desk.revoked.add(canal.material.certificate_der("client"))
    try:
        status, content = canal.post(b"<pas du XML")
    finally:
        canal.desk.revoked.clear()
    assert status == 500
    assert fault_of(content)["code"] == "ERR_WS_022"
    assert threads == []
