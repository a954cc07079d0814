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
from cryptography import x509

from runtime.listening.native_tls import NativeContext, watching

log = structlog.get_logger()
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME: Python has no name for it
_LOOK_SECONDS = 5.0
# A CPx card signs in PKCS#1 v1.5 alone. TLS 1.3 forbids that to a client (RFC 8446 §4.2.3), and in TLS 1.2 OpenSSL
# would pick PSS when it is offered.
_CARD_SIGNATURES = "RSA+SHA256:RSA+SHA384:RSA+SHA512"
_Mark = tuple[tuple[int, int, int] | None, ...]


def pending_certificate(certificate: Path) -> Path:
    """Where a renewal puts the new certificate first: it stays there from before the key is replaced until after."""
    return certificate.with_name(f"{certificate.name}.nouveau")


class ServerSession(ssl.SSLObject):
    """A TLS session whose client sees why a handshake failed, and may close its half before it has its answer.

    asyncio (3.11) drops the connection on a handshake error without sending the alert that OpenSSL has written. Here
    the error is first told as "needs more data", so that asyncio sends what is waiting; what the client may still
    send is thrown away until ``Handshake`` ends the connection. And it answers a client's close_notify with its own
    at once, losing what the client has asked for: here only ``on_finish`` is told of it (RFC 8446 §6.1).
    """

    incoming: ssl.MemoryBIO
    failed = False
    on_finish: Callable[[], object] | None = None
    _finished = False

    def do_handshake(self) -> None:
        """SSLWantReadError as long as the handshake is not done, be it because it failed."""
        if not self.failed:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError:
                self.failed = True
            else:
                return
        self.incoming.read()
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the handshake failed; the alert is on its way")

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 -- as the base class
        """DER or nothing: asyncio asks for the other form too, which nobody reads and odd certificates break."""
        return super().getpeercert(binary_form=True) if binary_form else {}

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002, ANN401 -- as the base class
        """As the base class, but never the empty answer that stands for close_notify."""
        data = super().read(len, buffer)
        if data:
            return data
        if not self._finished:
            self._finished = True
            if self.on_finish is not None:
                self.on_finish()
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the client has said that it will send nothing more")


class ServerContext(ssl.SSLContext):
    """Gives ``ServerSession``s of the newest pair on disk."""

    sslobject_class = ServerSession
    newest: Callable[[], ssl.SSLContext] | None = None

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any) -> ServerSession:  # noqa: ANN401 -- as the base class
        """As the base class."""
        context = self if self.newest is None else self.newest()
        session = ssl.SSLContext.wrap_bio(context, incoming, outgoing, *args, **options)
        assert isinstance(session, ServerSession)  # noqa: S101 -- it is a sslobject_class
        session.incoming = incoming
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
    for_cards: bool = False,
) -> ServerContext:
    """TLS 1.2 and 1.3 server context; ``client_cas`` are DER certificates, each of them a trust anchor.

    Their names are told to clients, which choose a certificate by them. Without ``require_client_certificate`` a client
    may come without one, and one of those CAs comes through whatever its dates and key usages say: **the application
    has to judge the certificate, chain included, at each request**, and answers in its own words. What remains to
    the handshake, and ends in a TLS alert: a CA that is not known, a broken signature, a proof that the client has
    the key, a certificate that OpenSSL cannot read or must not pass over. With it, OpenSSL judges dates and usages too.

    With ``for_cards`` it is one for keys that sign in PKCS#1 v1.5 alone: TLS 1.2, and no other signature is asked for.

    Nothing is resumed, but a kept-alive connection lives on while its certificate expires.

    OSError when the pair cannot be read or the key is another certificate's. Changed files are seen within seconds by
    the next connection; what is not a pair then, is not taken up.
    """
    anchors = tuple(client_cas)
    if require_client_certificate and not anchors:
        raise ValueError("client certificates cannot be required without a CA to check them against")

    def build() -> ServerContext:
        try:
            return _context(certificate, private_key, anchors, required=require_client_certificate, for_cards=for_cards)
        except ssl.SSLError:
            # A renewal that was stopped between its two files: the key is already that of the pending certificate.
            pending = pending_certificate(certificate)
            if not pending.exists():
                raise
            return _context(pending, private_key, anchors, required=require_client_certificate, for_cards=for_cards)

    files = (certificate, private_key)
    before = _mark(files)
    context = build()
    context.newest = _Newest(context, files, before, build)
    return context


def _context(
    certificate: Path, private_key: Path, anchors: tuple[bytes, ...], *, required: bool, for_cards: bool
) -> ServerContext:
    with watching() as watch:
        context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if for_cards:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    # An encrypted key is refused; without a pass phrase given OpenSSL would ask the terminal for one, and wait.
    context.load_cert_chain(certificate, private_key, password="")
    if anchors:
        context.load_verify_locations(cadata=b"".join(anchors))
        # An issuing CA given here is accepted as such, whether its root is given or not.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        if not required:
            context.verify_flags |= _NO_CHECK_TIME
    if watch.found is None:
        log.warning("tls without names of client authorities, this build of Python does not let us set them")
    else:
        _complete(watch.found, anchors, required=required)
        if for_cards:
            watch.found.ask_signatures(_CARD_SIGNATURES)
    return context


def _complete(context: NativeContext, anchors: tuple[bytes, ...], *, required: bool) -> None:
    context.keep_no_sessions()
    context.name_client_cas({_subject(der): der for der in anchors}.values())
    if anchors and not required:
        context.leave_purpose_to_the_application()


def _subject(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).subject.public_bytes()
