"""Signing keys around which something happens, or that fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from pki.errors import SignerError
from pki.signer import Signer


@dataclass
class _Around:
    inner: Signer

    @property
    def authority(self) -> str:
        return self.inner.authority

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self.inner.public_key


@dataclass
class WatchedSigner(_Around):
    """A real signer; ``before`` is given what is about to be signed."""

    before: Callable[[bytes], object]

    def sign(self, tbs: bytes) -> bytes:
        self.before(tbs)
        return self.inner.sign(tbs)


@dataclass
class BrokenSigner(_Around):
    """A signing module that is switched off; ``tries`` counts what it was asked."""

    works: bool = False
    tries: int = 0

    def sign(self, tbs: bytes) -> bytes:
        self.tries += 1
        if not self.works:
            raise SignerError(f"{self.authority}: no answer from the module")
        return self.inner.sign(tbs)


def watched(signers: Mapping[str, Signer], before: Callable[[bytes], object]) -> dict[str, Signer]:
    """All of them, each signature preceded by ``before``."""
    return {name: WatchedSigner(signer, before) for name, signer in signers.items()}


def broken(signers: Mapping[str, Signer]) -> dict[str, BrokenSigner]:
    """All of them behind a module that does not answer."""
    return {name: BrokenSigner(signer) for name, signer in signers.items()}
