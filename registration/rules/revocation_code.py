"""The revocation code chosen at withdrawal (guide §9.2, rule ERR_IHM_011) and how it is kept.

A code is typed again years later, on another keyboard: it is composed (NFC) before it is counted, compared or hashed,
never trimmed, and holds nothing that cannot be typed again. Kept as scrypt (RFC 7914) with a random salt; the text form
carries its own parameters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import unicodedata

from registration.errors import Code, IgcError
from runtime.unseen import untypable_in

_LENGTH = 12
_N, _R, _P = 2**14, 8, 1
_MAX_MEMORY = 64 * 1024 * 1024
_SALT, _DIGEST = 16, 32


def check_code(code: str, confirmation: str) -> None:
    """Refuse a missing (009), mistyped (010) or weak (011) code, and one with characters that nobody can type again."""
    if not code or not confirmation:
        raise IgcError(Code.CODE_REVOCATION_MISSING, champ="codeRevocation")
    code, confirmation = (unicodedata.normalize("NFC", text) for text in (code, confirmation))
    if not hmac.compare_digest(_octets(code), _octets(confirmation)):
        raise IgcError(Code.CODE_REVOCATION_MISMATCH, champ="confirmation")
    strong = (
        untypable_in(code) is None
        and len(code) >= _LENGTH
        and any(c.isupper() for c in code)
        and any(c.islower() for c in code)
        and any(not c.isalnum() for c in code)
    )
    if not strong:
        raise IgcError(Code.CODE_REVOCATION_WEAK, champ="codeRevocation")


def _octets(code: str) -> bytes:
    # Half a character cannot be in a code that was kept; asked for one, the answer is no, not a crash.
    return unicodedata.normalize("NFC", code).encode("utf-8", "surrogatepass")


def hash_code(code: str) -> str:
    """A text to store; two calls never give the same."""
    salt = os.urandom(_SALT)
    digest = hashlib.scrypt(_octets(code), salt=salt, n=_N, r=_R, p=_P, maxmem=_MAX_MEMORY, dklen=_DIGEST)
    return _written(salt, digest)


def decoy() -> str:
    """What stands in the place of a stored text where there is none: of no code, and as much work to compare with."""
    return _written(os.urandom(_SALT), os.urandom(_DIGEST))


def _written(salt: bytes, digest: bytes) -> str:
    return "scrypt${}${}${}${}${}".format(_N, _R, _P, *(base64.b64encode(part).decode() for part in (salt, digest)))


def verify_code(code: str, stored: str) -> bool:
    """Whether ``stored`` was made from ``code``; compares in constant time."""
    _, n, r, p, salt, digest = stored.split("$")
    expected = base64.b64decode(digest)
    found = hashlib.scrypt(
        _octets(code), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p), maxmem=_MAX_MEMORY, dklen=_DIGEST
    )
    # scrypt takes a code for the same with zero octets behind it (RFC 2104 §2 pads keys with them).
    return hmac.compare_digest(found, expected) and untypable_in(code) is None
