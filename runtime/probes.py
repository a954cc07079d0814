"""Is a server of ours there yet? Probes never raise: anything but a good answer is False."""

from __future__ import annotations

import socket
import ssl

_SECONDS = 2.0


def tcp_answers(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError:
        return False
    return True


def tls_answers(host: str, port: int) -> bool:
    """Whether a TLS handshake succeeds there. Nobody is trusted on this ground, so no certificate is checked."""
    return served_certificate(host, port) is not None


def served_certificate(host: str, port: int) -> bytes | None:
    """The certificate, DER, that a TLS server there shows, whatever it is worth; None when there is no handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=host) as connection,
        ):
            return connection.getpeercert(binary_form=True)
    except OSError:
        return None
