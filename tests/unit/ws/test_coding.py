"""Compressed answers: for who asks, above a small size, always with Vary; nothing in them is a secret."""

from __future__ import annotations

import gzip
import threading

import pytest
from lxml import etree

from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import body_of, envelope, fault_of, faults_of, item, lot, request
from ws.contract.files import ENDPOINT, SCHEMA_FILE
from ws.contract.model import Shape, elements
from ws.contract.names import SECRETS, Operation, contract_tag
from ws.serving import coding
from ws.serving.coding import SMALL_BYTES, Coding, read_accepted

BIG = envelope(lot(*[item(number) for number in range(1, 41)], operation="verifierLot"))
SMALL = envelope(request("consulterService"))
CODE = "Code-De-Revocation-1!"


def asked(canal: Canal, message: bytes, accepted: str | None) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "text/xml", "Accept-Encoding": "identity" if accepted is None else accepted}
    status, found, content = canal.exchange("POST", ENDPOINT, message, headers)
    return status, {name.lower(): value for name, value in found.items()}, content


@pytest.mark.parametrize(
    "accepted", ["gzip, deflate", "*", "br;q=1.0, gzip;q=0.8, *;q=0.1", "x-gzip", "identity;q=0, gzip"]
)
def test_a_big_answer_is_compressed_for_who_asks(canal: Canal, accepted: str) -> None:
    plain = asked(canal, BIG, None)[2]
    status, headers, content = asked(canal, BIG, accepted)
    assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "accept-encoding")
    assert int(headers["content-length"]) == len(content) < len(plain) / 4
    assert gzip.decompress(content) == plain
    body_of(gzip.decompress(content))


@pytest.mark.parametrize(
    "accepted", [None, "", "br", "gzip;q=0", "*;q=0", "gzip;q=0.5, identity;q=0.8", "gzip;q=abc", "gzip" * 400]
)
def test_who_does_not_ask_gets_it_plain(canal: Canal, accepted: str | None) -> None:
    status, headers, content = asked(canal, BIG, accepted)
    assert (status, headers.get("content-encoding"), headers["vary"]) == (200, None, "accept-encoding")
    body_of(content)


def test_a_small_answer_stays_as_it_is_unless_nothing_else_is_taken(canal: Canal) -> None:
    _, headers, content = asked(canal, SMALL, "gzip")
    assert len(content) < SMALL_BYTES
    assert (headers.get("content-encoding"), headers["vary"]) == (None, "accept-encoding")
    _, headers, packed = asked(canal, SMALL, "gzip, identity;q=0")
    assert headers["content-encoding"] == "gzip"
    body_of(gzip.decompress(packed))


def test_a_fault_is_compressed_like_any_answer(canal: Canal) -> None:
    bad = envelope(lot(*[item(number, more="<l:couleur/>") for number in range(30)]))
    status, headers, content = asked(canal, bad, "gzip")
    assert (status, headers["content-encoding"]) == (500, "gzip")
    assert len(faults_of(gzip.decompress(content))) == 20


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_published_files_are_compressed_too(canal: Canal, method: str) -> None:
    path = f"/schemas/{SCHEMA_FILE.name}"
    status, headers, content = canal.exchange(method, path, headers={"Accept-Encoding": "gzip"})
    named = {name.lower(): value for name, value in headers.items()}
    assert (status, named["content-encoding"], named["vary"]) == (200, "gzip", "accept-encoding")
    if method == "GET":
        assert gzip.decompress(content) == SCHEMA_FILE.read_bytes()
    assert "content-encoding" not in {name.lower() for name in canal.exchange(method, path)[1]}


def test_a_big_answer_is_compressed_away_from_the_event_loop(canal: Canal, monkeypatch: pytest.MonkeyPatch) -> None:
    where: dict[int, str] = {}
    pack = coding.compressed

    def spied(content: bytes) -> bytes:
        where[len(content)] = threading.current_thread().name
        return pack(content)

    monkeypatch.setattr(coding, "compressed", spied)
    asked(canal, BIG, "gzip")
    asked(canal, envelope(lot(*[item(number) for number in range(1, 1001)], operation="verifierLot")), "gzip")
    (small, loop), (big, thread) = sorted(where.items())
    assert small < 32 * 1024 < big
    assert thread != loop


def test_a_compressed_call_is_still_refused(canal: Canal) -> None:
    status, _, content = canal.exchange(
        "POST", ENDPOINT, gzip.compress(SMALL), {"Content-Type": "text/xml", "Content-Encoding": "gzip"}
    )
    assert (status, fault_of(content)["code"]) == (415, "ERR_WS_003")


ACCEPTED = {
    None: Coding(gzip=False, identity=True),
    "identity;q=0": Coding(gzip=False, identity=False),
    "*;q=0, identity": Coding(gzip=False, identity=True),
    "*;q=0, gzip": Coding(gzip=True, identity=False),
    "*": Coding(gzip=True, identity=True),
    "GZIP ; Q=0.001": Coding(gzip=True, identity=True),
    "gzip;q=2": Coding(gzip=False, identity=True),
    ";,;=,gzip;;": Coding(gzip=False, identity=True),
}


@pytest.mark.parametrize("field", ACCEPTED)
def test_what_a_field_accepts(field: str | None) -> None:
    assert read_accepted(field) == ACCEPTED[field]


# --- why it is safe ---


def test_no_answer_has_a_member_that_is_a_secret() -> None:
    def names(shape: Shape) -> set[str]:
        inner = [names(member.kind) for member in shape.members if isinstance(member.kind, Shape)]
        return {member.name for member in shape.members}.union(*inner)

    for operation in Operation:
        shape = elements()[contract_tag(f"{operation.value}Response")]
        assert isinstance(shape, Shape)
        assert not names(shape) & SECRETS


def test_the_answer_to_a_withdrawal_does_not_repeat_its_code(canal: Canal) -> None:
    conditions = (
        f"<l:conditions><l:codeRevocation>{CODE}</l:codeRevocation><l:confirmation>{CODE}</l:confirmation>"
        "<l:acceptationCgu>true</l:acceptationCgu></l:conditions>"
    )
    for body in (
        request("retirerDemande", f"<l:numeroDemande>1</l:numeroDemande>{conditions}"),
        request("retirerPageLot", f"<l:indexLot>1</l:indexLot>{conditions}"),
    ):
        status, content = canal.post(envelope(body))
        assert (status, CODE.encode() in content) == (200, False)
        assert etree.fromstring(content).find(".//{*}chaine/{*}certificat") is not None
