"""Software keys: opened only when they are closed to others, encrypted, and the authority's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pki.authority import Authority
from pki.errors import SignerError
from pki.issuing.issuance import issue, lint, prepare
from pki.issuing.signers.software import load_software_signer
from pki.keys.private import write_private_key
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, spki

PASSPHRASE = b"a pass phrase of the tests"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    write_private_key(tmp_path / "key.pem", key("issuing"), PASSPHRASE)
    (tmp_path / "phrase").write_bytes(PASSPHRASE + b"\n")
    (tmp_path / "phrase").chmod(0o600)
    return tmp_path / "key.pem", tmp_path / "phrase"


def test_it_issues_the_same_certificate_as_the_key_itself(
    issuing: Authority, signer: KeySigner, files: tuple[Path, Path]
) -> None:
    software = load_software_signer(issuing, *files)
    linted = lint(prepare(issuing, SHAPES["org-sign"], spki(), SERIAL, NOW), issuing)
    assert issue(linted, software) == issue(linted, signer)
    assert software.public_key == issuing.public_key
    assert software.authority == "ACI-EL-TEST"


def test_pass_phrase_file_may_end_with_a_line_end_of_any_kind(issuing: Authority, files: tuple[Path, Path]) -> None:
    for begin, end in ((b"", b""), (b"", b"\n"), (b"", b"\r\n"), (b"\xef\xbb\xbf", b"\r\n")):
        files[1].write_bytes(begin + PASSPHRASE + end)
        load_software_signer(issuing, *files)


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


def _pem(
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, encryption: NoEncryption | BestAvailableEncryption
) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "no key file": lambda k, p: k.unlink(),
    "no pass phrase file": lambda k, p: p.unlink(),
    "key readable by the group": lambda k, p: k.chmod(0o640),
    "key readable by all": lambda k, p: k.chmod(0o604),
    "pass phrase readable by all": lambda k, p: p.chmod(0o644),
    "wrong pass phrase": lambda k, p: p.write_bytes(b"another pass phrase"),
    "pass phrase with a zero-width space": lambda k, p: p.write_bytes(PASSPHRASE + "\u200b".encode()),
    "pass phrase on two lines": lambda k, p: p.write_bytes(PASSPHRASE + b"\nmore"),
    "empty pass phrase": lambda k, p: p.write_bytes(b""),
    "not encrypted": lambda k, p: _write(k, _pem(key("issuing"), NoEncryption())),
    "not PEM": lambda k, p: _write(k, b"words"),
    "truncated": lambda k, p: _write(k, k.read_bytes()[:-300]),
    "key of another authority": lambda k, p: _write(k, _pem(key("root"), BestAvailableEncryption(PASSPHRASE))),
    "not RSA": lambda k, p: _write(
        k,
        _pem(ec.derive_private_key(7, ec.SECP256R1()), BestAvailableEncryption(PASSPHRASE)),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_refused(issuing: Authority, files: tuple[Path, Path], name: str) -> None:
    DAMAGES[name](*files)
    with pytest.raises(SignerError) as caught:
        load_software_signer(issuing, *files)
    assert "ACI-EL-TEST" in str(caught.value)
    assert PASSPHRASE.decode() not in str(caught.value)


def test_neither_key_nor_pass_phrase_is_ever_shown(issuing: Authority, files: tuple[Path, Path]) -> None:
    assert repr(load_software_signer(issuing, *files)) == "SoftwareSigner('ACI-EL-TEST')"
