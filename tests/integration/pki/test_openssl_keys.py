"""Keys as openssl writes them: read as evidence of a compromise, and found in the lists of predictable keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pki.keys.key_evidence import KeyEvidenceError, KeyForm, KeyProblem, read_key
from pki.keys.key_list import fingerprint
from tests.vectors.keys import key

pytestmark = pytest.mark.needs("openssl")

Openssl = Callable[..., str]
_PUBLIC = key("leaf").public_key()
PEM = key("leaf").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
DIGEST = hashlib.sha256(_PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("evidence") / "key.pem"
    file.write_bytes(PEM)
    return file


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("req", "-x509", "-new", "-subj", "/CN=a", "-key"), KeyForm.CERTIFICATE),
        (("req", "-new", "-subj", "/CN=a", "-key"), KeyForm.REQUEST),
        (("rsa", "-pubout", "-in"), KeyForm.PUBLIC_KEY),
        (("rsa", "-RSAPublicKey_out", "-in"), KeyForm.PUBLIC_KEY),
        (("rsa", "-traditional", "-in"), KeyForm.PRIVATE_KEY),
        (("pkcs8", "-topk8", "-nocrypt", "-in"), KeyForm.PRIVATE_KEY),
    ],
)
def test_every_form_is_read(
    openssl: Openssl, key_file: Path, tmp_path: Path, command: tuple[str, ...], expected: KeyForm, form: str
) -> None:
    out = tmp_path / "out"
    openssl(*command, str(key_file), "-outform", form, "-out", str(out))
    for phrase in (None, b"phrase de passe"):
        evidence = read_key(out.read_bytes(), phrase)
        assert (evidence.spki_sha256, evidence.form) == (DIGEST, expected)


def test_several_blocks_are_good_when_they_are_of_one_key(openssl: Openssl, key_file: Path) -> None:
    certificate = openssl("req", "-x509", "-new", "-subj", "/CN=a", "-key", str(key_file)).encode()
    assert read_key(certificate + PEM).form is KeyForm.PRIVATE_KEY
    other = key("issuing").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyEvidenceError) as caught:
        read_key(certificate + other)
    assert caught.value.problem is KeyProblem.SEVERAL_KEYS


def test_elliptic_keys_with_their_parameters(openssl: Openssl, tmp_path: Path) -> None:
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-out", str(tmp_path / "ec.pem"))
    private = read_key((tmp_path / "ec.pem").read_bytes())
    openssl("ec", "-in", str(tmp_path / "ec.pem"), "-pubout", "-out", str(tmp_path / "pub.pem"))
    assert private.form is KeyForm.PRIVATE_KEY
    assert read_key((tmp_path / "pub.pem").read_bytes()).spki_sha256 == private.spki_sha256


def test_the_fingerprint_of_the_lists_is_that_of_the_tools(openssl: Openssl) -> None:
    pem = _PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    printed = openssl("rsa", "-pubin", "-noout", "-modulus", data=pem)
    assert fingerprint(_PUBLIC.public_numbers().n).hex() == hashlib.sha1(printed.encode()).hexdigest()[20:]
