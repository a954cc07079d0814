"""The server side of TLS for every listener: versions, trust anchors, and alerts that really reach the client."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any


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

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401  # as the base class
        session = super().wrap_bio(incoming, outgoing, *args, **options)
        session.incoming = incoming  # type: ignore[attr-defined]  # it is a sslobject_class
        return session


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
    """
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.load_cert_chain(certificate, private_key)
    anchors = b"".join(client_cas)
    if anchors:
        context.load_verify_locations(cadata=anchors)
        # An issuing CA given here is accepted as such, whether its root is given or not.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_REQUIRED if require_client_certificate else ssl.CERT_OPTIONAL
    elif require_client_certificate:
        raise ValueError("client certificates cannot be required without a CA to check them against")
    return context
