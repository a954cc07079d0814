"""What passes from one page of the site to the next: sealed, so that visitors can neither read, change nor make it.

Nothing of a visitor is kept here, and no cookie is set: what one page has to tell the next stands in its form. A seal
is for one purpose, for the line from which it was asked, and for ten minutes. That it serves once is the database's to
say, which all processes share. After a restart, and in another process with the same secret, seals go on to hold.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken

_T = TypeVar("_T")
LIFE = timedelta(minutes=10)
_LONGEST = 4096


class _Content(msgspec.Struct, Generic[_T], array_like=True):
    jeton: bytes
    line: str
    value: _T


@dataclass(frozen=True, slots=True)
class Opened(Generic[_T]):
    """What was sealed. ``jeton`` names this seal among all, ``fin_le`` is when it ends."""

    jeton: str
    fin_le: datetime
    value: _T


class Seals(Generic[_T]):
    """Seals values of one type for one purpose (Fernet: AES-128-CBC under HMAC-SHA-256, with the moment of sealing)."""

    def __init__(self, secret: bytes, purpose: str, kind: type[_T]) -> None:
        """Seals of another secret or purpose are not opened."""
        key = hmac.digest(secret, f"igc-sans-login-{purpose}".encode(), hashlib.sha256)
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._decoder = msgspec.msgpack.Decoder(_Content[kind])  # type: ignore[valid-type]  # a type at run time

    def seal(self, value: _T, line: str, now: datetime) -> str:
        """A token in characters of an address (RFC 4648 §5)."""
        content = msgspec.msgpack.encode(_Content(secrets.token_bytes(16), line, value))
        return self._fernet.encrypt_at_time(content, int(now.timestamp())).decode()

    def open(self, token: str, line: str, now: datetime) -> Opened[_T] | None:
        """None for a token that is not ours, was sealed for another line, has ended, or comes from the future."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            data = self._fernet.decrypt_at_time(token.encode(), int(LIFE.total_seconds()), int(now.timestamp()))
            sealed = datetime.fromtimestamp(self._fernet.extract_timestamp(token.encode()), UTC)
            content: _Content[_T] = self._decoder.decode(data)
        except (InvalidToken, msgspec.MsgspecError):
            return None
        if not hmac.compare_digest(content.line.encode(), line.encode()):
            return None
        return Opened(content.jeton.hex(), sealed + LIFE, content.value)
