"""The messages of the contract that the bench sends, as text, and what it reads of the answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

_NS = "urn:igc-exemple:lots:1.0"


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
