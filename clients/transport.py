"""Mutual TLS and the way out: every message is checked against the XSD, nothing of it is ever logged.

Errors of ssl, requests and zeep are turned into those of ``clients.errors`` here and nowhere else.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import requests
import zeep.exceptions
from lxml import etree
from requests.adapters import HTTPAdapter
from zeep.transports import Transport
from zeep.utils import get_media_type

from clients.errors import (
    CertificateRefusedError,
    ConnectionLostError,
    ServerNotTrustedError,
    SettingsError,
    UnexpectedAnswerError,
)
from clients.schema_check import InvalidMessageError, Problem, find_problems
from clients.translation import read_fault

_CONNECT_SECONDS = 10.0
_PASSING_STATUS = {429, 502, 503, 504}
_XML_TYPES = {"text/xml", "application/soap+xml", "application/xml"}
_REFUSING_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR", "HANDSHAKE_FAILURE")
"""Parts of the names of the TLS alerts by which a server turns a client away; the names change with OpenSSL."""
_SOAP_BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"


def tls_context(certificate: tuple[Path, Path], ca: Path | None, key_password: str | None) -> ssl.SSLContext:
    """TLS 1.2 or later, our certificate presented, the server checked against ``ca`` (PEM; None: the system's CAs).

    Raises SettingsError when a file is missing, unreadable or does not fit the other.
    """
    cert_file, key_file = certificate
    for file in (cert_file, key_file, *([ca] if ca else [])):
        if not file.is_file():
            raise SettingsError(f"Fichier introuvable : {file}")
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(f"Le fichier d'AC {ca} ne contient pas de certificat PEM lisible.") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def password() -> str:
        # Without this answer OpenSSL would stop and ask on the terminal, even in a scheduled job.
        if key_password is None:
            raise SettingsError(f"La clé {key_file} est protégée : indiquez le fichier de son mot de passe.")
        return key_password

    try:
        context.load_cert_chain(str(cert_file), str(key_file), password=password)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(
            f"Le certificat {cert_file} et la clé {key_file} sont illisibles, ne vont pas ensemble, "
            "ou le mot de passe de la clé est faux."
        ) from error
    return context


class _TlsAdapter(HTTPAdapter):
    """Gives every connection our TLS context, so that a protected key and TLS versions are ours to decide."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own signature
        kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:  # noqa: ANN401 - urllib3's own signature
        proxy_kwargs["ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **proxy_kwargs)

    def close(self) -> None:
        """Closes the kept connections now. urllib3 alone waits until nothing refers to a pool, be it an old error."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - not a dict, it refuses to be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()


def open_session(context: ssl.SSLContext, ca: Path | None, proxy: str | None) -> requests.Session:
    """A keep-alive session that only knows https, our TLS context and what was asked for explicitly."""
    session = requests.Session()
    # Otherwise REQUESTS_CA_BUNDLE, proxies and .netrc of the environment would override our settings.
    session.trust_env = False
    session.verify = str(ca) if ca else True
    session.adapters.clear()
    session.mount("https://", _TlsAdapter(context))
    if proxy:
        session.proxies = {"https": proxy}
    return session


class ContractTransport(Transport):
    """zeep's transport with a gate: what does not respect the XSD is not sent, redirections are not followed."""

    def __init__(self, session: requests.Session, timeout: float) -> None:
        super().__init__(session=session, timeout=timeout, operation_timeout=timeout)  # type: ignore[no-untyped-call]  # zeep has no types
        self.session.headers["User-Agent"] = "igc-client/1.0"

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> requests.Response:
        """Send the envelope; raises InvalidMessageError before any network when its body breaks the XSD."""
        body = envelope.find(_SOAP_BODY)
        problems = () if body is None else find_problems(body[0])
        if problems:
            raise InvalidMessageError(problems)
        return self.post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Send bytes. Unlike zeep's own method this never logs them: they may hold a revocation code.

        An answer that is not XML comes from something in between: it is judged here by its status, which zeep loses.
        """
        response = self.session.post(
            address,
            data=message,
            headers=dict(headers),
            timeout=(min(_CONNECT_SECONDS, self.operation_timeout), self.operation_timeout),
            allow_redirects=False,
        )
        if get_media_type(response.headers.get("Content-Type", "")) not in _XML_TYPES:  # type: ignore[no-untyped-call]
            _raise_for_status(response.status_code, None)
        return response


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turns whatever ssl, requests, lxml and zeep raise inside the block into the errors of this package."""
    try:
        yield
    except zeep.exceptions.Fault as fault:
        typed = read_fault(fault.detail)
        if typed is not None:
            raise typed from None
        raise UnexpectedAnswerError("Le service a répondu par une erreur SOAP étrangère au contrat.") from fault
    except zeep.exceptions.ValidationError as error:
        raise InvalidMessageError((Problem(texte=f"valeur absente ou en trop ({error})."),)) from error
    except zeep.exceptions.TransportError as error:
        _raise_for_status(error.status_code, error)
    except requests.RequestException as error:
        _raise_for_connection(error)
    except (zeep.exceptions.Error, etree.LxmlError) as error:
        raise UnexpectedAnswerError("La réponse du service n'est pas un message du contrat.") from error


def _raise_for_status(status: int, error: Exception | None) -> NoReturn:
    if status in _PASSING_STATUS:
        raise ConnectionLostError(f"Le service est momentanément indisponible (HTTP {status}).") from error
    raise UnexpectedAnswerError(
        f"La réponse n'est pas un message SOAP (HTTP {status}) : vérifiez l'adresse du service."
    ) from error


def _raise_for_connection(error: requests.RequestException) -> NoReturn:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        _raise_for_status(error.response.status_code, error)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        raise SettingsError("L'adresse du service n'est pas une adresse https.") from error
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise ServerNotTrustedError(
                "Le certificat du serveur n'est pas reconnu : il ne vient pas de l'AC configurée, "
                "n'est plus en vigueur ou ne porte pas ce nom de serveur."
            ) from error
        reason = (getattr(cause, "reason", None) or "") if isinstance(cause, ssl.SSLError) else ""
        if "ALERT" in reason and any(word in reason for word in _REFUSING_ALERTS):
            raise CertificateRefusedError(
                "Le serveur a refusé notre certificat client pendant la connexion TLS : absent, expiré, révoqué, "
                "ou d'une AC qu'il n'accepte pas."
            ) from error
    if isinstance(error, requests.Timeout):
        raise ConnectionLostError("Le service n'a pas répondu à temps.") from error
    raise ConnectionLostError("La connexion au service a échoué ou s'est interrompue.") from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        waiting += [item for item in linked if isinstance(item, BaseException)]
