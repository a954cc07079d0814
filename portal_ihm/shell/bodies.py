"""How much of a body reaches a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import Message, Receive


def bounded(receive: Receive, limit: int) -> Receive:
    """The same, raising HTTPException 413 beyond ``limit`` bytes, whatever Content-Length said."""
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413)
        return message

    return receive_bounded
