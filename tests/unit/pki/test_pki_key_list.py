"""Lists of predictable keys: the format of openssl-blacklist, read strictly, looked up exactly."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.csr import accept_csr
from pki.errors import CsrError, CsrProblem, KeyListError, KeyWeakness
from pki.key_list import KeyList, fingerprint, load_key_list
from pki.key_policy import KeyPolicy
from tests.vectors.csr_cases import build
from tests.vectors.keys import key
from tests.vectors.samples import spki

SAMPLE = Path(__file__).parents[2] / "vectors" / "weak-keys.sample.txt"


def modulus(label: str) -> int:
    return key(label).public_key().public_numbers().n


def test_fingerprint_is_that_of_the_tools(openssl):
    pem = key("leaf").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    printed = openssl("rsa", "-pubin", "-noout", "-modulus", data=pem)
    assert fingerprint(modulus("leaf")).hex() == hashlib.sha1(printed.encode()).hexdigest()[20:]


def test_key_of_the_list_is_refused_and_its_neighbours_are_not():
    policy = KeyPolicy(is_listed=load_key_list([SAMPLE]).holds)
    with pytest.raises(CsrError) as caught:
        accept_csr(build(spki=spki("leaf-2"), signer=key("leaf-2")), policy)
    assert (caught.value.kind, caught.value.weakness) == (CsrProblem.WEAK_KEY, KeyWeakness.KNOWN)
    assert accept_csr(build(), policy).spki == spki()


def test_files_are_one_list(tmp_path):
    (tmp_path / "more").write_text(f"# ours\n\n{fingerprint(modulus('leaf')).hex().upper()}\r\n")
    both = load_key_list([SAMPLE, tmp_path / "more"])
    assert both.holds(modulus("leaf"))
    assert both.holds(modulus("leaf-2"))
    assert not both.holds(modulus("issuing"))


def test_no_file_lists_no_key():
    assert len(load_key_list([])) == 0
    assert not load_key_list([]).holds(modulus("leaf"))


def test_every_place_in_a_long_list_is_found():
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
}


@pytest.mark.parametrize("name", WRONG)
def test_damaged_list_is_refused_whole(tmp_path, name):
    text, line = WRONG[name]
    (tmp_path / "list").write_text(text, "utf-8")
    with pytest.raises(KeyListError) as caught:
        load_key_list([tmp_path / "list"])
    assert caught.value.line == line


def test_missing_list_is_refused(tmp_path):
    with pytest.raises(KeyListError):
        load_key_list([tmp_path / "missing"])
