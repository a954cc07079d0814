"""Every line has one form, whoever wrote it, and none carries a secret or a document."""

from __future__ import annotations

import base64
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from runtime import logs
from tests.support.growth import by_four, grows_too_fast


@pytest.fixture(autouse=True)
def _everything_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _configure(level: str = "INFO", form: Literal["json", "console"] = "json") -> None:
    logs.configure(level, form, process="ws-1")


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def _fail(error: Exception) -> None:
    raise error


def test_events_and_library_messages_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    _configure()
    structlog.get_logger("ws.endpoint").info("lot.deposited", id_lot=12, nombre=3)
    logging.getLogger("bibliotheque").warning("se plaint de %s", "ceci")
    own, foreign = _lines(capsys)
    assert own["event"] == "lot.deposited"
    assert (own["id_lot"], own["level"], own["logger"], own["process"]) == (12, "info", "ws.endpoint", "ws-1")
    assert str(own["timestamp"]).endswith("Z")
    assert (foreign["event"], foreign["process"]) == (logs.LIBRARY_EVENT, "ws-1")
    assert (foreign["text"], foreign["logger"], foreign["level"]) == ("se plaint de ceci", "bibliotheque", "warning")


def test_the_level_holds(capsys: pytest.CaptureFixture[str]) -> None:
    _configure("WARNING")
    structlog.get_logger("a").info("not.shown")
    structlog.get_logger("a").warning("shown")
    assert [line["event"] for line in _lines(capsys)] == ["shown"]


def test_secrets_are_concealed_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    _configure()
    structlog.get_logger("a").info(
        "demande.received",
        code="1234",
        Password="p",
        csr="MIIC",
        db_password="p",
        code_erreur="ERR_IHM_007",
        contenu_du_lot=[{"revocation_code": "9999", "usage": "AUTH"}],
        der_bytes=b"\x30\x82",
    )
    (line,) = _lines(capsys)
    assert {line[key] for key in ("code", "Password", "csr", "db_password")} == {logs.HIDDEN}
    assert line["code_erreur"] == "ERR_IHM_007"
    assert line["contenu_du_lot"] == [{"revocation_code": logs.HIDDEN, "usage": "AUTH"}]
    assert line["der_bytes"] == "<2 octets>"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("clé -----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY----- lue", "MIIEv"),
        ("coupée -----BEGIN PRIVATE KEY-----\nMIIEv", "MIIEv"),
        ("corps " + base64.b64encode(bytes(range(256)) * 2).decode(), "AAECAwQF"),
        ("corps " + base64.encodebytes(bytes(range(256)) * 2).decode(), "AAECAwQF"),
        ("redis://:motdepasse@h:6379/0 ne répond pas", "motdepasse"),
        ("postgresql+psycopg://igc:motdepasse@h/igc", "motdepasse"),
        ("INSERT échoue\n[SQL: INSERT]\n[parameters: {'adresse': 'x@y.example'}]\n(suite)", "x@y.example"),
    ],
)
def test_documents_and_passwords_inside_texts_are_concealed(
    capsys: pytest.CaptureFixture[str], text: str, gone: str
) -> None:
    _configure()
    logging.getLogger("bibliotheque").error("%s", text)
    try:
        _fail(RuntimeError(text))
    except RuntimeError:
        structlog.get_logger("a").exception("it.failed")
    message, crash = _lines(capsys)
    assert gone not in json.dumps(message)
    assert gone not in json.dumps(crash)
    assert "RuntimeError" in str(crash["exception"])


def test_a_traceback_shows_no_local_variable(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "console"):
        _configure(form=form)
        hidden_local = "valeur-" + form
        try:
            _ = hidden_local + 1  # type: ignore[operator]  # to raise
        except TypeError:
            structlog.get_logger("a").exception("it.failed")
        assert "valeur-" not in capsys.readouterr().err


def test_the_loggers_that_print_requests_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    _configure("DEBUG")
    for name in ("spyne.protocol.xml.invalid", "spyne.protocol.soap.soap11.invalid", "spyne.protocol.xml"):
        logging.getLogger(name).error("<soap:Envelope>...")
    logging.getLogger("spyne.application.client").error("Fault")
    logging.getLogger("spyne.server._base").debug("Failed document is: ...")
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT ...")
    logging.getLogger("uvicorn.access").info("GET /?code=1")
    assert _lines(capsys) == []
    logging.getLogger("spyne.application.server").critical("unexpected")
    assert [line["text"] for line in _lines(capsys)] == ["unexpected"]


def test_a_library_with_handlers_of_its_own_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("avec.poignees")
    library.addHandler(logging.StreamHandler())
    library.propagate = False
    _configure()
    library.error("une fois")
    assert [line["text"] for line in _lines(capsys)] == ["une fois"]


def test_a_crash_is_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    _configure()
    try:
        _fail(ValueError("inattendu"))
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=_fail, args=(ValueError("inattendu"),), name="fil")
    thread.start()
    thread.join()
    crash, thread_crash = _lines(capsys)
    assert (crash["event"], crash["level"]) == ("process crashed", "critical")
    assert (thread_crash["event"], thread_crash["thread"]) == ("thread crashed", "fil")


def test_configuring_again_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger("a")
    _configure()
    log.info("first")
    logs.configure(process="worker-2")
    log.info("second")
    assert [(line["event"], line["process"]) for line in _lines(capsys)] == [("first", "ws-1"), ("second", "worker-2")]


@pytest.mark.parametrize(
    "unit",
    [
        ":",
        "://",
        "a:",
        "://a:",
        "[parameters: ",
        "-----BEGIN A-----",
        "-----END A",
        "A" * 119 + ".",
        "A" * 41 + "\n",
        "\\n",
    ],
)
def test_a_line_costs_its_length(unit: str) -> None:
    def write(size: int) -> object:
        text = "/" + unit * (size // len(unit))
        return logs.conceal(None, "info", {"event": "portal refusal", "path": f"x://{text}"})

    assert grows_too_fast(write, by_four(512, 140_000)) is None


@pytest.mark.parametrize("filler", ["mot ", "b" * 39 + " ", "://x "])
@pytest.mark.parametrize(
    "secret",
    ["-----BEGIN PRIVATE KEY-----\nSECRETSECRET", "postgresql://igc:SECRETSECRET", "[parameters: {'a': 'SECRETSECRET'"],
)
def test_what_is_cut_is_never_half_a_secret(filler: str, secret: str) -> None:
    for before in range(16_200, 17_600, 7):
        text = (filler * before)[:before] + secret + "@h/ ]\n" + "fin " * 300
        shown = logs.conceal(None, "info", {"event": "e", "text": text})["text"]
        assert "SECRET" not in shown
        assert len(shown) < 16_500
