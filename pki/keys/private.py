"""Private keys as files, and the pass phrases that they are encrypted with."""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pki.errors import CeremonyError
from runtime.whole_files import AlreadyThereError, write_new

MIN_PASSPHRASE = 12
_PASSPHRASE_BYTES = 32


def write_private_key(path: Path, key: rsa.RSAPrivateKey, passphrase: bytes | None) -> None:
    """Write a key as PKCS#8 PEM, mode 0600, encrypted unless `passphrase` is None; CeremonyError when it exists."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    try:
        write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), secret=True)
    except AlreadyThereError as error:
        raise CeremonyError(str(error)) from None


def write_new_passphrase(path: Path) -> bytes:
    """Write a random pass phrase into a new file, mode 0600, and return it; AlreadyThereError when it exists."""
    passphrase = secrets.token_urlsafe(_PASSPHRASE_BYTES).encode()
    write_new(path, passphrase + b"\n", secret=True)
    return passphrase
