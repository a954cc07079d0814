"""The revocation code chosen at withdrawal (guide §9.2, rule ERR_IHM_011) and how it is kept.

Kept as scrypt (RFC 7914) with a random salt; the text form carries its own parameters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from registration.errors import Code, IgcError

_LENGTH = 12
_N, _R, _P = 2**14, 8, 1
_MAX_MEMORY = 64 * 1024 * 1024


def check_code(code: str, confirmation: str) -> None:
    """Refuse a missing (009), mistyped (010) or weak (011) code."""
    if not code or not confirmation:
        raise IgcError(Code.CODE_REVOCATION_MISSING, champ="codeRevocation")
    if not hmac.compare_digest(code.encode(), confirmation.encode()):
        raise IgcError(Code.CODE_REVOCATION_MISMATCH, champ="confirmation")
    strong = (
        len(code) >= _LENGTH
        and any(c.isupper() for c in code)
        and any(c.islower() for c in code)
        and any(not c.isalnum() for c in code)
    )
    if not strong:
        raise IgcError(Code.CODE_REVOCATION_WEAK, champ="codeRevocation")


def hash_code(code: str) -> str:
    """A text to store; two calls never give the same."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(code.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MAX_MEMORY, dklen=32)
    return "scrypt${}${}${}${}${}".format(_N, _R, _P, *(base64.b64encode(part).decode() for part in (salt, digest)))


def verify_code(code: str, stored: str) -> bool:
    """Whether ``stored`` was made from ``code``; compares in constant time."""
    _, n, r, p, salt, digest = stored.split("$")
    expected = base64.b64decode(digest)
    found = hashlib.scrypt(
        code.encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p), maxmem=_MAX_MEMORY, dklen=32
    )
    return hmac.compare_digest(found, expected)
