"""Software keys: encrypted PKCS#8 PEM on disk, the pass phrase in a file of its own."""

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki.authority import Authority
from pki.errors import SignerError
from runtime.secret_file import SecretFile, SecretFileError

_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()
_FORBIDDEN_BITS = 0o077
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PROBE = b"consistency check of a signing key"


class SoftwareSigner:
    """A key held in memory; see the port. Made by load_software_signer."""

    def __init__(self, authority: Authority, key: rsa.RSAPrivateKey) -> None:
        """Refuses with SignerError a key that is not the one of the authority's certificate."""
        self._authority = authority.short_name
        self._key = key
        self._public_key = authority.public_key
        try:
            self._public_key.verify(self.sign(_PROBE), _PROBE, _PKCS1V15, _SHA256)
        except InvalidSignature:
            raise SignerError(f"{authority.short_name} : la clé n'est pas celle du certificat") from None

    def __repr__(self) -> str:
        return f"SoftwareSigner({self._authority!r})"

    @property
    def authority(self) -> str:
        """Short name of the authority whose key this is."""
        return self._authority

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The public half, equal to the key of the authority's certificate."""
        return self._public_key

    def sign(self, tbs: bytes) -> bytes:
        """Return the sha256WithRSAEncryption signature of the bytes."""
        try:
            return self._key.sign(tbs, _PKCS1V15, _SHA256)
        except ValueError:
            raise SignerError(f"{self._authority} : la clé ne sait pas signer") from None


def load_software_signer(authority: Authority, key_file: Path, passphrase_file: Path) -> SoftwareSigner:
    """Return the signer of an authority. Load once per process, before forking: the key stays in memory.

    `key_file` is encrypted PKCS#8 PEM, `passphrase_file` holds the pass phrase as runtime.secret_file reads it.
    SignerError when a file is missing, readable by others than its owner, not encrypted, of a wrong pass phrase, or
    when the key is not the one of the authority's certificate.
    """
    name = authority.short_name
    pem = _read_key_file(key_file, name)
    if _ENCRYPTED not in pem:
        raise SignerError(f"{name} : le fichier de clé n'est pas du PKCS#8 chiffré")
    try:
        passphrase = SecretFile(passphrase_file).read_text().encode()
    except SecretFileError as error:
        raise SignerError(f"{name} : {error}") from None
    try:
        # The library's own validation costs a quarter of a second for RSA-4096; the probe signature of
        # SoftwareSigner, verified with the certified key, is what matters here.
        key = load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SignerError(f"{name} : la phrase de passe n'ouvre pas la clé") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SignerError(f"{name} : la clé n'est pas RSA")
    return SoftwareSigner(authority, key)


def _read_key_file(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_mode & _FORBIDDEN_BITS:
            raise SignerError(f"{name} : fichier de clé ouvert à d'autres comptes (chmod 600 attendu) : {path}")
        return path.read_bytes()
    except OSError:
        raise SignerError(f"{name} : fichier de clé absent ou illisible : {path}") from None
