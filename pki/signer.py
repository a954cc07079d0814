"""The port of every signing key."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa


class Signer(Protocol):
    """A private key of one authority. Safe to use from one thread at a time; may be loaded before a fork."""

    @property
    def authority(self) -> str:
        """Short name of the authority whose key this is."""

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The public half, equal to the key of the authority's certificate."""

    def sign(self, tbs: bytes) -> bytes:
        """Return the sha256WithRSAEncryption signature (PKCS#1 v1.5) of the bytes; SignerError when it cannot."""
