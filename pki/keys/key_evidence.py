"""Which public key somebody says is compromised: read from a certificate, a request, a public or the private key.

Only the digest of the public key leaves this module. What was given is neither kept nor quoted in an error.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
)

from pki.errors import PkiError

MAX_BYTES = 256 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
# A block ends at the next five hyphens, be they its own or not: who reads on from each beginning reads for ever.
_PEM = re.compile(rb"-----BEGIN (?P<label>[A-Z0-9 ]+)-----\r?\n(?:[^-]|-(?!----))*+-----END (?P=label)-----")
_PARAMETERS = {"EC PARAMETERS", "DH PARAMETERS", "DSA PARAMETERS"}


class KeyForm(Enum):
    """As what a key was given."""

    CERTIFICATE = "certificate"
    REQUEST = "certification request"
    PUBLIC_KEY = "public key"
    PRIVATE_KEY = "private key"
    DIGEST = "digest"


class KeyProblem(Enum):
    """Why no key could be read."""

    UNREADABLE = "neither a certificate, a request nor a key, in PEM or DER"
    PASS_PHRASE_MISSING = "the private key is encrypted, and no pass phrase was given"  # noqa: S105 -- a sentence
    PASS_PHRASE_WRONG = "the private key does not open with this pass phrase"  # noqa: S105 -- a sentence
    SEVERAL_KEYS = "the file holds several keys"


class KeyEvidenceError(PkiError):
    """No key, or more than one, can be read from what was given; ``problem`` says why."""

    def __init__(self, problem: KeyProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class KeyEvidence:
    """A key by the SHA-256 of its SubjectPublicKeyInfo, and what it was read from."""

    spki_sha256: bytes
    form: KeyForm


_Load = Callable[[bytes], Any]
_LoadPrivate = Callable[[bytes, bytes | None], Any]


def read_digest(text: str) -> KeyEvidence | None:
    """The key whose SubjectPublicKeyInfo has this SHA-256, in hexadecimal with or without colons; None otherwise."""
    compact = text.strip().replace(":", "").lower()
    return KeyEvidence(bytes.fromhex(compact), KeyForm.DIGEST) if _DIGEST.fullmatch(compact) else None


def read_key(data: bytes, pass_phrase: bytes | None = None) -> KeyEvidence:
    """The one key that a file is about: X.509, PKCS#10, SubjectPublicKeyInfo, PKCS#1, PKCS#8, SEC 1 or OpenSSH.

    PEM or DER; several PEM blocks are good when they are of one key. KeyEvidenceError otherwise; nothing else is
    raised, whatever the bytes.
    """
    if len(data) > MAX_BYTES:
        raise KeyEvidenceError(KeyProblem.UNREADABLE)
    found = list(_from_pem(data, pass_phrase)) if b"-----BEGIN " in data else [_from_der(data, pass_phrase)]
    if not found:
        raise KeyEvidenceError(KeyProblem.UNREADABLE)
    if len({evidence.spki_sha256 for evidence in found}) > 1:
        raise KeyEvidenceError(KeyProblem.SEVERAL_KEYS)
    return next((evidence for evidence in found if evidence.form is KeyForm.PRIVATE_KEY), found[0])


def _from_pem(data: bytes, pass_phrase: bytes | None) -> Iterator[KeyEvidence]:
    for block in _PEM.finditer(data):
        label, pem = block["label"].decode(), block[0] + b"\n"
        if label in _PARAMETERS:
            continue
        if label in _PUBLIC_BLOCKS:
            yield _evidence(*_PUBLIC_BLOCKS[label], pem)
        elif label.startswith("OPENSSH"):
            yield _from_private(load_ssh_private_key, pem, pass_phrase)
        else:
            yield _from_private(load_pem_private_key, pem, pass_phrase)


def _from_der(data: bytes, pass_phrase: bytes | None) -> KeyEvidence:
    for form, load in _PUBLIC_DER:
        try:
            return _evidence(form, load, data)
        except KeyEvidenceError:
            continue
    return _from_private(load_der_private_key, data, pass_phrase)


def _from_private(load: _LoadPrivate, data: bytes, pass_phrase: bytes | None) -> KeyEvidence:
    try:
        return _evidence(KeyForm.PRIVATE_KEY, lambda data: load(data, None).public_key(), data)
    except KeyEvidenceError as error:
        if pass_phrase is None or error.problem is not KeyProblem.PASS_PHRASE_MISSING:
            raise
    try:
        return _evidence(KeyForm.PRIVATE_KEY, lambda data: load(data, pass_phrase).public_key(), data)
    except KeyEvidenceError:
        raise KeyEvidenceError(KeyProblem.PASS_PHRASE_WRONG) from None


def _certificate_key(data: bytes) -> Any:  # noqa: ANN401 -- a public key of any kind
    load = x509.load_pem_x509_certificate if data.startswith(b"-") else x509.load_der_x509_certificate
    return load(data).public_key()


def _request_key(data: bytes) -> Any:  # noqa: ANN401 -- a public key of any kind
    return (x509.load_pem_x509_csr if data.startswith(b"-") else x509.load_der_x509_csr)(data).public_key()


_PUBLIC_BLOCKS: dict[str, tuple[KeyForm, _Load]] = {
    "CERTIFICATE": (KeyForm.CERTIFICATE, _certificate_key),
    "CERTIFICATE REQUEST": (KeyForm.REQUEST, _request_key),
    "NEW CERTIFICATE REQUEST": (KeyForm.REQUEST, _request_key),
    "PUBLIC KEY": (KeyForm.PUBLIC_KEY, load_pem_public_key),
    "RSA PUBLIC KEY": (KeyForm.PUBLIC_KEY, load_pem_public_key),
}
_PUBLIC_DER: tuple[tuple[KeyForm, _Load], ...] = (
    (KeyForm.CERTIFICATE, _certificate_key),
    (KeyForm.REQUEST, _request_key),
    (KeyForm.PUBLIC_KEY, load_der_public_key),
)


def _evidence(form: KeyForm, load: _Load, data: bytes) -> KeyEvidence:
    try:
        spki = load(data).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError as error:
        # How the library says that a private key needs a pass phrase.
        needed = form is KeyForm.PRIVATE_KEY and "assword" in str(error)
        raise KeyEvidenceError(KeyProblem.PASS_PHRASE_MISSING if needed else KeyProblem.UNREADABLE) from None
    except Exception:  # noqa: BLE001 -- the errors of the parsers are many and undocumented; each is a refusal
        raise KeyEvidenceError(KeyProblem.UNREADABLE) from None
    return KeyEvidence(hashlib.sha256(spki).digest(), form)
