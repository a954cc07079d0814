"""The least client there is: prepared bytes over a kept mutual-TLS connection, so that the server is what is timed."""

from __future__ import annotations

import base64
import http.client
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

_NS = "urn:igc-exemple:lots:1.0"
_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
_OK = 200


class Wire:
    """One connection. ``call`` raises RuntimeError with the fault's text when the answer is none."""

    def __init__(self, url: str, pair: tuple[Path, Path], root: Path) -> None:
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=str(root))
        context.load_cert_chain(*map(str, pair))
        self._path = parts.path
        self._connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=300)

    def call(self, body: bytes) -> bytes:
        """The answer's bytes."""
        self._connection.request("POST", self._path, body, _HEADERS)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != _OK:
            raise RuntimeError(content[:500].decode("utf-8", "replace"))
        return content

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def envelope(inner: str) -> bytes:
    """A SOAP 1.1 message around the content of its body."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"{inner}</s:Body></s:Envelope>"
    ).encode()


def deposit_message(reference: str, csrs: Sequence[bytes], structure: str) -> bytes:
    """DeposerLot with one ORG AUTH_CLI demande a request."""
    items = "".join(
        f"<demande><reference>item-{rank}</reference><offre>ORG</offre><usage>AUTH_CLI</usage>"
        f"<structure>{structure}</structure><serviceApplicatif>Application {rank}</serviceApplicatif>"
        f"<emailActeur>dsi@acacias.example</emailActeur><csr>{base64.b64encode(csr).decode()}</csr></demande>"
        for rank, csr in enumerate(csrs, 1)
    )
    return envelope(f'<deposerLot xmlns="{_NS}"><lot><reference>{reference}</reference>{items}</lot></deposerLot>')


def follow_message(index: int) -> bytes:
    """SuivreLot without waiting."""
    return envelope(f'<suivreLot xmlns="{_NS}"><indexLot>{index}</indexLot></suivreLot>')


def number(answer: bytes, name: str) -> int:
    """A number of the answer, by the local name of its element."""
    found = re.search(rb"<(?:\w+:)?" + name.encode() + rb">(\d+)<", answer)
    if found is None:
        raise RuntimeError(f"{name} is not in the answer")
    return int(found[1])
