"""The least HTTP client there is: prepared bytes over a kept connection, so that the server is what is timed."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

_SECONDS = 300
_OK = 200
_Connection = socket.socket | ssl.SSLSocket


def connect(host: str, port: int) -> socket.socket:
    """A connection that sends at once."""
    connection = socket.create_connection((host, port), timeout=_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def post(path: str, host: str, media_type: str, body: bytes, *headers: str) -> bytes:
    """The bytes of a request."""
    lines = (f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {media_type}", f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def send(connection: _Connection, message: bytes) -> tuple[int, bytes]:
    """Status and body of the answer; ConnectionError when the server hangs up before its end."""
    connection.sendall(message)
    return receive(connection)


def receive(connection: _Connection) -> tuple[int, bytes]:
    """The answer to what was sent, as ``send``."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head, body = received[:end].lower(), received[end + 4 :]
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _more(connection)
    return int(head.split(b" ", 2)[1]), body


def _more(connection: _Connection) -> bytes:
    data = connection.recv(1 << 18)
    if not data:
        raise ConnectionError("the server hung up")
    return data


class Client:
    """Who may call: the address of a service, a client certificate with its key, the root to trust."""

    def __init__(self, url: str, pair: tuple[Path, Path], root: Path, address: str | None = None) -> None:
        """Nothing is opened. ``address`` is where the host of ``url`` is, when the system does not know."""
        self.url, self.pair, self.root, self.address = url, pair, root, address

    def open(self) -> ssl.SSLSocket:
        """A connection of mutual TLS."""
        parts = urlsplit(self.url)
        context = ssl.create_default_context(cafile=str(self.root))
        context.load_cert_chain(*map(str, self.pair))
        host = parts.hostname or ""
        return context.wrap_socket(connect(self.address or host, parts.port or 443), server_hostname=host)

    def message(self, body: bytes) -> bytes:
        """The bytes of a SOAP 1.1 call."""
        parts = urlsplit(self.url)
        return post(parts.path, parts.netloc, "text/xml; charset=utf-8", body, 'SOAPAction: ""')


class Wire:
    """One kept connection. ``call`` raises RuntimeError with the fault's text when the answer is none."""

    def __init__(self, client: Client) -> None:
        """Connects."""
        self._client = client
        self._connection = client.open()

    def call(self, body: bytes) -> bytes:
        """The answer's bytes."""
        status, content = send(self._connection, self._client.message(body))
        if status != _OK:
            raise RuntimeError(content[:500].decode("utf-8", "replace"))
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()
