"""One RSA-2048 key and its CSR, each in a file of its own; ``keys`` makes many.

The private key is written mode 0600 and never travels. A key that exists is kept: a run that was interrupted goes
on where it stopped.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.errors import IgcClientError
from clients.files import reason_of, write_atomically, write_new
from clients.keys.csr import UNREADABLE
from clients.text import spellings

KEY_BITS = 2048
"""The only key the contract accepts: RSA 2048 (type Csr of the XSD)."""


class KeyFileError(IgcClientError):
    """An existing key file cannot be used: other content, or a wrong pass phrase. It is left untouched."""


class KeyTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One pair to make: ``<folder>/<stem>.key`` and ``.csr``; ``common_name`` only labels the CSR."""

    folder: Path
    stem: str
    common_name: str

    @property
    def key_file(self) -> Path:
        """PKCS#8 in PEM, encrypted when a pass phrase is given."""
        return self.folder / f"{self.stem}.key"

    @property
    def csr_file(self) -> Path:
        """PKCS#10 in PEM."""
        return self.folder / f"{self.stem}.csr"


def make_key(target: KeyTarget, passphrase: bytes | None = None) -> bytes:
    """The CSR (DER) of one target, made here; an existing key is used again, an existing CSR only if it fits.

    Raises KeyFileError for a key that is there and cannot be used, OSError where the folder takes no file.
    """
    key = _existing_key(target.key_file, passphrase) if _is_taken(target.key_file) else _new_key(target, passphrase)
    existing = _existing_csr(target.csr_file)
    if existing is not None and existing.public_key() == key.public_key():
        return existing.public_bytes(serialization.Encoding.DER)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, target.common_name[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    write_atomically(target.csr_file, request.public_bytes(serialization.Encoding.PEM))
    return request.public_bytes(serialization.Encoding.DER)


def _new_key(target: KeyTarget, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    protection: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    try:
        write_new(target.key_file, pem, mode=0o600)
    except FileExistsError:
        # Another run has just made it: its key is the one that counts.
        return _existing_key(target.key_file, passphrase)
    return key


def _is_taken(path: Path) -> bool:
    """Whether something has this name, be it a link to nowhere: no key is written over it."""
    return path.exists() or path.is_symlink()


def _existing_key(path: Path, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"La clé {path} existe déjà et ne peut pas être lue : {reason_of(error)}.") from error
    key = None
    for phrase in _spellings(passphrase):
        with contextlib.suppress(*UNREADABLE):
            key = serialization.load_pem_private_key(content, phrase)
            break
    if key is None:
        raise KeyFileError(f"La clé {path} existe déjà et ne peut pas être relue (autre mot de passe ?).")
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != KEY_BITS:
        raise KeyFileError(f"La clé {path} existe déjà et n'est pas une clé RSA de {KEY_BITS} bits.")
    return key


def _spellings(passphrase: bytes | None) -> list[bytes | None]:
    """The pass phrase as it is, then in its other Unicode forms: another machine may type its accents otherwise."""
    if passphrase is None:
        return [None]
    try:
        return [spelling.encode() for spelling in spellings(passphrase.decode())]
    except UnicodeDecodeError:
        return [passphrase]


def _existing_csr(path: Path) -> x509.CertificateSigningRequest | None:
    try:
        return x509.load_pem_x509_csr(path.read_bytes())
    except (OSError, *UNREADABLE):
        return None
