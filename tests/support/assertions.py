"""The words of the tests: what is asserted in several of them, under one name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import EllipsisType
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from registration.errors import Code, IgcError

_T = TypeVar("_T")


def the(value: _T | None, what: str = "a value") -> _T:
    """``value``, which must be there: fails with the name of what is missing instead of an error further on."""
    assert value is not None, f"{what} is missing"
    return value


@contextmanager
def assert_refused(kind: type[IgcError], code: Code, champ: str | EllipsisType | None = ...) -> Iterator[None]:
    """The block ends with this refusal; ``champ`` is the field that it names, or None, when that matters."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.code is code
    assert champ is ... or caught.value.champ == champ


def rsa_key(holder: x509.Certificate | x509.CertificateSigningRequest) -> rsa.RSAPublicKey:
    """The public key of a certificate or a request, which must be RSA as those of the plateforme are."""
    key = holder.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def all_done(outcomes: list[_T | Exception]) -> list[_T]:
    """What acts at the same moment gave, none of which may have failed."""
    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert failed == []
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
