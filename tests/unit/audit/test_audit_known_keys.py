"""The lists of predictable keys, read by the auditor's own code: both formats, any order, nothing skipped silently."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.keys.known_keys import check_known
from pki.keys.key_list import badkeys_hash
from tests.vectors.keys import DISTANCES, key
from tests.vectors.samples import spki

SAMPLE = Path(__file__).parents[2] / "vectors" / "weak-keys.sample.txt"
KEYS = [(label, spki(label)) for label in DISTANCES]
P256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()


def record(number: int) -> bytes:
    return badkeys_hash(number) + b"\x01"


def modulus(label: str) -> int:
    return key(label).public_key().public_numbers().n


def found(*files: Path) -> list[tuple[str, str]]:
    return [(finding.subject, finding.text) for finding in check_known(KEYS, files)]


def test_key_of_a_text_is_named() -> None:
    assert found(SAMPLE) == [("leaf-2", f"clé prévisible, de la liste {SAMPLE.name}")]


def test_key_of_a_block_list_is_named_in_whatever_order_it_is(tmp_path: Path) -> None:
    others = [hashlib.sha256(bytes((rank,))).digest()[:16] for rank in range(200)]
    path = tmp_path / "blocklist.dat"
    path.write_bytes(b"".join([*others, record(modulus("root")), *others, record(modulus("leaf"))]))
    assert [subject for subject, _ in found(path)] == ["root", "leaf"]


def test_key_on_a_curve_is_looked_up_by_its_x(tmp_path: Path) -> None:
    path = tmp_path / "blocklist.dat"
    path.write_bytes(record(P256.public_numbers().x))
    keys = [*KEYS, ("courbe", P256.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)), ("rien", b"")]
    assert [finding.subject for finding in check_known(keys, [path])] == ["courbe"]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("liste.txt", b"# ours\n0123456789abcdef012g\n", "ligne 2"),
        ("liste.txt", b"0123456789abcdef0123ab\n", "ligne 1"),
        ("blocklist.dat", b"x" * 33, "coupée"),
    ],
)
def test_damaged_list_is_a_finding_and_the_next_one_is_read(
    tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    damaged, listed = found(path, SAMPLE)
    assert damaged[0] == name
    assert word in damaged[1]
    assert listed[0] == "leaf-2"


def test_missing_list_is_a_finding(tmp_path: Path) -> None:
    assert found(tmp_path / "absente") == [("absente", "la liste de clés prévisibles ne peut pas être lue")]
