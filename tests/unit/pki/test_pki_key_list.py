"""Lists of predictable keys: the formats of openssl-blacklist and badkeys, read strictly, looked up exactly."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.errors import CsrError, CsrProblem, KeyListError, KeyWeakness
from pki.keys.csr import accept_csr
from pki.keys.key_list import KeyList, badkeys_hash, fingerprint, load_key_list
from pki.keys.key_policy import KeyPolicy
from tests.vectors.csr_cases import build, p256
from tests.vectors.keys import key
from tests.vectors.samples import spki

SAMPLE = Path(__file__).parents[2] / "vectors" / "weak-keys.sample.txt"


def modulus(label: str) -> int:
    return key(label).public_key().public_numbers().n


def test_key_of_the_list_is_refused_and_its_neighbours_are_not() -> None:
    policy = KeyPolicy(is_listed=load_key_list([SAMPLE]).holds)
    with pytest.raises(CsrError) as caught:
        accept_csr(build(spki=spki("leaf-2"), signer=key("leaf-2")), policy)
    assert (caught.value.kind, caught.value.weakness) == (CsrProblem.WEAK_KEY, KeyWeakness.KNOWN)
    assert accept_csr(build(), policy).spki == spki()


def test_files_are_one_list(tmp_path: Path) -> None:
    (tmp_path / "more").write_text(f"# ours\n\n{fingerprint(modulus('leaf')).hex().upper()}\r\n")
    both = load_key_list([SAMPLE, tmp_path / "more"])
    assert both.holds(modulus("leaf"))
    assert both.holds(modulus("leaf-2"))
    assert not both.holds(modulus("issuing"))


def test_no_file_lists_no_key() -> None:
    assert len(load_key_list([])) == 0
    assert not load_key_list([]).holds(modulus("leaf"))


def test_every_place_in_a_long_list_is_found() -> None:
    numbers = [(1 << 2047) + 2 * rank + 1 for rank in range(2000)]
    found = KeyList(fingerprint(number) for number in (*numbers, *numbers))
    assert len(found) == 2000
    assert all(found.holds(number) for number in numbers)
    assert not any(found.holds(number + 1) for number in numbers)


WRONG = {
    "too short": ("0123456789abcdef012", 1),
    "too long": ("0123456789abcdef012345", 1),
    "not hexadecimal": ("# a list\n0123456789abcdef012g", 2),
    "blanks inside": ("0123456789 bcdef01234", 1),
    "not ASCII": ("é" * 20, 0),
    "empty": ("", 0),
    "comments only": ("# nothing\n\n", 0),
}


@pytest.mark.parametrize("name", WRONG)
def test_damaged_list_is_refused_whole(tmp_path: Path, name: str) -> None:
    text, line = WRONG[name]
    (tmp_path / "list").write_text(text, "utf-8")
    with pytest.raises(KeyListError) as caught:
        load_key_list([tmp_path / "list"])
    assert caught.value.line == line


def test_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyListError):
        load_key_list([tmp_path / "missing"])


# --- The block list of badkeys ---


def write_block_list(path: Path, numbers: list[int], others: int = 500) -> Path:
    """Records of these keys among those of many others, in order."""
    records = [badkeys_hash(number) for number in (*numbers, *range(others))]
    path.write_bytes(b"".join(hash_ + b"\x01" for hash_ in sorted(records)))
    return path


def test_the_tool_itself_finds_a_key_in_the_file_that_we_read(tmp_path: Path) -> None:
    folder = tmp_path / "badkeys"
    folder.mkdir()
    path = write_block_list(folder / "blocklist.dat", [modulus("leaf")])
    (folder / "badkeysdata.json").write_text(json.dumps({"bkformat": 0, "blocklists": [{"id": 1, "name": "ours"}]}))
    for label, listed in (("leaf", True), ("leaf-2", False)):
        pem = key(label).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / label).write_bytes(pem)
        tool = [sys.executable, "-c", "from badkeys.runcli import runcli; runcli()", "-c", "blocklist"]
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
        done = subprocess.run([*tool, str(tmp_path / label)], env=environment, capture_output=True, check=False)
        assert (b"blocklist/ours" in done.stdout) is listed, done
        assert load_key_list([path]).holds(modulus(label)) is listed


def test_both_formats_are_one_list(tmp_path: Path) -> None:
    both = load_key_list([SAMPLE, write_block_list(tmp_path / "blocklist.dat", [modulus("leaf")])])
    assert [label for label in ("leaf", "leaf-2", "issuing") if both.holds(modulus(label))] == ["leaf", "leaf-2"]
    assert len(both) == len(load_key_list([SAMPLE])) + 501


def test_every_record_of_a_block_list_is_found(tmp_path: Path) -> None:
    found = load_key_list([write_block_list(tmp_path / "blocklist.dat", [], others=2000)])
    assert all(found.holds(number) for number in range(2000))
    assert not any(found.holds(number) for number in range(2000, 4000))


def test_key_on_a_curve_is_refused_by_its_x(tmp_path: Path) -> None:
    x = accept_csr(p256(), KeyPolicy(p256=True)).spki[-64:-32]
    listed = load_key_list([write_block_list(tmp_path / "blocklist.dat", [int.from_bytes(x)])])
    policy = KeyPolicy(p256=True, is_listed=listed.holds)
    with pytest.raises(CsrError) as caught:
        accept_csr(p256(), policy)
    assert (caught.value.kind, caught.value.weakness) == (CsrProblem.WEAK_KEY, KeyWeakness.KNOWN)
    assert accept_csr(p256(8), policy).modulus is None


def test_block_list_of_many_blocks_out_of_order_in_one_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "blocklist.dat"
    numbers = list(range(70_000))  # more than are looked at together
    path.write_bytes(b"".join(number.to_bytes(8) + bytes(8) for number in numbers))
    assert len(load_key_list([path])) == 70_000
    for place in (0, 65_535, 69_998):
        changed = [*numbers[:place], numbers[place + 1], numbers[place], *numbers[place + 2 :]]
        path.write_bytes(b"".join(number.to_bytes(8) + bytes(8) for number in changed))
        with pytest.raises(KeyListError, match="ordre"):
            load_key_list([path])


@pytest.mark.parametrize("content", [b"", b"x" * 15, b"x" * 33])
def test_block_list_that_is_empty_or_cut_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "blocklist.dat").write_bytes(content)
    with pytest.raises(KeyListError) as caught:
        load_key_list([tmp_path / "blocklist.dat"])
    assert caught.value.line == 0


def test_missing_block_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyListError):
        load_key_list([tmp_path / "blocklist.dat"])
