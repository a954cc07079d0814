"""What the issuer publishes about itself, its keys, and the calls to it: TLS checked, bounded, never led elsewhere."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal_ihm.login.psc.config import PscAwayError, PscConfig, PscError

_FRESH_SECONDS = 3_600.0
_AGAIN_SECONDS = 30.0
"""How long a failure is remembered, and new keys are not looked for."""
_LONGEST = 256 * 1024
_NO_REDIRECT = 0


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of OpenID Provider Metadata (Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: Metadata
    keys: KeySet
    at: float


class Provider:
    """The issuer as one process knows it; every call waits for the network, so call it from a thread."""

    def __init__(self, config: PscConfig) -> None:
        """Nothing is asked yet."""
        self.config = config
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._failed_at = self._looked_at = float("-inf")

    def metadata(self) -> Metadata:
        """PscAwayError when the issuer does not say, or says what is not its own."""
        return self._get().metadata

    def keys(self) -> KeySet:
        """The keys that it signs with."""
        return self._get().keys

    def newer_keys(self) -> KeySet | None:
        """Read again, for a token whose key is not known; None when that was done a moment ago."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < _AGAIN_SECONDS:
                return None
            self._looked_at = now
            self._known = self._read(now)
            return self._known.keys

    def session(self, redirect_uri: str) -> OAuth2Session:
        """Authlib's client of this issuer; to be closed."""
        config = self.config
        session = OAuth2Session(
            config.client_id,
            config.client_secret.read_text(),
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106 -- the name of a method
            scope=" ".join(config.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=config.timeout,
            # An access token of Pro Santé Connect lives for a minute, and is used at once.
            leeway=0,
        )
        self._bound(session)
        return session

    def userinfo(self, session: OAuth2Session, url: str) -> dict[str, Any]:
        """What the issuer says of who has logged in (Core 1.0 §5.3), with the token that the session holds."""
        return self._json(session, url, withhold_token=False)

    def _get(self) -> _Known:
        with self._lock:
            now = time.monotonic()
            if self._known is not None and now - self._known.at < _FRESH_SECONDS:
                return self._known
            if now - self._failed_at < _AGAIN_SECONDS:
                raise PscAwayError("issuer away a moment ago")
            self._known = self._read(now)
            return self._known

    def _read(self, now: float) -> _Known:
        try:
            with requests.Session() as session:
                self._bound(session)
                metadata = self._metadata(session)
                keys = KeySet.import_key_set(cast("Any", self._json(session, metadata.jwks_uri)))
        except (PscError, JoseError, ValueError, KeyError) as error:
            self._failed_at = now
            raise error if isinstance(error, PscAwayError) else PscAwayError("keys unreadable") from None
        self._failed_at = float("-inf")
        return _Known(metadata=metadata, keys=keys, at=now)

    def _metadata(self, session: requests.Session) -> Metadata:
        try:
            found = msgspec.convert(self._json(session, self.config.discovery_url), Metadata)
        except msgspec.ValidationError:
            raise PscAwayError("discovery document incomplete") from None
        if found.issuer != self.config.issuer:  # Discovery 1.0 §4.3
            raise PscAwayError("discovery document of another issuer")
        addresses = [getattr(found, name) for name in found.__struct_fields__ if name != "issuer"]
        if any(address is not None and urlsplit(address).scheme != "https" for address in addresses):
            raise PscAwayError("discovery document with an address without TLS")
        return found

    def _bound(self, session: requests.Session) -> None:
        session.trust_env = False
        session.max_redirects = _NO_REDIRECT
        session.verify = True if self.config.ca_file is None else str(self.config.ca_file)

    def _json(self, session: requests.Session, url: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 -- of requests
        try:
            with session.get(
                url, timeout=self.config.timeout, stream=True, headers={"Accept": "application/json"}, **options
            ) as answer:
                if answer.status_code != requests.codes.ok:
                    raise PscAwayError("issuer refuses to answer")
                content = answer.raw.read(_LONGEST + 1, decode_content=True)
        except (requests.RequestException, AuthlibBaseError, OSError) as error:
            raise PscAwayError(f"issuer not reached: {type(error).__name__}") from None
        if len(content) > _LONGEST:
            raise PscAwayError("issuer answers too much")
        return read_object(content)


def read_object(content: bytes) -> dict[str, Any]:
    """A JSON object; PscAwayError for anything else."""
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise PscAwayError("issuer answers no JSON object") from None
