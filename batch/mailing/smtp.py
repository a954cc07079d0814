"""Mails by SMTP (RFC 5321), with TLS from the first moment or by STARTTLS (RFC 3207); the server is always verified."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage

from batch.mailing.transport import Answer, TransportError, Verdict
from runtime.secret_file import SecretFileError
from runtime.settings.notices import SmtpSettings

_PERMANENT = range(500, 600)
_CLOSING = 421


class Smtp:
    """One connection for many mails, made when the first goes; every wait on it has an end."""

    def __init__(self, settings: SmtpSettings) -> None:
        """Nothing is opened here. The password is read at each connection, so that a new one is seen."""
        self._settings = settings
        self._connection: smtplib.SMTP | None = None
        self._carried = 0

    def deliver(self, message: EmailMessage, name: str) -> Answer:  # noqa: ARG002 -- a folder needs it
        """Hand it over. REFUSED by a 5xx to its destinataire or to the mail, LATER by a 4xx; TransportError else."""
        if self._connection is not None and self._carried >= self._settings.mails_per_connection:
            self.rest()
        connection = self._connection or self._connect()
        self._carried += 1
        try:
            # Given what to send, the library does not look for addresses in the fields.
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return self._refused(code, text)
        except smtplib.SMTPDataError as error:
            return self._refused(error.smtp_code, error.smtp_error)
        except smtplib.SMTPSenderRefused as error:
            self.rest()
            raise TransportError(f"expéditeur refusé : {_told(error.smtp_code, error.smtp_error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise TransportError(f"coupé : {_why(error)}", is_mid_mail=True) from error
        return Answer(Verdict.SENT, "pris par le serveur")

    def rest(self) -> None:
        """Take leave of the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()

    def forget(self, before: float) -> None:
        """Nothing is kept."""

    def _refused(self, code: int, text: bytes | str) -> Answer:
        if code == _CLOSING:
            self._drop()
            raise TransportError(_told(code, text))
        return Answer(Verdict.REFUSED if code in _PERMANENT else Verdict.LATER, _told(code, text))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        host, timeout = settings.host or "", settings.timeout_seconds
        here = socket.gethostname()  # the library would ask the DNS, for as long as that takes
        self._carried = 0
        try:
            if settings.security == "tls":
                connection: smtplib.SMTP = smtplib.SMTP_SSL(
                    host, settings.port, here, timeout=timeout, context=self._context()
                )
            else:
                connection = smtplib.SMTP(host, settings.port, here, timeout=timeout)
            self._connection = connection
            if settings.security == "starttls":
                connection.starttls(context=self._context())
            if settings.user and settings.password_file is not None:
                connection.login(settings.user, settings.password_file.read_text())
        except (smtplib.SMTPException, OSError, SecretFileError) as error:
            self._drop()
            raise TransportError(f"{host}:{settings.port} : {_why(error)}") from error
        except UnicodeError:
            self._drop()
            # Without its cause, which quotes the password. The library knows no other (RFC 4616 would).
            raise TransportError(f"{host}:{settings.port} : compte ou mot de passe hors de l'ASCII") from None
        return connection

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _told(error.smtp_code, error.smtp_error)
    return f"{type(error).__name__} {error}".strip()


def _told(code: int, text: bytes | str) -> str:
    """What the server said, on one line."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {said}".split())
