"""A SoftHSM2 token in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pkcs11
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pkcs11 import Attribute
from pkcs11.util.rsa import decode_rsa_private_key

from pki.issuing.signers.token import Token

PIN = "pin-of-the-tests"
_SO_PIN = "so-pin-of-the-tests"
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
_CONFIG = "SOFTHSM2_CONF"


class SoftHsm:
    """Tokens of one folder; SOFTHSM2_CONF of this process names it from ``start`` to ``stop``."""

    def __init__(self, folder: Path) -> None:
        self.module = next(Path(path) for path in _MODULES if Path(path).exists())
        self.folder = folder
        self.config = folder / "softhsm2.conf"
        self._before = os.environ.get(_CONFIG)

    def start(self) -> None:
        tokens = self.folder / "tokens"
        tokens.mkdir(mode=0o700, parents=True)
        self.config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        os.environ[_CONFIG] = str(self.config)

    def stop(self) -> None:
        if self._before is None:
            os.environ.pop(_CONFIG, None)
        else:
            os.environ[_CONFIG] = self._before

    def make_token(self, label: str) -> Token:
        """A new token, writable, its PIN in a file beside it."""
        initialise = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", _SO_PIN]
        subprocess.run(initialise, check=True, capture_output=True)
        pin_file = self.folder / f"{label}.pin"
        pin_file.write_text(PIN + "\n")
        pin_file.chmod(0o600)
        return Token(self.module, label, pin_file, writable=True)


def import_key(token: Token, label: str, key: rsa.RSAPrivateKey) -> None:
    """Put a known key into a token, which no ceremony does."""
    der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    attributes = decode_rsa_private_key(der) | {
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.LABEL: label,
        Attribute.ID: label.encode(),
    }

    def create(session: pkcs11.Session) -> None:
        session.create_object(attributes)

    token.run(create)
