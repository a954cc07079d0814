"""Why a call did not succeed: errors of ssl, requests and zeep become those of ``clients.errors``, here only.

Each text names the host and the cause, and what can be done about it. No text of a library is shown.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3.exceptions
import zeep.exceptions
from lxml import etree

from clients.contract.schema_check import InvalidMessageError, Problem
from clients.contract.translation import read_fault
from clients.errors import (
    CertificateRefusedError,
    ConnectionLostError,
    IgcClientError,
    ServerNotTrustedError,
    SettingsError,
    UnexpectedAnswerError,
)
from clients.service.tls import describe_certificate

_PASSING_STATUS = {429, 502, 503, 504}

_ALERTS: tuple[tuple[str, str], ...] = (
    ("CERTIFICATE_REQUIRED", "il n'en a reçu aucun"),
    ("CERTIFICATE_EXPIRED", "il le dit expiré ou pas encore en vigueur ; renouvelez-le"),
    ("CERTIFICATE_REVOKED", "il le dit révoqué ; demandez-en un autre"),
    (
        "UNKNOWN_CA",
        "il ne vient pas d'une AC acceptée ici ; prenez celui de cette plateforme, suivi dans le fichier de ses AC",
    ),
    ("UNSUPPORTED_CERTIFICATE", "il ne peut pas servir à un client TLS : prenez un certificat d'usage AUTH_CLI"),
    ("DECRYPT_ERROR", "sa signature ne se vérifie pas : il vient peut-être d'une autre AC de même nom"),
    ("ACCESS_DENIED", "il n'a pas le droit d'entrer"),
    ("BAD_CERTIFICATE", "il le dit mal formé ou d'une chaîne incomplète"),
    ("CERTIFICATE", "sans dire pourquoi : expiré, révoqué, ou d'une AC qu'il n'accepte pas"),
    ("HANDSHAKE_FAILURE", "sans dire pourquoi : absent, d'une AC qu'il n'accepte pas, ou d'un algorithme refusé"),
)
"""Part of an alert's name (it changes with OpenSSL), most precise first, and what it says of our certificate."""

_NO_TLS: tuple[tuple[str, str], ...] = (
    ("ALERT_PROTOCOL_VERSION", "ne connaît ni TLS 1.2 ni TLS 1.3"),
    ("UNSUPPORTED_PROTOCOL", "ne connaît ni TLS 1.2 ni TLS 1.3"),
    ("UNRECOGNIZED_NAME", "ne se connaît pas sous ce nom : vérifiez l'adresse"),
    ("WRONG_VERSION_NUMBER", "répond, mais pas en TLS : vérifiez le port de l'adresse"),
    ("HTTP_REQUEST", "répond, mais pas en TLS : vérifiez le port de l'adresse"),
    ("RECORD_LAYER_FAILURE", "répond, mais pas en TLS : vérifiez le port de l'adresse"),
)
"""Part of the name of an error of OpenSSL, and what it says of who answered; trying again changes nothing."""

_DISTRUST = {
    9: "n'est pas encore en vigueur ; vérifiez l'heure de cette machine",
    10: "a expiré ; vérifiez l'heure de cette machine, sinon prévenez la plateforme",
    18: "est signé par lui-même, et n'est pas celui d'une AC connue",
    62: "ne porte pas ce nom ; vérifiez que l'adresse est celle que la plateforme a donnée",
    64: "ne porte pas cette adresse IP ; donnez le nom du service plutôt que son adresse",
}
"""X509_V_ERR codes (openssl verify(1)) that say more than: not from an authority we know."""

_NETWORK = {
    errno.ECONNREFUSED: "refuse la connexion : rien n'y écoute sur ce port (adresse, port, service arrêté)",
    errno.ENETUNREACH: "est injoignable : pas de route (réseau, VPN)",
    errno.EHOSTUNREACH: "est injoignable : la machine ne répond pas (réseau, pare-feu)",
    errno.ETIMEDOUT: "ne répond pas à la demande de connexion (pare-feu, mauvaise adresse)",
    errno.ECONNRESET: "a coupé la connexion",
    errno.ECONNABORTED: "a coupé la connexion",
    errno.EPIPE: "a coupé la connexion",
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the texts of errors name: the service, the proxy, our files. ``timeout`` is in seconds."""

    url: str
    certificate: Path
    ca: Path | None
    proxy: str | None
    timeout: float

    @property
    def host(self) -> str:
        """The service as host:port, or the host alone on the usual port."""
        return _host_of(self.url)

    @property
    def proxy_host(self) -> str:
        """The proxy without the name and password that its address may carry."""
        return _host_of(self.proxy or "")


def checked_address(url: str) -> None:
    """Raises SettingsError when this cannot be the https address of a service."""
    if "@" in url:
        raise SettingsError("L'adresse du service ne porte ni nom ni mot de passe.")
    if not url.lower().startswith("https://") or _host_of(url) in {"", "?"}:
        raise SettingsError(f"L'adresse du service est de la forme https://nom/ws/lots/1.0, pas {url}")
    if urlsplit(url).query:
        raise SettingsError(f"L'adresse du service s'écrit sans ?wsdl : {url.partition('?')[0]}")


@contextlib.contextmanager
def translated_errors(endpoint: Endpoint) -> Iterator[None]:
    """Turns whatever ssl, requests, lxml and zeep raise inside the block into the errors of this package."""
    try:
        yield
    except zeep.exceptions.Fault as fault:
        typed = read_fault(fault.detail)
        if typed is not None:
            raise typed from None
        raise UnexpectedAnswerError(
            f"{endpoint.host} a répondu par une erreur SOAP étrangère au contrat : vérifiez l'adresse du service."
        ) from fault
    except zeep.exceptions.ValidationError as error:
        raise InvalidMessageError((Problem(texte=f"valeur absente ou en trop ({error})."),)) from error
    except zeep.exceptions.TransportError as error:
        raise_for_status(endpoint, error.status_code, error)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        _raise_for_connection(endpoint, error)
    except (zeep.exceptions.Error, etree.LxmlError) as error:
        raise UnexpectedAnswerError(
            f"La réponse de {endpoint.host} n'est pas un message du contrat : vérifiez l'adresse du service."
        ) from error


def raise_for_status(endpoint: Endpoint, status: int, error: Exception | None) -> NoReturn:
    """What an HTTP status without SOAP means: worth another try, or something that is not the service."""
    if status in _PASSING_STATUS:
        raise ConnectionLostError(f"{endpoint.host} est momentanément indisponible (HTTP {status}).") from error
    raise UnexpectedAnswerError(
        f"La réponse de {endpoint.host} n'est pas un message SOAP (HTTP {status}) : vérifiez l'adresse du service, "
        f"{endpoint.url}"
    ) from error


def _raise_for_connection(endpoint: Endpoint, error: Exception) -> NoReturn:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        raise_for_status(endpoint, error.response.status_code, error)
    if isinstance(error, requests.exceptions.InvalidProxyURL) or "Proxy URL" in str(error):
        raise SettingsError("L'adresse du mandataire n'est pas de la forme http://nom:port") from error
    if isinstance(error, (ValueError, requests.exceptions.InvalidSchema)):
        raise SettingsError(f"L'adresse du service n'est pas une adresse https : {endpoint.url}") from error
    causes = list(_causes(error))
    for cause in causes:
        found = _tls_failure(endpoint, cause) if isinstance(cause, ssl.SSLError) else None
        if found is not None:
            raise found from error
    through_proxy = any(isinstance(cause, requests.exceptions.ProxyError) for cause in causes)
    if through_proxy:
        for cause in causes:
            refusal = re.search(r"Tunnel connection failed: (\d{3})", str(cause))
            if refusal:
                raise _proxy_refusal(endpoint, int(refusal[1])) from error
    who = f"Le mandataire {endpoint.proxy_host}" if through_proxy else endpoint.host
    raise ConnectionLostError(f"{who} {_network_cause(endpoint, causes)}.") from error


def _tls_failure(endpoint: Endpoint, error: ssl.SSLError) -> IgcClientError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        known = endpoint.ca or "celles de ce système (réglage ca)"
        cause = _DISTRUST.get(error.verify_code, f"ne vient pas d'une AC connue ; AC connues : {known}")
        return ServerNotTrustedError(f"Le certificat présenté par {endpoint.host} {cause}.")
    reason = error.reason or ""
    for part, text in _NO_TLS:
        if part in reason:
            return UnexpectedAnswerError(f"{endpoint.host} {text}.")
    for part, meaning in _ALERTS:
        if "ALERT" in reason and part in reason:
            ours = describe_certificate(endpoint.certificate)
            return CertificateRefusedError(
                f"{endpoint.host} a refusé notre certificat client : {meaning}. Certificat présenté : {ours}."
            )
    return None


def _proxy_refusal(endpoint: Endpoint, status: int) -> IgcClientError:
    text = f"Le mandataire {endpoint.proxy_host} n'ouvre pas de passage vers {endpoint.host} (HTTP {status})"
    if status in _PASSING_STATUS:
        return ConnectionLostError(f"{text}.")
    what = "il demande un nom et un mot de passe" if status == requests.codes.proxy_authentication_required else None
    return UnexpectedAnswerError(f"{text} : {what or 'demandez-en le droit, ou vérifiez le réglage mandataire'}.")


def _network_cause(endpoint: Endpoint, causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            if cause.errno == socket.EAI_AGAIN:
                return "ne peut pas être cherché : le DNS ne répond pas"
            return "est inconnu du DNS : vérifiez le nom, le réseau ou le VPN"
        if isinstance(cause, OSError) and cause.errno in _NETWORK:
            return _NETWORK[cause.errno]
    if any(isinstance(cause, requests.ConnectTimeout) for cause in causes):
        return _NETWORK[errno.ETIMEDOUT]
    if any(isinstance(cause, requests.Timeout) for cause in causes):
        return f"est resté silencieux plus de {endpoint.timeout:.0f} s (réglage delai)"
    return "a coupé la connexion avant d'avoir répondu"


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "?"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


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
