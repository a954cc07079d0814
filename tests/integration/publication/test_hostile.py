"""Requests that no client of a status service sends: each is answered, none is a crash, none becomes two."""

from __future__ import annotations

import base64
import contextlib
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from tests.integration.publication.conftest import OCSP_TYPE, ORG, Place
from tests.support.growth import by_four, grows_too_fast

LIST = f"/CRL/{ORG}.crl"


@contextlib.contextmanager
def no_crash(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with capture_logs() as logs:
        yield
    assert [line for line in logs if line["log_level"] in {"error", "critical"}] == []
    assert [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}] == []


def exchange(place: Place, *pieces: bytes) -> bytes:
    """Send the pieces one after the other, and say that it was all, and read."""
    received = b""
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.1 if len(pieces) > 1 else 0)
        with contextlib.suppress(ConnectionError):
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                received += data
    return received


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


DATES = (
    "Thu, 01 Jan 99999 00:00:00 GMT", "Thu, 01 Jan 0000 00:00:00 GMT", "Thu, 01 Jan 0001 00:00:00 +2359",
    "Thu, 01 Jan 9999 23:59:59 -2359", "Thu, 01 Jan 2026 00:00:00 +9999", "Thu, 99 Jan 2026 00:00:00 GMT", "0", "-1",
    "9" * 4000, "Thu, 01 Jan 2026 00:00:00 -0000", "now", "Sunday, 31-Feb-26 00:00:00 GMT",
)  # fmt: skip


def test_dates_that_are_none_meet_no_condition(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    request = quote(base64.b64encode(place.request(place.issue())), safe="")
    with no_crash(caplog):
        for date in DATES:
            for path in (LIST, f"/{request}"):
                assert place.get(path, {"If-Modified-Since": date}).status == 200, date


LENGTHS = (
    b"Content-Length: +5", b"Content-Length: -5", b"Content-Length: 5_0", b"Content-Length: 0x5",
    "Content-Length: ٥".encode(), b"Content-Length: " + b"9" * 5000, b"Content-Length: 5, 5",
    b"Transfer-Encoding: chunked, chunked",
)  # fmt: skip


def test_lengths_that_are_none(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n%b\r\n\r\nhello"
    with no_crash(caplog):
        for line in LENGTHS:
            answer = exchange(place, head % line)
            assert (status(answer), answer.count(b"HTTP/1.1")) == (400, 1), line


FIELDS = (
    b"Range: bytes=0-1", b"Range: bytes=" + b"0-," * 2000, b"Range: bytes=99999999999999999999-", b"If-Range: \xe9",
    b"If-None-Match: " + b'"a",' * 1500, b"If-None-Match: \xff", b"Accept: " + b"a/a;q=1," * 900,
    b"Content-Type: multipart/form-data" + b';"' * 3000, b"Cookie: " + b'a="\\' * 1500,
)  # fmt: skip


def test_fields_that_nobody_reads(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with no_crash(caplog):
        for line in FIELDS:
            for method, path in ((b"GET", LIST.encode()), (b"HEAD", LIST.encode()), (b"POST", b"/")):
                answer = exchange(place, b"%b %b HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % (method, path, line))
                assert status(answer) == (415 if method == b"POST" else 200), line


PATHS = (
    "M", "MA==", "M" * 255, "M" * 256, "M%00", "M%", "M%zz", "M%25", "M\xe9", "MA%3D%3D%3D", "M\u0661", "M/../M", "%4d%41",
    "MAAA" * 60 + "====", "M?" + "a" * 3000, "MA==/", "//MA==", "M%0d%0aX: y", "../CRL", "%2e%2e/%2e%2e/etc/passwd",
)  # fmt: skip


def test_paths_that_are_no_request(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with no_crash(caplog):
        for path in PATHS:
            answer = exchange(place, f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1", "replace"))
            assert status(answer) in {200, 400, 404, 414}, path
            assert b"\r\nX:" not in answer


def test_the_absolute_form_is_the_same_document(place: Place) -> None:
    absolute = place.get(f"http://crl.example{LIST}")
    assert (absolute.status, absolute.body) == (200, place.get(LIST).body)
    request = place.request(place.issue())
    assert place.call("POST", "http://ocsp.example", request, OCSP_TYPE).status == 200


def test_other_versions_are_refused(place: Place) -> None:
    for version in (b"0.9", b"2.0", b"3.0"):
        assert status(exchange(place, b"GET %b HTTP/%b\r\nHost: a\r\n\r\n" % (LIST.encode(), version))) == 505


def heads(place: Place) -> list[bytes]:
    """An OCSP request by GET and one by POST."""
    request = place.request(place.issue())
    path = quote(base64.b64encode(request), safe="").encode()
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n"
    return [b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % path, post % len(request) + request]


def test_a_head_known_by_heart_is_no_request_before_its_end(place: Place) -> None:
    for whole in heads(place):
        assert exchange(place, whole).count(b"HTTP/1.1 200") == 1
        head, _, body = whole.partition(b"\r\n\r\n")
        # The head as it is known, then a field more: it is another one, of which the rest must not stand for itself.
        for first, rest in (
            (head, b"\r\nConnection: close\r\n\r\n" + body),
            (head + b"\r\n", b"Connection: close\r\n\r\n" + body),
            (head + b"\r", b"\nConnection: close\r\n\r\n" + body),
        ):
            answer = exchange(place, first, rest)
            assert answer.count(b"HTTP/1.1 ") == 1
            assert b"connection: close" in answer.lower()


def test_what_follows_a_head_known_by_heart_is_a_request_of_its_own(place: Place) -> None:
    for whole in heads(place):
        exchange(place, whole)
        assert exchange(place, whole + whole).count(b"HTTP/1.1 200") == 2
        assert exchange(place, b"\r\n" + whole).count(b"HTTP/1.1 200") == 1
        assert exchange(place, b"\r\n\r\n" + whole, whole).count(b"HTTP/1.1 200") == 2


def test_a_client_that_has_closed_its_half_gets_its_answer(place: Place) -> None:
    for whole in [*heads(place), *heads(place), b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % LIST.encode()]:
        with socket.create_connection(("127.0.0.1", place.port), timeout=10) as client:
            client.sendall(whole)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda c=client: c.recv(65536), b"")).startswith(b"HTTP/1.1 200")  # type: ignore[misc]  # a lambda with a default


def test_judging_conditions_costs_their_length(place: Place) -> None:
    seen: list[Any] = []

    async def send(message: Any) -> None:
        seen.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    def ask(size: int, unit: bytes) -> None:
        value = unit * (size // len(unit))
        scope = {
            "type": "http", "method": "GET", "path": LIST, "raw_path": LIST.encode(), "state": {},
            "headers": [(b"if-none-match", value), (b"if-modified-since", value), (b"content-type", value)],
        }  # fmt: skip
        with contextlib.suppress(StopIteration):
            place.publication.app(scope, receive, send).send(None)

    for unit in (b'"a",', b",", b" ", b"W/", b"9", b": "):
        assert grows_too_fast(partial(ask, unit=unit), by_four(128, 33_000)) is None
    assert seen
