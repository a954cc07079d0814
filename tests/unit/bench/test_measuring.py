"""Figures, windows of time and requests of the bench: what it says of a machine must be true before it says it of us."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.corpus import Stock, _make
from bench.measuring.figures import Book, Sample, between
from bench.measuring.memory import Memory
from bench.measuring.processes import BENCH, DATABASE, QUEUE, Usage, role_of, usages
from bench.measuring.window import Meter, cpu_between
from pki.keys.key_policy import check_rsa_key
from pki.keys.shared_primes import find_shared_primes

_BUSY = "import sys, time\nwhile time.process_time() < {seconds}: pass\nprint(1, flush=True)\nsys.stdin.read()"


def test_a_figure_is_the_median_of_its_rounds_and_tells_their_spread() -> None:
    book = Book()
    book.add("a_ratio", [Sample(0.5, 0.1), Sample(0.9, 0.3), Sample(0.6, 0.2)])
    book.note("cores", 2)
    told = book.as_json()
    assert (told["a_ratio"], told["cores"]) == (0.6, 2)
    assert told["figures"]["a_ratio"] == {
        "median": 0.6,
        "min": 0.5,
        "max": 0.9,
        "rounds": [0.5, 0.9, 0.6],
        "strangers": 0.2,
    }


def test_each_round_stands_between_two_floors_which_neighbours_share() -> None:
    order: list[str] = []

    def act(rank: int) -> int:
        order.append(f"act {rank}")
        return rank

    def floor() -> int:
        order.append("floor")
        return len(order)

    assert between(2, act, floor) == [(0, (1, 3)), (1, (3, 5))]
    assert order == ["floor", "act 0", "floor", "act 1", "floor"]


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (["/venv/bin/python", "-m", "commands", "worker", "--name", "worker-2"], "worker-2"),
        (["/venv/bin/python", "-I", "-S", "bound.py", "7", "9", "-", "python", "-m", "commands", "relay"], "relay"),
        (["/wheel/valkey-server unixsocket:/x/valkey.sock"], "queue"),
        (["/wheel/valkey-server", "/x/valkey.conf"], "queue"),
        (["postgres: igc igc_model [local] idle"], "database"),
        (["/wheel/bin/postgres", "-D", "/x"], "database"),
        (["/venv/bin/python", "-c", "from multiprocessing.spawn import spawn_main"], BENCH),
        ([""], BENCH),
        (["openssl", "ocsp"], "openssl"),
        (["rq:worker:289b808e82b2446d9bc64eadb6e4d06b"], "worker"),
    ],
)
def test_a_process_is_known_by_its_command_line(argv: list[str], role: str) -> None:
    assert role_of(argv) == role


def test_who_ends_meanwhile_counts_once_and_only_for_what_he_did_meanwhile() -> None:
    second = 1_000_000_000
    before = {1: Usage(BENCH, 5 * second, 0), 2: Usage("relay", 3 * second, 0)}
    after = {1: Usage(BENCH, 6 * second, 4 * second), 3: Usage("ws", 2 * second, 0)}
    spent = cpu_between(before, after)
    assert spent == {BENCH: 5.0, "relay": -3.0, "ws": 2.0}
    assert sum(spent.values()) == 4.0


def test_the_work_of_a_child_is_ours_and_no_strangers() -> None:
    meter = Meter()
    command = [sys.executable, "-c", _BUSY.format(seconds=0.4)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        assert child.pid in usages()
        window = meter.read()
    assert 0.4 <= window.cpu[BENCH] < window.seconds * 4
    later = meter.read()
    assert later.cpu[BENCH] >= window.cpu[BENCH] - 0.02, "what a child did stays when it is gone"
    assert 0 <= window.strangers_share <= 1


def test_a_lap_begins_where_the_former_ends() -> None:
    meter = Meter()
    first, second = meter.lap(), meter.lap()
    assert first.end == second.start


def test_memory_is_looked_at_meanwhile() -> None:
    with Memory() as memory:
        time.sleep(0.01)
    # Other tests of this process may have started servers.
    assert set(memory.peaks_mb or ()) <= {DATABASE, QUEUE}, "the bench itself is not the plateforme"


def test_requests_are_good_ones_and_differ() -> None:
    csrs = [x509.load_der_x509_csr(der) for der in _make(3)]
    keys = []
    for csr in csrs:
        assert csr.is_signature_valid
        key = csr.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        numbers = key.public_numbers()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        check_rsa_key(numbers.n, numbers.e, spki)
        keys.append(numbers.n)
    assert len(set(keys)) == 3
    assert not set(find_shared_primes(keys))


def test_a_request_is_given_out_once() -> None:
    stock = Stock([b"a", b"b", b"c"])
    assert (stock.take(2), stock.take(1)) == ([b"a", b"b"], [b"c"])
    with pytest.raises(LookupError):
        stock.take(1)
