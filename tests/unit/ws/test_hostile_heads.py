"""Heads that no SOAP stack sends, to the canal: each is answered, none is an incident, none costs more than it weighs."""

from __future__ import annotations

import contextlib
import socket

import pytest

from registration.errors import IgcError
from tests.support.growth import by_four, grows_too_fast
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import V11, body_of
from tests.unit.ws.test_attacks import GOOD
from tests.unit.ws.test_http_server import read_all
from ws.contract.files import ENDPOINT
from ws.serving import front


@pytest.mark.parametrize("unit", ['"', ";", ";a=", '; a="\\"', "text/xml", " ", "\\", ";charset=", "'"])
def test_reading_the_head_costs_its_length(unit: str) -> None:
    for head in ("", "text/xml", "application/soap+xml; action=", 'text/xml; a="'):

        def read(size: int, head: str = head) -> None:
            value = (head + unit * size)[: len(head) + size].encode()
            fields = [(b"content-type", value), (b"soapaction", value), (b"content-encoding", value), (b"x", value)]
            headers = front._headers({"headers": fields})
            with contextlib.suppress(IgcError):
                front._framing(headers, front._version(headers))

        assert grows_too_fast(read, by_four(128, 33_000)) is None


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=", "Wsdl=", "wsdl=soap12", "wsdl=SOAP12"])
def test_the_contract_by_any_writing_of_its_query(canal: Canal, query: str) -> None:
    plain = "wsdl=soap12" if "12" in query else "wsdl"
    expected = canal.exchange("GET", f"{ENDPOINT}?{plain}")[2]
    for target in (f"{ENDPOINT}?{query}", f"https://ws.example:1{ENDPOINT}?{query}"):
        status, _, content = canal.exchange("GET", target, name=None)
        assert (status, content) == (200, expected)


def test_a_call_by_absolute_form(canal: Canal) -> None:
    headers = {"Content-Type": V11.content_type}
    status, _, content = canal.exchange("POST", f"https://ws.example{ENDPOINT}", GOOD, headers)
    assert status == 200
    body_of(content)


ODD_HEADERS = {
    "Content-Type": [b'text/xml; charset="utf-8', b"text/xml; charset*=utf-8''x", b"\xff", b"text/xml" + b";" * 16_000,
                     b'text/xml; charset="' + b"\\" * 16_000, b"text/xml; charset=" + b"x" * 900],
    "SOAPAction": [b"\xff\xfe", b'"' * 16_000],
    "Content-Encoding": [b"\xff", b"gzip," * 3000],
    "Content-Length": [b"+5", b"1_0", "٥".encode(), b"-1", b"9" * 5000],
    "Expect": [b"100-continue, x", b"\xff"],
    "If-Modified-Since": [b"Thu, 01 Jan 99999 00:00:00 GMT", b"Thu, 01 Jan 0001 00:00:00 +9999"],
    "Range": [b"bytes=99999999999999999999-"],
    "Cookie": [b'a="\\' * 4000],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_HEADERS)
@pytest.mark.parametrize("who", [None, "client"])
def test_odd_values_in_the_head_are_no_incident(canal: Canal, name: str, who: str | None) -> None:
    for value in ODD_HEADERS[name]:
        lines = [b"POST %b HTTP/1.1" % ENDPOINT.encode(), b"Host: a", b"Connection: close"]
        lines += [] if name == "Content-Type" else [b"Content-Type: text/xml"]
        lines += [] if name == "Content-Length" else [b"Content-Length: 0"]
        request = b"\r\n".join([*lines, name.encode() + b": " + value, b"", b""])
        context = canal.material.client_context(who)
        with (
            socket.create_connection(("127.0.0.1", canal.port), timeout=30) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as client,
        ):
            client.sendall(request)
            answer = read_all(client)
        last = answer[answer.rindex(b"HTTP/1.1 ") :]  # behind a 100
        assert int(last.split(b" ")[1]) in {400, 415, 500}, value
        assert b"ERR_WS_099" not in answer
        assert b"Internal Server Error\r\n\r\n" not in answer
