"""Where a ceremony puts the keys that it makes, and finds them again: encrypted files, or a token."""

from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki.errors import CeremonyError, SignerError
from pki.issuing.signers.adapter import BuilderKey
from pki.issuing.signers.pkcs11 import TokenKey, generate_key
from pki.issuing.signers.token import Token
from pki.keys.key_policy import RSA_EXPONENT
from pki.keys.private import MIN_PASSPHRASE, write_private_key

_PROBE = b"consistency check of a signing key"


class KeyStore(Protocol):
    """A place for keys, each under the short name of its authority."""

    def generate(self, short_name: str, bits: int) -> rsa.RSAPrivateKey:
        """Make a key; CeremonyError when the name has one already. May be called from several threads."""

    def open(self, short_name: str, public_key: rsa.RSAPublicKey) -> rsa.RSAPrivateKey:
        """Return the key that belongs to `public_key`; SignerError when it is not here."""


def key_file(keys_folder: Path, short_name: str) -> Path:
    """Return where the encrypted key of an authority is."""
    return keys_folder / f"{short_name}.key.pem"


class FileStore:
    """Encrypted PKCS#8 files, mode 0600, all with one pass phrase."""

    def __init__(self, folder: Path, passphrase: bytes) -> None:
        """Refuses with CeremonyError a pass phrase that is too short. Makes the folder when the first key comes."""
        if len(passphrase) < MIN_PASSPHRASE:
            raise CeremonyError(f"phrase de passe trop courte : {MIN_PASSPHRASE} caractères au moins")
        self._folder = folder
        self._passphrase = passphrase

    def generate(self, short_name: str, bits: int) -> rsa.RSAPrivateKey:
        """See the port. Generation releases the interpreter lock, so threads share the cores."""
        key = rsa.generate_private_key(RSA_EXPONENT, bits)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_key(key_file(self._folder, short_name), key, self._passphrase)
        return key

    def open(self, short_name: str, public_key: rsa.RSAPublicKey) -> rsa.RSAPrivateKey:
        """See the port."""
        try:
            pem = key_file(self._folder, short_name).read_bytes()
            key = load_pem_private_key(pem, self._passphrase)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
            raise SignerError(
                f"{short_name} : le fichier de clé est absent, ou la phrase de passe ne l'ouvre pas"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != public_key:
            raise SignerError(f"{short_name} : la clé n'est pas celle du certificat")
        return key


class TokenStore:
    """A PKCS#11 token; the label of a key is the short name."""

    def __init__(self, token: Token) -> None:
        """The token must be writable."""
        self._token = token

    def generate(self, short_name: str, bits: int) -> rsa.RSAPrivateKey:
        """See the port."""
        key = generate_key(self._token, short_name, bits)
        return BuilderKey(key.public_key, key.sign)

    def open(self, short_name: str, public_key: rsa.RSAPublicKey) -> rsa.RSAPrivateKey:
        """See the port."""
        key = TokenKey(self._token, short_name, public_key)
        try:
            public_key.verify(key.sign(_PROBE), _PROBE, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise SignerError(f"{short_name} : la clé n'est pas celle du certificat") from None
        return BuilderKey(public_key, key.sign)
