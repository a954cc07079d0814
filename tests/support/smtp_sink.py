"""A real SMTP server (aiosmtpd) that keeps what it takes and answers what a test tells it to."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections import Counter
from email import policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.queue_server import free_port

HOST = "127.0.0.1"


class SmtpSink:
    """Takes mails on a port of its own; ``rcpt`` and ``data`` are answers by address, ``cut`` addresses that break it."""

    def __init__(self, certificate: tuple[str, str] | None = None, *, login: tuple[str, str] | None = None) -> None:
        """With a ``certificate`` (files of chain and key) STARTTLS is asked for; with a ``login``, that account."""
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.rcpt: dict[str, list[str]] = {}
        self.data: dict[str, list[str]] = {}
        self.cut: set[str] = set()
        self.connections = 0
        self.over_tls: Counter[bool] = Counter()
        self._login = login
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        self._controller = Controller(
            self,
            hostname=HOST,
            port=self.port,
            ready_timeout=30,
            tls_context=context,
            require_starttls=context is not None,
            authenticator=self._authenticate if login else None,
            auth_required=login is not None,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._controller.stop()

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self._login)

    async def handle_EHLO(  # noqa: N802 -- named by the library
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += session.ssl is None
        return responses

    async def handle_RCPT(  # noqa: N802 -- named by the library
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.cut:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        said = self.rcpt.get(address)
        if said:
            return said.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- the same
        said = self.data.get(envelope.rcpt_tos[0])
        if said:
            return said.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content, policy=policy.default))
        self.over_tls[session.ssl is not None] += 1
        return "250 pris"
