"""TLS in front of libldap, by the ssl module of Python: a handshake that has an end.

libldap (2.5, with GnuTLS, as Debian 12 has it) waits for ever, and at full speed, for a server that takes the
connection and says nothing during the handshake. So the connection is made, secured and checked here, and libldap is
given one end of a pair of sockets, between which and the server a thread carries octets until the time is up or one
side leaves.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

_BLOCK = 64 * 1024
# RFC 4511 §4.14.1: message 1, an extended request with the OID 1.3.6.1.4.1.1466.20037.
_STARTTLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_SUCCESS = b"\x0a\x01\x00"
_EXTENDED_RESPONSE = b"\x78"
_LONGEST_ANSWER = 127


class TunnelError(Exception):
    """No secured connection to the server, for whatever reason."""


class TlsTunnel:
    """One connection to one server, which is verified against ``ca_file`` (None: what the system trusts)."""

    def __init__(self, host: str, port: int, ca_file: Path | None, *, starttls: bool, deadline: float) -> None:
        """Connect and shake hands before ``deadline`` (time.monotonic); TunnelError when that fails."""
        self._deadline = deadline
        try:
            context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            plain = socket.create_connection((host, port), timeout=self._seconds_left())
            try:
                if starttls:
                    self._ask_for_tls(plain)
                plain.settimeout(self._seconds_left())
                self._outer = context.wrap_socket(plain, server_hostname=host)
            except BaseException:
                plain.close()
                raise
        except OSError as error:  # ssl.SSLError and time-outs are OSErrors
            raise TunnelError(type(error).__name__) from error
        self._inner, self._given = socket.socketpair()
        self._thread = threading.Thread(target=self._carry, name="ldap tunnel", daemon=True)
        self._thread.start()

    def take_end(self) -> int:
        """The descriptor of libldap's end, which is libldap's to close from now on."""
        return self._given.detach()

    def close(self) -> None:
        """End it, whoever is still there."""
        for end in (self._inner, self._given):
            end.close()
        with suppress(OSError):
            self._outer.shutdown(socket.SHUT_RDWR)
        self._thread.join(1.0)
        self._outer.close()

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _ask_for_tls(self, plain: socket.socket) -> None:
        """Send the request, and read an answer that says success: short, so that its length is one octet."""
        plain.settimeout(self._seconds_left())
        plain.sendall(_STARTTLS)
        head = _receive(plain, 2)
        if head[0] != 0x30 or head[1] > _LONGEST_ANSWER:  # noqa: PLR2004 -- SEQUENCE
            raise TunnelError("unexpected answer to StartTLS")
        body = _receive(plain, head[1])
        # The number of the message, the response, and in it first of all its resultCode.
        if body[:3] != b"\x02\x01\x01" or body[3:4] != _EXTENDED_RESPONSE or body[5:8] != _SUCCESS:
            raise TunnelError("StartTLS refused")

    def _carry(self) -> None:
        with suppress(OSError, ValueError):  # either side has left, or the time is up
            while self._carry_once():
                pass
        with suppress(OSError):
            self._inner.close()

    def _carry_once(self) -> bool:
        ready: list[socket.socket] = [self._outer] if self._outer.pending() else []
        if not ready:
            ready, _, _ = select.select([self._outer, self._inner], [], [], self._seconds_left())
        for source, sink in ((self._inner, self._outer), (self._outer, self._inner)):
            if source in ready:
                source.settimeout(self._seconds_left())
                sink.settimeout(self._seconds_left())
                data = source.recv(_BLOCK)
                if not data:
                    return False
                sink.sendall(data)
        return True


def _receive(plain: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = plain.recv(length - len(found))
        if not part:
            raise TunnelError("connection closed")
        found += part
    return found
