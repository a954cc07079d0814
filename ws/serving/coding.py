"""Answers compressed for who asks (RFC 9110 §12.5.3): gzip, above a small size, away from the event loop when big.

Why the length of a compressed answer gives nothing away (BREACH): that takes a secret in an answer, beside a text that
an attacker chooses, many times over. No answer of the contract holds a secret: the revocation code is never repeated,
there is no cookie and no token, certificates and chains are public; what is private in an answer (names, addresses) is
only sent to who may read it, and none of it is the same from guess to guess beside a text that a third party could put
into this sender's call: a call needs his certificate, and no page of another site can make his browser send its media
type. A member that is a secret does not belong into an answer; ``tests/unit/ws/test_coding.py`` holds the code to that.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from dataclasses import dataclass

SMALL_BYTES = 2048
"""Below, an answer fits in two packets either way, and compressing costs both sides more than it saves."""

_BIG_BYTES = 32 * 1024
"""Above, compressing takes longer than a thread takes to be asked."""

_LEVEL = 1  # of XML, level 6 saves a fiftieth more and takes three times as long
_GZIP = 16 + zlib.MAX_WBITS
_MAX_FIELD = 1024
_MEMBER = re.compile(r"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=([01](?:\.[0-9]{0,3})?)[ \t]*)?")


@dataclass(frozen=True, slots=True)
class Coding:
    """What a client takes: gzip at all, and the bytes as they are."""

    gzip: bool = False
    identity: bool = True


def read_accepted(field: str | None) -> Coding:
    """What an Accept-Encoding says. A member that is none counts for nothing; a field without sense asks for nothing.

    gzip is taken unless the client likes identity better; identity is refused only by ``identity;q=0``, or ``*;q=0``.
    """
    weights: dict[str, float] = {}
    for member in (field or "")[:_MAX_FIELD].split(","):
        found = _MEMBER.fullmatch(member)
        if found is not None:
            name = found[1].lower().removeprefix("x-")
            weights[name] = min(float(found[2] or 1), 1.0)
    others = weights.get("*", 0.0)
    gzip = weights.get("gzip", others)
    identity = weights.get("identity", others if "*" in weights else None)
    return Coding(gzip=gzip > 0 and gzip >= (weights.get("identity") or 0), identity=identity != 0)


async def encoded(content: bytes, accepted: Coding) -> tuple[bytes, dict[str, str]]:
    """The content as it is sent, and the fields of the answer that say so: Vary always, Content-Encoding if it is."""
    fields = {"vary": "accept-encoding"}
    if not accepted.gzip or (len(content) < SMALL_BYTES and accepted.identity):
        return content, fields
    small = len(content) <= _BIG_BYTES
    packed = compressed(content) if small else await asyncio.to_thread(compressed, content)
    return packed, fields | {"content-encoding": "gzip"}


def compressed(content: bytes) -> bytes:
    """As one gzip member (RFC 1952) without a date, so that the same content always gives the same bytes."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(content) + packer.flush()
