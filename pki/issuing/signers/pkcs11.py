"""Keys in a token (PKCS#11): found by label, checked against the authority's certificate, made in a ceremony.

The token signs a DigestInfo made here (CKM_RSA_PKCS), so that a CRL of many megabytes costs it no more than a
certificate.
"""

import hashlib

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.types import SignMixin
from pkcs11.util.rsa import encode_rsa_public_key

from pki.authority import Authority
from pki.errors import CeremonyError, SignerError
from pki.issuing.signers.token import Token
from pki.keys.key_policy import RSA_EXPONENT

_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()
_PROBE = b"consistency check of a signing key"
# DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class TokenKey:
    """One private key of a token, told from others of the same label by its public key."""

    def __init__(self, token: Token, label: str, public_key: rsa.RSAPublicKey) -> None:
        """Opens nothing yet."""
        self.public_key = public_key
        self._token = token
        self._label = label
        self._modulus = public_key.public_numbers().n.to_bytes((public_key.key_size + 7) // 8, "big")
        self._found: tuple[pkcs11.Session, SignMixin] | None = None

    def sign(self, data: bytes) -> bytes:
        """Return the sha256WithRSAEncryption signature of the bytes; SignerError as Token.run, or without the key."""
        digest_info = _DIGEST_INFO + hashlib.sha256(data).digest()
        return self._token.run(lambda session: self._key(session).sign(digest_info, mechanism=Mechanism.RSA_PKCS))

    def _key(self, session: pkcs11.Session) -> SignMixin:
        """Return the key's handle, which lives as long as its session."""
        if self._found is None or self._found[0] is not session:
            self._found = session, self._find(session)
        return self._found[1]

    def _find(self, session: pkcs11.Session) -> SignMixin:
        wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: self._label}
        for key in session.get_objects(wanted):
            if isinstance(key, SignMixin) and key[Attribute.MODULUS].lstrip(b"\0") == self._modulus:
                return key
        raise SignerError(f"jeton {self._token.label} : aucune clé {self._label} qui soit celle du certificat")


class Pkcs11Signer:
    """A key in a token; see the port. Made by load_pkcs11_signer."""

    def __init__(self, authority: Authority, key: TokenKey) -> None:
        """Refuses with SignerError a key that does not sign for the authority's certificate."""
        self._authority = authority.short_name
        self._key = key
        try:
            key.public_key.verify(key.sign(_PROBE), _PROBE, _PKCS1V15, _SHA256)
        except InvalidSignature:
            raise SignerError(f"{authority.short_name} : la clé n'est pas celle du certificat") from None

    def __repr__(self) -> str:
        return f"Pkcs11Signer({self._authority!r})"

    @property
    def authority(self) -> str:
        """Short name of the authority whose key this is."""
        return self._authority

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The public half, equal to the key of the authority's certificate."""
        return self._key.public_key

    def sign(self, tbs: bytes) -> bytes:
        """Return the sha256WithRSAEncryption signature of the bytes."""
        return self._key.sign(tbs)


def load_pkcs11_signer(authority: Authority, token: Token, label: str | None = None) -> Pkcs11Signer:
    """Return the signer of an authority whose key is in a token, under `label` or else the authority's short name.

    Load it in the process that uses it. SignerError when the token cannot be opened, holds no such key, or the key is
    not the one of the authority's certificate.
    """
    return Pkcs11Signer(authority, TokenKey(token, label or authority.short_name, authority.public_key))


def generate_key(token: Token, label: str, bits: int) -> TokenKey:
    """Make an RSA key that never leaves the token (sensitive, not extractable) and return it.

    CeremonyError when a key has the label already; SignerError as Token.run. `token` must be writable.
    """

    def make(session: pkcs11.Session) -> rsa.RSAPublicKey:
        if any(True for _ in session.get_objects({Attribute.LABEL: label})):
            raise CeremonyError(f"jeton {token.label} : une clé {label} existe déjà")
        public, _private = session.generate_keypair(
            KeyType.RSA,
            bits,
            id=label.encode(),
            label=label,
            store=True,
            public_template={
                Attribute.PUBLIC_EXPONENT: RSA_EXPONENT.to_bytes(3, "big"),
                Attribute.ENCRYPT: False,
                Attribute.WRAP: False,
                Attribute.VERIFY: True,
            },
            private_template={
                Attribute.SENSITIVE: True,
                Attribute.EXTRACTABLE: False,
                Attribute.DECRYPT: False,
                Attribute.UNWRAP: False,
                Attribute.SIGN: True,
            },
        )
        key = load_der_public_key(encode_rsa_public_key(public))
        if not isinstance(key, rsa.RSAPublicKey):
            raise SignerError(f"jeton {token.label} : la nouvelle clé n'est pas RSA")
        return key

    return TokenKey(token, label, token.run(make))
