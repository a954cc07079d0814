"""A way past the parser for requests whose head is known by heart.

The first time a request goes the long way, so that only heads which h11 accepted are ever known; the same bytes on a
connection between two requests cannot mean anything else. What the answer is, is asked each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import h11

from runtime.listening.house import Stage
from runtime.listening.protocol import BoundedProtocol

WHOLE_REQUEST = "whole_request"
"""Key of ``scope["state"]``: a WholeRequest, when the request came in one piece and nothing with it."""

_MAX_BYTES = 1024
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class WholeRequest:
    """The bytes of a request, head and body; ``closes`` when the connection ends with its answer."""

    data: bytes
    closes: bool


class Shortcut(Protocol):
    """Who knows heads by heart."""

    def reply(self, data: bytes) -> tuple[bytes, bool] | None:
        """The whole HTTP answer to exactly one request and whether the connection ends; None: the long way."""


class ShortcutProtocol(BoundedProtocol):
    """A connection with the bounds of its base, and a shortcut in front of the parser."""

    shortcut: Shortcut

    def data_received(self, data: bytes) -> None:
        """Answer at once when the head is known; otherwise as the base, noting what came in one piece."""
        if len(data) > _MAX_BYTES or not self._between_requests():
            super().data_received(data)
            return
        # A head that has not come to its end is no request, however well it is known: the rest would be the next one.
        reply = self.shortcut.reply(data) if _END_OF_HEAD in data else None
        if reply is None:
            former = self.scope
            super().data_received(data)
            if self.scope is not former:
                self._note_whole(data)
            return
        answer, closes = reply
        self._unset_keepalive_if_required()
        self._waiting_since, self._head_since = self.loop.time(), None
        self._move(Stage.IDLE)
        self.transport.write(answer)
        if closes:
            self.transport.close()

    def _between_requests(self) -> bool:
        """Nothing read and not answered, nothing answered and not taken."""
        return (
            self.conn.waits_for_the_first_octet
            and self.conn.our_state is h11.IDLE
            and not self.transport.is_closing()
            and self.transport.get_write_buffer_size() == 0
        )

    def _note_whole(self, data: bytes) -> None:
        """The application runs later, so that it finds the note."""
        state = self.conn.their_state
        if state in (h11.DONE, h11.MUST_CLOSE) and not self.conn.has_more:
            self.scope["state"][WHOLE_REQUEST] = WholeRequest(data, state is h11.MUST_CLOSE)
