"""Two processes serve the web service over one database: messages that meet there are settled as in one."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import select

from registration.vocabulary import CodeAction
from storage import tables
from tests.integration.ws.conftest import Door
from tests.support.assertions import all_done, the
from tests.support.concurrency import together
from tests.support.csrs import csr
from tests.support.hierarchies import Hierarchy
from tests.support.invariants import breaches
from tests.support.produits import CODE, conditions
from tests.support.world import World
from tests.unit.ws.messages import body_of, envelope, lot, request
from tests.unit.ws.tls_material import Material

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
ROUNDS = 10
Codes = tuple[str, ...]


@contextmanager
def serving(arguments: list[str]) -> Iterator[int]:
    """The port of one more process."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ws.serve_canal", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield int(the(running.stdout).readline())
        finally:
            running.terminate()


@pytest.fixture
def doors(
    world: World, database_url: str, hierarchy: Hierarchy, server_material: Material, tmp_path: Path
) -> Iterator[tuple[Door, Door]]:
    """One to each process, for the same clients."""
    arguments = [database_url, str(hierarchy.authorities_dir), *map(str, server_material.path("server"))]
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(arguments)) for _ in range(2)]
        one, other = (Door(port, world, tmp_path, server_material.ca_file) for port in ports)
        for name in ("dr-leroux", "administrateur"):
            one.pair(name)
        other.pairs = one.pairs
        yield one, other
        assert breaches(world.db) == []


def waiting(world: World, rank: int) -> int:
    numero = world.place(world.form(key=3 * rank))
    world.run_batch()
    return numero


def active(world: World, rank: int) -> int:
    """A certificate in use, which ends in five days."""
    numero = waiting(world, rank)
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    world.set_end([numero], world.clock() + timedelta(days=5))
    return numero


def withdraw(numero: int, _rank: int, code: str = CODE) -> str:
    said = f"<l:codeRevocation>{code}</l:codeRevocation><l:confirmation>{code}</l:confirmation>"
    given = f"<l:conditions>{said}<l:acceptationCgu>true</l:acceptationCgu></l:conditions>"
    return request("retirerDemande", f"<l:numeroDemande>{numero}</l:numeroDemande>{given}")


def cancel(numero: int, _rank: int) -> str:
    return request("annulerDemande", f"<l:numeroDemande>{numero}</l:numeroDemande>")


def renew(numero: int, rank: int, which: int = 1) -> str:
    key = base64.b64encode(csr(3 * rank + which)).decode()
    item = f"<l:demande><l:renouvelle>{numero}</l:renouvelle><l:csr>{key}</l:csr></l:demande>"
    return lot(item, reference=f"r-{rank}-{which}")


def revoke(numero: int, _rank: int, more: str = "") -> str:
    asked = f"<l:numeroProduit>{numero}</l:numeroProduit><l:motif>FIN_ACTIVITE</l:motif>{more}"
    said = "<l:emailActeur>a@acacias.example</l:emailActeur><l:confirmation>true</l:confirmation>"
    return request("revoquerCertificat", f"<l:revocation>{asked}{said}</l:revocation>")


def plan(numero: int, rank: int, *, world: World) -> str:
    return revoke(numero, rank, f"<l:dateEffet>{world.clock() + timedelta(days=3):%Y-%m-%d}</l:dateEffet>")


def told(answer: bytes) -> Codes:
    return tuple(code.text or "" for code in etree.fromstring(answer).iter("{*}code"))


def one_of(*allowed: tuple[Codes, Codes]) -> Callable[[World, int, Codes, Codes], None]:
    """Who lost was told, and nobody else."""

    def settled(world: World, numero: int, first: Codes, second: Codes) -> None:
        assert (first, second) in allowed
        ends = {CodeAction.WITHDRAWN, CodeAction.CANCELLED}
        assert len([step for step in world.steps(numero) if step in ends]) == 1

    return settled


def one_renewal(world: World, numero: int, first: Codes, second: Codes) -> None:
    assert (first, second) == ((), ())
    row = tables.Demande
    codes = world.values(select(row.code_erreur).where(row.renouvelle == numero))
    assert sorted(code or "" for code in codes) == ["", "ERR_WS_045"]


def revoked(world: World, numero: int, first: Codes, second: Codes) -> None:
    """In any case, and once; what was planned, or renewed, was so before."""
    assert (first, second) == ((), ())
    assert world.certificat(numero).revoque_le is not None
    assert world.steps(numero).count(CodeAction.CERTIFICATE_REVOKED) == 1
    assert world.steps(numero)[-1] is CodeAction.CERTIFICATE_REVOKED


@dataclass(frozen=True)
class Meeting:
    """Two messages about one certificate, and what must have become of it."""

    begins: Callable[[World, int], int]
    first: Callable[..., str]
    second: Callable[..., str]
    settled: Callable[[World, int, Codes, Codes], None]


MEETINGS = {
    "withdrawal, cancellation": Meeting(
        waiting, withdraw, cancel, one_of(((), ("ERR_WS_035",)), (("ERR_WS_034",), ()))
    ),
    "withdrawals with two codes": Meeting(
        waiting,
        withdraw,
        partial(withdraw, code="Autre-Sesame-2-ferme"),
        one_of(((), ("ERR_IHM_013",)), (("ERR_IHM_013",), ())),
    ),
    "two renewals": Meeting(active, renew, partial(renew, which=2), one_renewal),
    "renewal, revocation": Meeting(active, renew, revoke, revoked),
    "planned revocation, immediate one": Meeting(active, plan, revoke, revoked),
}


@pytest.mark.parametrize("name", MEETINGS)
def test_messages_that_meet_in_two_processes(world: World, doors: tuple[Door, Door], name: str) -> None:
    meeting = MEETINGS[name]
    first = partial(plan, world=world) if meeting.first is plan else meeting.first
    # Who cancels is another one of the perimeter; withdrawals are its sender's.
    by = "administrateur" if meeting.second is cancel else "dr-leroux"
    for rank in range(ROUNDS):
        numero = meeting.begins(world, rank)
        one, other = doors
        acts = [
            partial(one.post, envelope(first(numero, rank))),
            partial(other.post, envelope(meeting.second(numero, rank)), by),
        ]
        answers = [content for _, content in all_done(together(acts))]
        for answer in answers:
            body_of(answer)
        meeting.settled(world, numero, *map(told, answers))
