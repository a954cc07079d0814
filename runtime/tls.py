"""The server side of TLS for every listener: versions, trust anchors, and alerts that really reach the client.

A listener takes up a renewed pair of key and certificate by itself, for the connections that come after.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()
_LOOK_SECONDS = 5.0
_Mark = tuple[tuple[int, int, int] | None, ...]


def pending_certificate(certificate: Path) -> Path:
    """Where a renewal puts the new certificate first: it stays there from before the key is replaced until after."""
    return certificate.with_name(f"{certificate.name}.nouveau")


class _AlertingSSLObject(ssl.SSLObject):
    """A TLS session whose failed handshake is seen by the client as an alert.

    asyncio (3.11) drops the connection on a handshake error without sending the alert that OpenSSL has written. Here
    the error is first told as "needs more data", so that asyncio sends what is waiting; what the client may still
    send is thrown away until it hangs up or the handshake time-out ends the connection.
    """

    incoming: ssl.MemoryBIO
    _failed = False

    def do_handshake(self) -> None:
        """SSLWantReadError as long as the handshake is not done, be it because it failed."""
        if not self._failed:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError:
                self._failed = True
            else:
                return
        self.incoming.read()
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the handshake failed; the alert is on its way")


class _ServerContext(ssl.SSLContext):
    sslobject_class = _AlertingSSLObject
    newest: Callable[[], ssl.SSLContext] | None = None

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401  # as the base class
        context = self if self.newest is None else self.newest()
        session = ssl.SSLContext.wrap_bio(context, incoming, outgoing, *args, **options)
        session.incoming = incoming  # type: ignore[attr-defined]  # it is a sslobject_class
        return session


class _Newest:
    """The context of the pair on disk: made anew when a file has changed, kept as long as the new one is not whole."""

    def __init__(
        self, first: ssl.SSLContext, files: tuple[Path, ...], mark: _Mark, build: Callable[[], ssl.SSLContext]
    ) -> None:
        self._context = first
        self._files = files
        self._build = build
        self._mark = self._refused = mark
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def __call__(self) -> ssl.SSLContext:
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            self._look()
        return self._context

    def _look(self) -> None:
        mark = _mark(self._files)
        if mark == self._mark:
            return
        try:
            self._context = self._build()
        except OSError:
            if mark != self._refused:
                log.warning("tls pair not usable, the former one still serves", file=str(self._files[0]))
            self._refused = mark
        else:
            self._mark = mark
            log.info("tls pair taken up", file=str(self._files[0]))


def _mark(files: Iterable[Path]) -> _Mark:
    """What changes when one of the files is replaced."""
    marks: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            marks.append(None)
        else:
            marks.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(marks)


def server_ssl_context(
    certificate: Path,
    private_key: Path,
    client_cas: Iterable[bytes] = (),
    *,
    require_client_certificate: bool = False,
) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 server context; ``client_cas`` are DER certificates, each of them a trust anchor.

    Without ``require_client_certificate`` a client may come without one (the application then answers in its own
    words); one from an unknown CA, expired, or not for client authentication ends in a TLS alert. No tickets, hence
    no resumption in TLS 1.3. In TLS 1.2 a session may still be resumed by its id (Python cannot turn that off) and
    a kept-alive connection lives on: the application has to judge the certificate, dates included, at each request.

    OSError when the pair cannot be read or the key is another certificate's. Changed files are seen within seconds by
    the next connection; what is not a pair then, is not taken up.
    """
    anchors = b"".join(client_cas)
    if require_client_certificate and not anchors:
        raise ValueError("client certificates cannot be required without a CA to check them against")

    def build() -> _ServerContext:
        try:
            return _context(certificate, private_key, anchors, required=require_client_certificate)
        except ssl.SSLError:
            # A renewal that was stopped between its two files: the key is already that of the pending certificate.
            pending = pending_certificate(certificate)
            if not pending.exists():
                raise
            return _context(pending, private_key, anchors, required=require_client_certificate)

    files = (certificate, private_key)
    before = _mark(files)
    context = build()
    context.newest = _Newest(context, files, before, build)
    return context


def _context(certificate: Path, private_key: Path, anchors: bytes, *, required: bool) -> _ServerContext:
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    # An encrypted key is refused; without a pass phrase given OpenSSL would ask the terminal for one, and wait.
    context.load_cert_chain(certificate, private_key, password="")
    if anchors:
        context.load_verify_locations(cadata=anchors)
        # An issuing CA given here is accepted as such, whether its root is given or not.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context
