"""Picture and sound of a captcha. What stands in their address is sealed and of no use to anybody but its reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from portal_ihm.sans_login.site import line_of, site_of
from runtime.listening.turns import NoTurnError, Turns

if TYPE_CHECKING:
    from starlette.requests import Request

_RANGE = re.compile(r"bytes=(\d{1,9})-(\d{0,9})", re.ASCII)
_BUSY_SECONDS = "5"


async def picture(request: Request) -> Response:
    """The characters drawn, PNG; 404 for a captcha that is not of this line or has ended."""
    site = site_of(request)
    content = await _made(request, site.drawing, site.captchas.picture)
    return content if isinstance(content, Response) else Response(content, media_type="image/png")


async def sound(request: Request) -> Response:
    """The characters spoken, WAV; a part of it for players that ask for parts (RFC 9110 §14.2)."""
    site = site_of(request)
    content = await _made(request, site.speaking, site.captchas.sound)
    if isinstance(content, Response):
        return content
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    first = int(asked[1]) if asked else 0
    last = min(int(asked[2]) if asked and asked[2] else len(content) - 1, len(content) - 1)
    headers = {"Accept-Ranges": "bytes"}
    if asked is None or first > last:
        return Response(content, media_type="audio/wav", headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], status_code=206, media_type="audio/wav", headers=headers)


async def _made(request: Request, turns: Turns, make: Callable[..., bytes | None]) -> bytes | Response:
    line = line_of(request)
    try:
        async with turns.turn(line):
            content = await run_in_threadpool(
                make, request.query_params.get("defi", ""), line, site_of(request).clock()
            )
    except NoTurnError:
        return Response(status_code=503, headers={"Retry-After": _BUSY_SECONDS})
    if content is None:
        raise HTTPException(404)
    return content
