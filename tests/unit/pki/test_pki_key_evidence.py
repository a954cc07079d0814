"""A compromised key is read from whatever somebody brings; nothing of it is told in an error."""

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from pki.keys.key_evidence import MAX_BYTES, KeyEvidenceError, KeyForm, KeyProblem, read_digest, read_key
from tests.vectors.keys import key

PHRASE = b"phrase de passe"
_KEY = key("leaf")
PEM = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
DIGEST = hashlib.sha256(_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


@pytest.mark.parametrize(
    "encoded",
    [
        _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PHRASE)),
        _KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(PHRASE)),
        _KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(PHRASE)),
    ],
)
def test_an_encrypted_key_needs_its_phrase(encoded: bytes) -> None:
    assert read_key(encoded, PHRASE).spki_sha256 == DIGEST
    for phrase, problem in ((None, KeyProblem.PASS_PHRASE_MISSING), (b"autre", KeyProblem.PASS_PHRASE_WRONG)):
        with pytest.raises(KeyEvidenceError) as caught:
            read_key(encoded, phrase)
        assert caught.value.problem is problem


def test_ssh_form_line_ends_and_text_around() -> None:
    ssh = _KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    assert read_key(ssh).form is KeyForm.PRIVATE_KEY
    for data in (PEM.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + PEM, b"trouve sur le serveur :\n" + PEM + b"fin\n"):
        assert read_key(data).spki_sha256 == DIGEST


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        b"-----BEGIN ",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
        PEM.replace(b"M", b"N", 40),
        PEM + b" " * MAX_BYTES,
    ],
)
def test_anything_else_is_unreadable_and_not_quoted(data: bytes) -> None:
    with pytest.raises(KeyEvidenceError) as caught:
        read_key(data, PHRASE)
    assert caught.value.problem in {KeyProblem.UNREADABLE, KeyProblem.PASS_PHRASE_WRONG}
    assert str(caught.value) == caught.value.problem.value
    assert caught.value.__cause__ is None


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(KeyEvidenceError):
        read_key(data)


def test_a_digest_is_64_hexadecimal_digits() -> None:
    text = DIGEST.hex()
    colons = ":".join(text[at : at + 2] for at in range(0, 64, 2)).upper()
    for written in (text, text.upper(), colons, f" {text}\n"):
        evidence = read_digest(written)
        assert evidence is not None
        assert (evidence.spki_sha256, evidence.form) == (DIGEST, KeyForm.DIGEST)
    for written in ("", text[:-1], text + "0", "cle.pem", "g" * 64):
        assert read_digest(written) is None
