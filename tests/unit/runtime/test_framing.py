"""Requests cut out of octets: however they come in, one reading, at a cost that grows with their length."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.listening.protocol import _FramedConnection
from tests.support.growth import by_four, grows_too_fast

LIMIT = 16 * 1024
Request = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]


def read(stream: bytes, size: int = 0) -> list[Request]:
    """Every request of a stream that comes in pieces of ``size`` octets, each answered at once."""
    connection, found = _FramedConnection(LIMIT), []
    size = size or max(1, len(stream))
    for start in range(0, len(stream), size):
        connection.receive_data(stream[start : start + size])
        found += _events(connection)
    return _requests(found)


def _events(connection: _FramedConnection) -> list[Any]:
    found: list[Any] = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return found
        found.append(event)
        if isinstance(event, h11.EndOfMessage):
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is h11.MUST_CLOSE:
                return found
            connection.start_next_cycle()


def _requests(events: list[Any]) -> list[Request]:
    requests: list[Request] = []
    for event in events:
        if isinstance(event, h11.Request):
            requests.append((event.method, event.target, list(event.headers), b""))
        elif isinstance(event, h11.Data):
            method, target, headers, body = requests[-1]
            requests[-1] = method, target, headers, body + bytes(event.data)
    return requests


def refused(stream: bytes) -> int:
    """The status of the refusal, the same in one piece as octet by octet."""
    statuses = []
    for size in (0, 1, 7):
        with pytest.raises(h11.RemoteProtocolError) as caught:
            read(stream, size)
        statuses.append(caught.value.error_status_hint)
    assert len(set(statuses)) == 1
    return statuses[0]


HOST = b"Host: a\r\n"
STREAMS = {
    "plain": b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "body": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
    "chunks": b"POST /x HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3 ; a=b\r\nllo\r\n000\r\nTrailer: x\r\n\r\n",
    "line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "two": b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nab" + b"\r\n" + b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n",
    "chunks, then another": b"POST /1 HTTP/1.1\r\n" + HOST + b"transfer-encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n"
    b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n",
    "empty lines": b"\r\n\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n\r\n\r\nGET /2 HTTP/1.1\r\n" + HOST + b"\r\n",
    "last": b"POST / HTTP/1.1\r\n" + HOST + b"Connection: close\r\nContent-Length: 1\r\n\r\nx\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_one_reading_however_it_comes_in(name: str) -> None:
    whole = read(STREAMS[name])
    assert whole
    for size in range(1, 40):
        assert read(STREAMS[name], size) == whole


def test_what_is_read() -> None:
    assert [body for *_, body in read(STREAMS["chunks"])] == [b"hello"]
    assert [(target, body) for _, target, _, body in read(STREAMS["two"])] == [(b"/1", b"ab"), (b"/2", b"")]
    assert [target for _, target, *_ in read(STREAMS["empty lines"])] == [b"/", b"/2"]


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"/a?b=c", b"/a?b=c", b"a"),
        (b"http://b/a?b=c", b"/a?b=c", b"b"),
        (b"HTTPS://b:8443/a/", b"/a/", b"b:8443"),
        (b"http://[::1]:80?x", b"/?x", b"[::1]:80"),
        (b"http://b", b"/", b"b"),
        (b"/http://b/a", b"/http://b/a", b"a"),
    ],
)
def test_the_target_becomes_a_path(target: bytes, path: bytes, host: bytes) -> None:
    ((_, found, headers, _),) = read(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
    assert (found, dict(headers)[b"host"]) == (path, host)


@pytest.mark.parametrize(
    "target", [b"a", b"*", b"ftp://b/", b"http:///a", b"http://u@b/", b"a:443", b"//\xe9", b"", b"http:a"]
)
def test_what_is_no_target(target: bytes) -> None:
    assert refused(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target) == 400


@pytest.mark.parametrize(
    ("version", "status"),
    [(b"HTTP/0.9", 505), (b"HTTP/2.0", 505), (b"HTTP/3.0", 505), (b"http/1.1", 400), (b"HTTP/1.1.1", 400),
     (b"HTTP/11", 400), (b"HTTP/1.", 400), (b"HTTP/+1.1", 400), (b"", 400), (b"HTTP/1.1 x", 400), (b" HTTP/1.1", 400)],
)  # fmt: skip
def test_versions_that_are_refused(version: bytes, status: int) -> None:
    assert refused(b"GET / %b\r\nHost: a\r\n\r\n" % version) == status


def test_a_request_of_http_0_9_is_refused() -> None:
    assert refused(b"GET /\r\n\r\n") == 400


@pytest.mark.parametrize(("version", "expected"), [(b"1.0", b"1.0"), (b"1.1", b"1.1"), (b"1.9", b"1.1")])
def test_versions_that_are_read(version: bytes, expected: bytes) -> None:
    connection = _FramedConnection(LIMIT)
    connection.receive_data(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
    assert connection.next_event().http_version == expected


ODD_LENGTHS = (b"+5", b"-5", b"5_0", b"0x5", b"5 5", b"5,5", b"5;", b"5.0", b"1e1", b"", b"\xd9\xa5", b"\xb2", b"9" * 5000,
               b"9" * 16, b"\x005", b"5\x0b")  # fmt: skip


@pytest.mark.parametrize("value", ODD_LENGTHS)
def test_lengths_that_are_no_number(value: bytes) -> None:
    assert refused(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\n\r\nhello" % value) == 400


@pytest.mark.parametrize(
    "size", [b"+1", b"-1", b"0x1", b"1_0", b"g", b"", b" 1", b"\xb2", b"1" * 17, b";a", b"1\n", b"1;" + b"a" * 300]
)
def test_chunk_sizes_that_are_no_number(size: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert refused(head + size + b"\r\na\r\n0\r\n\r\n") == 400


@pytest.mark.parametrize(
    "body", [b"1\r\nab\r\n0\r\n\r\n", b"1\r\na0\r\n\r\n", b"1\na\n0\n\n" + b"x" * 300, b"0\r\n" + b"a: b\r\n" * 1000]
)
def test_chunks_that_do_not_fit(body: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert refused(head + body) == 400


@pytest.mark.parametrize(
    "lines",
    [
        b"A : b", b" A: b", b"A\tB: c", b"A", b": b", b"A: b\x00", b"A: b\x7f", b"A: b\rC: d", b"A: b\x0bc", b"\xe9: b",
        b"A: b\r\n folded", b"Host: b", b"Host: a/b", b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 1", b"Transfer-Encoding: \x0bchunked",
        b"Content-Length: 1\r\nContent-Length: 1",
    ],
)  # fmt: skip
def test_heads_that_could_be_read_in_two_ways(lines: bytes) -> None:
    assert refused(b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % lines) == 400


def test_a_coding_is_not_of_http_1_0() -> None:
    assert refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400


def test_a_head_is_bounded() -> None:
    assert refused(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * LIMIT + b"\r\n\r\n") == 431
    assert refused(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 101 + b"\r\n") == 431
    assert len(read(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * (LIMIT - 40) + b"\r\n\r\n")) == 1
    assert refused(b"\x16\x03\x01\x02\x00" + b"a" * 100) == 400  # TLS where there is none


@given(st.binary(max_size=200))
def test_no_octets_whatever_raise_anything_else(data: bytes) -> None:
    for stream in (data, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + data):
        with contextlib.suppress(h11.RemoteProtocolError):
            read(stream)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=12), st.integers(1, 50))
def test_chunks_carry_what_was_cut_into_them(pieces: list[bytes], size: int) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert [found for *_, found in read(head + body + STREAMS["plain"], size)] == [b"".join(pieces), b""]


def test_chunks_that_are_all_framing_are_refused() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(h11.RemoteProtocolError):
        read(head + b"1\r\na\r\n" * 30_000, 65536)
    small = b"10\r\n" + b"a" * 16 + b"\r\n"
    ((*_, body),) = read(head + small * 20_000 + b"0\r\n\r\n", 65536)
    assert len(body) == 320_000


UNITS = {
    "blanks": b" ", "tabs": b"\t", "empty fields": b"a:\r\n", "blanks in a field": b"a:   \r\n", "controls": b"\x0b",
    "returns": b"\r", "feeds": b"\n", "lines": b"\r\n", "colons": b":", "slashes": b"/", "commas": b",",
    "semicolons": b";", "folds": b"\r\n ", "digits": b"9",
}  # fmt: skip
HEADS = {
    "nothing": b"", "a line": b"GET /", "a field": b"GET / HTTP/1.1\r\nX:", "chunked": b"POST / HTTP/1.1\r\nHost: a\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n", "an extension": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    b"\r\n1;", "a trailer": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX:",
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("unit", UNITS)
def test_reading_costs_what_comes_in(head: str, unit: str) -> None:
    """In one piece, as much as TLS hands over at once, and in small ones up to the bound of a head."""

    def attack(end: bytes, step: int, size: int) -> None:
        stream = HEADS[head] + UNITS[unit] * (size // len(UNITS[unit])) + end
        connection = _FramedConnection(32 * 1024)
        try:
            for start in range(0, len(stream), step):
                connection.receive_data(stream[start : start + step])
                _events(connection)
        except h11.RemoteProtocolError:
            return

    for end in (b"", b"\0\r\n\r\n", b"x\r\n\r\n"):
        assert grows_too_fast(partial(attack, end, 1 << 20), by_four(500, 130_000)) is None
        assert grows_too_fast(partial(attack, end, 4), by_four(480, 8_000)) is None
