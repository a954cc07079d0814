"""What a call leaves in the log: a refusal is an answer, not an error; event names never change with what is told."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from runtime import logs
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import envelope, fault_of, item, lot, request
from tests.unit.ws.test_attacks import BOTH, search
from ws.contract.names import SoapVersion

CODE = "<l:codeRevocation>Secret-de-12!</l:codeRevocation><l:confirmation>{}</l:confirmation>"
RETRAIT = (
    "<l:numeroDemande>{}</l:numeroDemande><l:conditions>"
    + CODE
    + "<l:acceptationCgu>1</l:acceptationCgu></l:conditions>"
)
REFUSALS = {
    "message": (lot(item(1).replace(">ORG<", "><l:x/><")), "ERR_WS_008"),
    "value": (search("<l:depuis>2026-11-23T08:00:00</l:depuis>"), "ERR_WS_010"),
    "unknown": (request("consulterDemande", "<l:numeroDemande>404</l:numeroDemande>"), "ERR_WS_032"),
    "unknown lot": (request("suivreLot", "<l:indexLot>9</l:indexLot>"), "ERR_WS_031"),
    "access": (lot(item(1), reference="sans-droit"), "ERR_WS_025"),
    "state": (request("retirerDemande", RETRAIT.format(33, "Secret-de-12!")), "ERR_WS_033"),
    "rule": (request("retirerDemande", RETRAIT.format(7, "autre")), "ERR_IHM_010"),
    "two keys": (request("suivreLot", "<l:indexLot>1</l:indexLot><l:reference>a</l:reference>"), "ERR_WS_038"),
    "operation": (request("effacerTout"), "ERR_WS_012"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _everything_as_it_was() -> Iterator[None]:
    hooks = sys.excepthook, threading.excepthook
    yield
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def configure() -> None:
    """The log as every process of the platform sets it up, after all modules are there."""
    logs.configure("DEBUG", "json", process="ws-1")


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@BOTH
@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_one_quiet_line(
    canal: Canal, capsys: pytest.CaptureFixture[str], case: str, version: SoapVersion
) -> None:
    configure()
    body, code = REFUSALS[case]
    content = canal.post(envelope(body, version), version)[1]
    assert fault_of(content, version)["code"] == code
    lines = lines_of(capsys)
    assert [(line["event"], line["level"], line["fault"]) for line in lines] == [("ws call", "info", code)]
    assert "exception" not in lines[0]


def test_a_failure_of_ours_is_an_error_with_its_incident(canal: Canal, capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    content = canal.post(envelope(lot(item(1), reference="panne")))[1]
    incident = fault_of(content)["incident"]
    error, call = lines_of(capsys)
    assert (error["event"], error["level"], error["incident"]) == ("ws incident", "error", incident)
    assert "RuntimeError" in str(error["exception"])
    assert (call["event"], call["level"], call["fault"]) == ("ws call", "info", "ERR_WS_099")


LIBRARIES = ["uvicorn", "uvicorn.error", "rq.worker", "rq.scheduler", "sqlalchemy.pool", "spyne.application.server",
             "asyncio", "py.warnings", "zeep.transports", "alembic.runtime.migration", "une.autre"]  # fmt: skip


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_library_has_one_event_and_its_words_are_data(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure()
    texts = [f"dit {number} fois autre chose" for number in range(3)]
    for text in texts:
        logging.getLogger(name).warning(text)
        logging.getLogger(name).error("%s", text)
    lines = lines_of(capsys)
    assert {line["event"] for line in lines} == {logs.LIBRARY_EVENT}
    assert {line["logger"] for line in lines} == {name}
    assert [line["text"] for line in lines] == [text for text in texts for _ in range(2)]


def test_a_traceback_of_a_library_is_data_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    try:
        int("x")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    (line,) = lines_of(capsys)
    assert (line["event"], line["level"]) == (logs.LIBRARY_EVENT, "error")
    assert "ValueError" in str(line["exception"])
