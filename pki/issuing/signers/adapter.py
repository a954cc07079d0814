"""A signing key wherever it is, in the shape that the library's certificate and request builders take."""

from collections.abc import Callable
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

from pki.errors import SignerError


class BuilderKey(rsa.RSAPrivateKey):
    """Signs through a callable and does nothing else; the private numbers are nowhere in this process."""

    def __init__(self, public_key: rsa.RSAPublicKey, sign: Callable[[bytes], bytes]) -> None:
        """`sign` gives sha256WithRSAEncryption signatures that `public_key` verifies."""
        self._public_key = public_key
        self._sign = sign

    @property
    def key_size(self) -> int:
        """Length of the modulus in bits."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public_key

    def sign(
        self, data: bytes, padding: AsymmetricPadding, algorithm: Prehashed | HashAlgorithm | NoDigestInfo
    ) -> bytes:
        """Return a sha256WithRSAEncryption signature; SignerError when another one is asked for."""
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, SHA256):
            raise SignerError("this key signs with sha256WithRSAEncryption only")
        return self._sign(bytes(data))

    def decrypt(self, ciphertext: bytes, padding: AsymmetricPadding) -> NoReturn:  # noqa: ARG002 -- abstract in the library
        """Refused with SignerError."""
        raise SignerError("this key only signs")

    def private_numbers(self) -> NoReturn:
        """Refused with SignerError."""
        raise SignerError("this key does not leave its place")

    def private_bytes(self, *_arguments: object) -> NoReturn:
        """Refused with SignerError."""
        raise SignerError("this key does not leave its place")

    def __copy__(self) -> "BuilderKey":
        return self

    def __deepcopy__(self, _memo: object) -> "BuilderKey":
        return self
