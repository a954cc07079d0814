"""How long caches may keep what is served (RFC 5019 §6.2, RFC 9111)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from pki.status.ocsp_response import MEDIA_TYPE_RESPONSE
from publication.answers import OcspAnswer

Headers = list[tuple[bytes, bytes]]

NO_STORE = (b"cache-control", b"no-store")
OCSP_TYPE = (b"content-type", MEDIA_TYPE_RESPONSE.encode())


def answer_headers(answer: OcspAnswer, now: datetime, cache_seconds: int) -> Headers:
    """Type and cache headers of an OCSP answer; what nobody may keep says so."""
    if answer.this_update is None:
        return [OCSP_TYPE, NO_STORE]
    return [OCSP_TYPE, *cache_headers(answer.etag, answer.this_update, answer.next_update, now, cache_seconds)]


def cache_headers(
    etag: str, modified: datetime, next_update: datetime | None, now: datetime, cache_seconds: int
) -> Headers:
    """Validators and life: max-age is ``cache_seconds`` and ends before nextUpdate, which Expires repeats."""
    headers = [(b"etag", etag.encode()), (b"last-modified", http_date(modified))]
    if next_update is not None:
        cache_seconds = max(0, min(cache_seconds, int((next_update - now).total_seconds()) - 1))
        headers.append((b"expires", http_date(next_update)))
    return [*headers, (b"cache-control", b"max-age=%d, public, no-transform, must-revalidate" % cache_seconds)]


@lru_cache(maxsize=4096)
def http_date(moment: datetime) -> bytes:
    """An HTTP date (RFC 9110 §5.6.7) of an aware UTC moment without fraction."""
    return format_datetime(moment, usegmt=True).encode()
