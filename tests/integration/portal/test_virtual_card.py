"""The card that browsers log in with, as OpenSC finds it: what is on it, what its code guards, and where it is seen."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.integration.portal.world import PortalWorld
from tests.support.virtual_card.chip import Chip
from tests.support.virtual_card.reader import Reader, make_reader, opensc_library

pytestmark = pytest.mark.needs("pcscd", "vsmartcard-vpcd", "opensc", "opensc-pkcs11")
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""Of SHA-256 (RFC 8017 §9.2, note 1)."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with make_reader(tmp_path_factory.mktemp("pcsc") / "l") as made:
        yield made


@pytest.fixture
def chip(world: PortalWorld) -> Chip:
    return Chip.of(world.client("dr-leroux"))


def pkcs11(reader: Reader, *words: str) -> subprocess.CompletedProcess[str]:
    return reader.run("pkcs11-tool", "--module", opensc_library(), *words)


def log_in(reader: Reader, pin: str) -> str:
    """What the library answers to a code; empty when it is right."""
    done = pkcs11(reader, "--login", "--pin", pin, "--list-objects", "--type", "privkey")
    found = re.search(r"rv = (CKR_\w+)", done.stderr)
    assert (done.returncode == 0) == (found is None), done.stderr
    assert ("Private Key Object" in done.stdout) == (found is None)
    return found[1] if found else ""


def send(reader: Reader, *commands: str) -> list[str]:
    """The status of each command of the card."""
    done = reader.run("opensc-tool", *(word for command in commands for word in ("--send-apdu", command)))
    return ["".join(found) for found in re.findall(r"SW1=0x(\w\w), SW2=0x(\w\w)", done.stdout)]


def unblock(reader: Reader, puk: str, pin: str) -> str:
    content = (puk + pin).encode()
    (status,) = send(reader, f"00:2C:00:01:{len(content):02X}:{content.hex(':')}")
    return status


def test_what_is_on_the_card_is_read_in_full(reader: Reader, chip: Chip, world: PortalWorld) -> None:
    with reader.inserted(chip):
        dump = reader.run("pkcs15-tool", "--dump")
        certificate = reader.run("pkcs15-tool", "--read-certificate", "01")
    assert dump.returncode == 0, dump.stderr
    for line in (
        "PKCS#15 Card [CPS3v3 TEST]",
        "PIN [Code porteur]",
        "min_len:4",
        "ModLength      : 2048",
        "neverExtract",
    ):
        assert line in dump.stdout
    assert certificate.stdout.strip() in world.client("dr-leroux").certificate.read_text()


def test_the_key_signs_for_who_knows_the_code(reader: Reader, chip: Chip, world: PortalWorld, tmp_path: Path) -> None:
    message, signature = tmp_path / "condensat", tmp_path / "signature"
    message.write_bytes(DIGEST_INFO + hashlib.sha256(b"essai").digest())
    with reader.inserted(chip):
        words = ("--sign", "--mechanism", "RSA-PKCS", "--id", "01", "-i", str(message), "-o", str(signature))
        done = pkcs11(reader, "--pin", "1234", *words)
    assert done.returncode == 0, done.stderr
    key = world.client("dr-leroux").leaf().public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature.read_bytes(), b"essai", padding.PKCS1v15(), SHA256())
    assert chip.signatures == 1


def test_the_key_does_nothing_before_the_code(reader: Reader, chip: Chip) -> None:
    choose, sign, code = "00:22:41:A4:06:84:01:81:80:01:02", "00:88:00:00:02:01:02", "00:20:00:01:04:31:32:33:34"
    with reader.inserted(chip):
        assert send(reader, choose, sign) == ["9000", "6982"]
        assert send(reader, choose, code, sign) == ["9000", "9000", "9000"]
    with reader.inserted(chip):
        assert send(reader, choose, sign) == ["9000", "6982"], "what was proved is forgotten without power"
    assert chip.signatures == 1


def test_three_wrong_codes_block_the_card_and_the_unblocking_code_opens_it(reader: Reader, chip: Chip) -> None:
    with reader.inserted(chip):
        assert [log_in(reader, "9999"), log_in(reader, "1234")] == ["CKR_PIN_INCORRECT", ""]
        assert chip.pin.tries == 3
        assert [log_in(reader, "9999") for _ in range(3)] == ["CKR_PIN_INCORRECT"] * 2 + ["CKR_PIN_LOCKED"]
        assert log_in(reader, "1234") == "CKR_PIN_LOCKED"
        assert "user PIN locked" in pkcs11(reader, "--list-slots").stdout
    with reader.inserted(chip):
        assert log_in(reader, "1234") == "CKR_PIN_LOCKED", "to pull it out and put it back changes nothing"
        assert unblock(reader, "87654321", "4321") == "9000"
        assert [log_in(reader, "1234"), log_in(reader, "4321")] == ["CKR_PIN_INCORRECT", ""]


def test_a_card_whose_unblocking_code_is_blocked_stays_so(reader: Reader, world: PortalWorld) -> None:
    chip = Chip.of(world.client("dr-leroux"), tries=0)
    with reader.inserted(chip):
        assert [unblock(reader, "00000000", "4321") for _ in range(3)] == ["63C2", "63C1", "6983"]
        assert unblock(reader, "87654321", "4321") == "6983"
        assert log_in(reader, "1234") == "CKR_PIN_LOCKED"


def test_cards_come_and_go_and_each_is_its_bearer_s(reader: Reader, chip: Chip, world: PortalWorld) -> None:
    assert "LEROUX" not in pkcs11(reader, "--list-objects").stdout
    with reader.inserted(chip):
        with reader.inserted(Chip.of(world.client("ide-marchand")), slot=1):
            slots = pkcs11(reader, "--list-slots").stdout
            assert slots.count("CPS3v3 TEST") == 2
            first, second = (pkcs11(reader, "--slot-index", str(at), "--list-objects").stdout for at in (0, 1))
        assert pkcs11(reader, "--list-slots").stdout.count("CPS3v3 TEST") == 1
    assert ("SN=LEROUX" in first, "SN=LEROUX" in second, "SN=MARCHAND" in second) == (True, False, True)
    assert "CPS3v3 TEST" not in pkcs11(reader, "--list-slots").stdout


def test_two_runs_do_not_meet(
    reader: Reader, chip: Chip, world: PortalWorld, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with make_reader(tmp_path_factory.mktemp("pcsc") / "l") as other, reader.inserted(chip):
        with other.inserted(Chip.of(world.client("ide-marchand"))):
            assert "SN=LEROUX" in pkcs11(reader, "--list-objects").stdout
            assert "SN=MARCHAND" in pkcs11(other, "--list-objects").stdout
        with socket.socket() as outside:
            assert outside.connect_ex(("127.0.0.1", 0x8C7B)) != 0, "vpcd listens on the machine's own network"
