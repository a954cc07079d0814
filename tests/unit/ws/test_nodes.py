"""What a message may be made of: every kind of node counts, each is looked at once, and memory stays bounded."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registration.errors import Code, IgcError
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import V11, envelope, item, lot, request
from tests.unit.ws.test_attacks import XSI, refused
from ws.gates import xml
from ws.gates.values import read_values
from ws.lots.reader import read_lot
from ws.revocations.reader import read_lot as read_revocations

CHUNK = 64 * 1024
ROOT = Path(__file__).parents[3]


def read(message: bytes, chunk: int = CHUNK) -> None:
    """All gates, as the service opens them."""
    pieces = (message[start : start + chunk] for start in range(0, len(message), chunk))
    read = xml.read_request(pieces, V11)
    if read.operation.carries_revocations:
        read_revocations(read.body, max_items=10_000)
    elif read.operation.carries_lot:
        read_lot(read.body, max_items=10_000)
    else:
        read_values(read.body)


def code_of(message: bytes) -> Code | None:
    try:
        read(message)
    except IgcError as error:
        return error.code
    return None


def criteria(content: str) -> str:
    return request("rechercherDemandes", f"<l:criteres>{content}<l:offre>ORG</l:offre></l:criteres>")


KINDS: dict[str, Callable[[int], str | tuple[str, str]]] = {
    "comments in a lot": lambda n: lot("<!---->" * n, item(1)),
    "comments and blanks in a lot": lambda n: lot("<!---->\n" * n, item(1)),
    "comments among values": lambda n: criteria("<!---->" * n),
    "comments in a value": lambda n: lot(item(1).replace(">ORG", f">{'<!---->' * n}ORG")),
    "comments in a value of blanks": lambda n: request("suivreLot", f"<l:versionConnue>{'<!---->' * n}</l:versionConnue>"),
    "comments in an operation": lambda n: request("consulterService", "<!---->" * n),
    "comments at two depths": lambda n: lot("<l:a><!----></l:a><!---->" * n),
    "comments in the header": lambda n: (request("consulterService"), "<!---->" * n),
    "comments in the body": lambda n: "<!---->" * n + request("consulterService"),
    "elements in a lot": lambda n: lot("<l:a/>" * n),
    "elements in an item": lambda n: lot(item(1, more="<l:fqdn>a.fr</l:fqdn>" * n)),
    "elements among values": lambda n: criteria("<l:a/>" * n),
    "elements in a value": lambda n: lot(item(1).replace(">ORG", f">{'<l:a/>' * n}ORG")),
    "elements and texts": lambda n: criteria("<l:depuis>x</l:depuis>" * n),
    "bodies": lambda n: request("consulterService") * n,
    "headers": lambda n: (request("consulterService"), '<a xmlns="urn:a"/>' * n),
    "attributes": lambda n: lot("<l:demande a='1' b='2'/>" * n),
    "types": lambda n: lot(f"<l:demande {XSI} xsi:type='l:Rien'/>" * n),
}  # fmt: skip


def whole(kind: str, n: int) -> bytes:
    built = KINDS[kind](n)
    return envelope(built) if isinstance(built, str) else envelope(built[0], V11, built[1])


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_nodes_of_any_kind(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_NODES", 2_000)
    assert code_of(whole(kind, 2_100)) == Code.TOO_LARGE
    assert code_of(whole(kind, 600)) != Code.TOO_LARGE


def cost_of(message: bytes) -> float:
    """Seconds of a processor: those of other programs are not counted."""
    started = time.thread_time()
    code_of(message)
    return time.thread_time() - started


@pytest.fixture(scope="module")
def honest() -> float:
    """What 40 000 nodes of an integrator cost, everything read and kept."""
    message = envelope(lot(*[item(number) for number in range(5_000)]))
    return max(cost_of(message) for _ in range(3))


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_node_costs_about_what_an_honest_one_does(kind: str, honest: float) -> None:
    """9 000 comments once took tens of seconds, 40 000 hours: each was compared with all the others."""
    assert cost_of(whole(kind, 40_000)) < 20 * honest + 1


IN_ONE_VALUE = {
    "character references": "&#65;",
    "entities": "&amp;",
    "sections": "<![CDATA[a]]>",
    "empty sections": "<![CDATA[]]>",
    "brackets": "]]",
}


@pytest.mark.parametrize("case", IN_ONE_VALUE)
def test_pieces_of_one_value_cost_what_they_weigh(case: str, honest: float) -> None:
    text = f"<l:versionConnue>{IN_ONE_VALUE[case] * 200_000}</l:versionConnue>"
    assert cost_of(envelope(request("suivreLot", text))) < 20 * honest + 1


def test_names_are_not_looked_for_among_thousands_of_namespaces(canal: Canal) -> None:
    many = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(300))
    typed = item(1).replace("<l:offre>", "<l:offre xsi:type='l:Offre'>")
    for place in ("s:Envelope", "s:Body", "l:deposerLot", "l:lot"):
        message = envelope(lot(typed)).replace(f"<{place}".encode(), f"<{place} {XSI} {many}".encode(), 1)
        refused(canal, message, "ERR_WS_005")
    spread = envelope(lot(typed))
    for place in ("s:Envelope", "s:Body", "l:lot"):
        part = " ".join(f'xmlns:{place[-3:]}{number}="urn:{number}"' for number in range(100))
        spread = spread.replace(f"<{place}".encode(), f"<{place} {part}".encode(), 1)
    refused(canal, spread.replace(b"<l:lot ", f"<l:lot {XSI} ".encode()), "ERR_WS_005")


def test_namespaces_that_end_are_not_counted(canal: Canal) -> None:
    items = [item(n).replace("<l:demande>", f'<l:demande {XSI} xmlns:a="urn:a">') for n in range(1000)]
    assert canal.post(envelope(lot(*items)))[0] == 200


def test_what_an_integrator_writes_is_far_from_the_limits(canal: Canal) -> None:
    commented = [f"<!-- poste {n} -->\n  {item(n)}\n" for n in range(2000)]
    assert canal.post(envelope(lot(*commented)))[0] == 200
    assert len(canal.desk.kept[1][1].demandes) == 2000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("seen", range(1, 10))
def test_a_doctype_cut_by_the_pieces_is_seen_before_its_declarations(encoding: str, seen: int) -> None:
    declared = "<!DOCTYPE a [" + "".join(f"<!ENTITY e{n} 'v'>" for n in range(20_000)) + "]>"
    width = len("a".encode(encoding)) - (2 if encoding == "utf-16" else 0)
    before = (CHUNK - (2 if encoding == "utf-16" else 0)) // width - seen
    message = (" " * before + declared + envelope(lot(item(1))).decode()).encode(encoding)
    fed: list[int] = []

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(message), CHUNK):
            fed.append(start)
            yield message[start : start + CHUNK]

    with pytest.raises(IgcError) as raised:
        xml.read_request(pieces(), V11)
    assert raised.value.code == Code.DTD_FORBIDDEN
    assert len(fed) <= 2


MEASURE = """
    import resource, sys
    from registration.errors import IgcError
    from tests.unit.ws.messages import V11, envelope, item, lot, request
    from ws.gates import xml
    from ws.gates.values import read_values
    from ws.lots.reader import read_lot

    before, piece, after = {parts}
    head, tail = before.encode(), after.encode()
    piece = (piece * (65536 // len(piece) + 1)).encode()

    def chunks():
        yield head
        sent = 0
        while sent < 31 * 2**20:
            yield piece
            sent += len(piece)
        yield tail

    # What the libraries take once is not the message's.
    read_lot(xml.read_request([envelope(lot(item(1)))], V11).body, max_items=10)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        request = xml.read_request(chunks(), V11)
        read_values(request.body)
        print("passed", end=" ")
    except IgcError as error:
        print(error.code.value, end=" ")
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024)
"""
MANY = {
    "comments": "<!---->\n",
    "elements": "<l:a/>\n",
    "attributes": "<l:a b='1' c='2'/>\n",
    "namespaces": "<l:a xmlns:b='c'/>\n",
    "fields": "<l:fqdn>a</l:fqdn> ",
}


@pytest.mark.long
@pytest.mark.parametrize("case", MANY)
def test_memory_stays_bounded_for_the_largest_message(case: str) -> None:
    """31 MiB of comments once took 700 MB; an honest message of that size takes its own weight and little more."""
    before, after = criteria("|").encode().decode().split("|")
    full = envelope("|").decode().split("|")
    parts = (full[0] + before, MANY[case], after + full[1])
    script = textwrap.dedent(MEASURE).replace("{parts}", repr(parts))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    code, grown = done.stdout.split()
    assert code == "ERR_WS_005"
    assert int(grown) < 160
