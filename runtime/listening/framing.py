"""Where a request begins and ends: the octets of a connection, cut into heads and bodies before the parser sees them.

Every octet is looked at once, and bounded before that. What is passed on is written anew in one plain form (a line a
field, the target as a path, few large chunks), so that nothing behind can read it in two ways (RFC 9112 §11.2).
"""

from __future__ import annotations

import h11

from runtime.listening.request_head import plain_head

_LF, _CRLF = b"\n", b"\r\n"
_BLANK = 0x20
_MAX_CHUNK_LINE = 256
_MAX_TRAILER = 4096
_FREE_OVERHEAD = 64 * 1024
_LARGEST_SIZE_DIGITS = 16
_HEXADECIMAL = b"0123456789abcdefABCDEF"


class RequestFraming:
    """One connection's requests, in the order in which they come; asked for a head, then for its body to the end.

    Everything it refuses is an ``h11.RemoteProtocolError``, with the status to answer as its hint.
    """

    def __init__(self, max_header_bytes: int) -> None:
        """``max_header_bytes`` bounds a head."""
        self._max_header_bytes = max_header_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._left = 0
        self._chunks: _Chunks | None = None

    def feed(self, data: bytes) -> None:
        """Keep what came in."""
        self._buffer += data

    def __len__(self) -> int:
        return len(self._buffer)

    def drop(self) -> None:
        """Throw away what came behind the last request that is to be answered."""
        self._buffer.clear()

    def head(self) -> bytes | None:
        """The next head, whole and in plain form; None until it is there."""
        self._pass_over_empty_lines()
        end = self._end_of_head()
        if end > self._max_header_bytes or (not end and len(self._buffer) > self._max_header_bytes):
            raise h11.RemoteProtocolError("head too long", error_status_hint=431)
        if self._buffer and self._buffer[0] <= _BLANK and self._buffer != b"\r":  # TLS, say: not a method
            raise h11.RemoteProtocolError("not a request line")
        if not end:
            return None
        plain = plain_head(bytes(self._buffer[:end]))
        del self._buffer[:end]
        self._scanned = 0
        self._left = plain.length
        self._chunks = _Chunks(self._buffer) if plain.chunked else None
        return plain.data

    def body(self) -> bytes:
        """What has come of the body since the last call, framed as the head says; empty when there is nothing new."""
        if self._chunks is not None:
            return self._chunks.take()
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        return piece

    def _pass_over_empty_lines(self) -> None:
        """RFC 9112 §2.2: some clients send CRLF behind a body."""
        start = 0
        while self._buffer.startswith(_CRLF, start):
            start += 2
        if start:
            del self._buffer[:start]
            self._scanned = 0

    def _end_of_head(self) -> int:
        """Length of the head with its empty line, 0 until that is there. A line may end without CR, as ever."""
        start = max(0, self._scanned - 2)
        ends = [found + len(mark) for mark in (b"\n\r\n", b"\n\n") if (found := self._buffer.find(mark, start)) >= 0]
        self._scanned = len(self._buffer)
        return min(ends, default=0)


class _Chunks:
    """A chunked body (RFC 9112 §7.1): sizes and line ends taken out, the rest passed on in chunks as large as may be.

    Extensions and trailers are dropped. Framing may weigh as much as what it frames and 64 KiB more: who sends octet
    by octet is refused (400), for it costs the server far more than the sender.
    """

    def __init__(self, buffer: bytearray) -> None:
        self._buffer = buffer
        self._left = 0  # of the chunk at hand
        self._ends_chunk = self._in_trailer = self._done = False
        self._overhead = self._payload = self._trailer = 0

    def take(self) -> bytes:
        """One chunk of all that is there, and the last chunk when the body is at its end; nothing after that."""
        content, position, was_done = bytearray(), 0, self._done
        while (behind := self._step(content, position)) is not None:
            position = behind
        del self._buffer[:position]
        last = b"0\r\n\r\n" if self._done and not was_done else b""
        return b"%x\r\n%b\r\n%b" % (len(content), bytes(content), last) if content else last

    def _step(self, content: bytearray, position: int) -> int | None:
        """Read one thing at ``position`` and return the position behind it; None: it is not there, or not yet."""
        if self._left:
            piece = self._buffer[position : position + self._left]
            if not piece:
                return None
            content += piece
            self._left -= len(piece)
            self._payload += len(piece)
            self._ends_chunk = not self._left
            return position + len(piece)
        if self._done:
            return None
        if not self._ends_chunk and not self._in_trailer and (behind := self._whole(content, position)):
            return behind
        line = self._line(position)
        if line is None:
            return None
        behind = position + len(line) + len(_CRLF)
        if self._ends_chunk:
            if line:
                raise h11.RemoteProtocolError("a chunk longer than its size")
            self._ends_chunk = False
        elif self._in_trailer:
            self._done = not line
        else:
            self._left = _chunk_size(line)
            self._in_trailer = not self._left
        return behind

    def _whole(self, content: bytearray, position: int) -> int:
        """Read a chunk that is there from size to line end, without extensions; 0 when it is not that simple."""
        start = self._buffer.find(_CRLF, position, position + _LARGEST_SIZE_DIGITS) + len(_CRLF)
        digits = self._buffer[position : max(position, start - len(_CRLF))]
        if not digits or digits.translate(None, _HEXADECIMAL):
            return 0
        size = int(digits, 16)
        end = start + size
        if not size or self._buffer[end : end + len(_CRLF)] != _CRLF:
            return 0
        content += self._buffer[start:end]
        self._payload += size
        self._weigh(len(digits) + 2 * len(_CRLF))
        return end + len(_CRLF)

    def _line(self, position: int) -> bytes | None:
        limit = _MAX_TRAILER - self._trailer if self._in_trailer else _MAX_CHUNK_LINE
        end = self._buffer.find(_CRLF, position, position + limit + len(_CRLF))
        if end < 0:
            if len(self._buffer) - position > limit:
                raise h11.RemoteProtocolError("a line too long in a chunked body")
            return None
        line = bytes(self._buffer[position:end])
        if _LF in line:
            raise h11.RemoteProtocolError("a bare line feed in a chunked body")
        self._weigh(len(line) + len(_CRLF))
        return line

    def _weigh(self, octets: int) -> None:
        if self._in_trailer:
            self._trailer += octets
            return
        self._overhead += octets
        if self._overhead > _FREE_OVERHEAD + self._payload:
            raise h11.RemoteProtocolError("chunks too small")


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t")
    if not 0 < len(digits) <= _LARGEST_SIZE_DIGITS or digits.translate(None, _HEXADECIMAL):
        raise h11.RemoteProtocolError("not a chunk size")
    return int(digits, 16)
