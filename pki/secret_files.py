"""Files that hold secrets or must never be overwritten: created whole or not at all, secrets with mode 0600."""

import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pki.errors import CeremonyError

_OWNER_ONLY = 0o600
_PUBLIC = 0o644
MIN_PASSPHRASE = 12
_PASSPHRASE_BYTES = 32


def write_new(path: Path, content: bytes, *, secret: bool) -> None:
    """Create a file with its whole content, durable on return; CeremonyError when the path exists already.

    The content is written under a temporary name and linked into place, so that no reader and no crash ever sees
    half of it.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    mode = _OWNER_ONLY if secret else _PUBLIC
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise CeremonyError(f"{path.name} exists already and is never overwritten") from None
    finally:
        temporary.unlink(missing_ok=True)


def replace_public(path: Path, content: bytes) -> None:
    """Write a public file whole, in the place of the one that is there: a reader sees the old or the new one."""
    _replace(path, content, secret=False)


def replace_secret(path: Path, content: bytes) -> None:
    """As replace_public, for the owner's eyes alone (mode 0600)."""
    _replace(path, content, secret=True)


def _replace(path: Path, content: bytes, *, secret: bool) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(temporary, content, secret=secret)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_private_key(path: Path, key: rsa.RSAPrivateKey, passphrase: bytes | None) -> None:
    """Write a key as PKCS#8 PEM, mode 0600, encrypted unless `passphrase` is None; CeremonyError when it exists."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), secret=True)


def certificate_pem(certificate: bytes) -> bytes:
    """Return a DER certificate as PEM."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def write_new_passphrase(path: Path) -> bytes:
    """Write a random pass phrase into a new file, mode 0600, and return it."""
    passphrase = secrets.token_urlsafe(_PASSPHRASE_BYTES).encode()
    write_new(path, passphrase + b"\n", secret=True)
    return passphrase
