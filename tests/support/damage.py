"""Bytes that were harmed on their way."""

from __future__ import annotations


def flipped(content: bytes) -> bytes:
    """The last bit is another one: in what is signed, the end of its signature."""
    return content[:-1] + bytes((content[-1] ^ 1,))
