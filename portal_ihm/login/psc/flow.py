"""The way of a browser to the issuer and back, and out again.

What must come back with it (state, nonce, PKCE verifier) travels in a signed cookie of some minutes: nothing is written
for who has not logged in yet.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec
import requests
from authlib.common.errors import AuthlibBaseError
from itsdangerous import BadData, URLSafeTimedSerializer

from portal_ihm.login.psc.claims import read_sujet
from portal_ihm.login.psc.config import PscAwayError, PscConfig, PscError
from portal_ihm.login.psc.provider import Provider
from portal_ihm.login.psc.tokens import read_id_token, read_logout_token
from registration.sessions.values import Compte, FinDeSession
from runtime.clock import Clock, system_clock

UNDER_WAY_SECONDS = 900
"""How long somebody may take to log in: he has to find his telephone."""
_BYTES = 32
_LONGEST_CODE = 4_096
_LONGEST_SID = 255


class _UnderWay(msgspec.Struct, frozen=True, kw_only=True):
    state: str
    nonce: str
    verifier: str
    suite: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who has logged in, and where he wanted to go."""

    compte: Compte
    suite: str


class ProSanteConnect:
    """One client of Pro Santé Connect, for the door whose address is ``origin``. Its methods wait for the network."""

    def __init__(self, config: PscConfig, origin: str, secret: bytes, clock: Clock = system_clock) -> None:
        """``secret`` signs what a browser carries there and back."""
        self._provider = Provider(config)
        self._origin = origin
        self._clock = clock
        self._seal = URLSafeTimedSerializer(secret, salt="igc-portal-psc")

    @property
    def issuer(self) -> str:
        """The issuer's name, which is an address."""
        return self._provider.config.issuer

    def begin(self, suite: str) -> tuple[str, str]:
        """Where to send the browser, and what its cookie holds meanwhile; PscAwayError."""
        under_way = _UnderWay(
            state=secrets.token_urlsafe(_BYTES),
            nonce=secrets.token_urlsafe(_BYTES),
            verifier=secrets.token_urlsafe(_BYTES),
            suite=suite,
        )
        metadata = self._provider.metadata()
        with self._provider.session(self._redirect_uri) as session:
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=under_way.state,
                nonce=under_way.nonce,
                code_verifier=under_way.verifier,
                acr_values=self._provider.config.acr,
            )
        return str(url), str(self._seal.dumps(msgspec.to_builtins(under_way)))

    def finish(self, answer: Mapping[str, str], cookie: str | None) -> LoggedIn:
        """Who comes back with this answer of the issuer; PscError for whatever is not that of the login under way."""
        under_way = self._under_way(cookie)
        if not hmac.compare_digest(answer.get("state", "").encode(), under_way.state.encode()):
            raise PscError("state of another login")
        if answer.get("iss", self.issuer) != self.issuer:  # RFC 9207 §2.4
            raise PscError("answer of another issuer")
        if "error" in answer:
            raise PscError("refused by the issuer")
        code = answer.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise PscError("answer without a code")
        return LoggedIn(compte=self._redeem(code, under_way), suite=under_way.suite)

    def read_logout(self, token: str) -> FinDeSession:
        """See ``tokens.read_logout_token``."""
        return read_logout_token(self._provider, token, now=self._clock())

    def log_out_url(self, compte: Compte) -> str | None:
        """Where the browser ends its session there too (RP-Initiated Logout 1.0 §2); None where it cannot."""
        endpoint = self._provider.metadata().end_session_endpoint
        if endpoint is None:
            return None
        asked = {
            "id_token_hint": compte.jeton,
            "client_id": self._provider.config.client_id,
            "post_logout_redirect_uri": f"{self._origin}/deconnexion",
            "state": secrets.token_urlsafe(_BYTES),
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    @property
    def _redirect_uri(self) -> str:
        return f"{self._origin}/psc/retour"

    def _under_way(self, cookie: str | None) -> _UnderWay:
        if cookie is None:
            raise PscError("no login under way")
        try:
            return msgspec.convert(self._seal.loads(cookie, max_age=UNDER_WAY_SECONDS), _UnderWay)
        except (BadData, msgspec.ValidationError):
            raise PscError("no login under way") from None

    def _redeem(self, code: str, under_way: _UnderWay) -> Compte:
        metadata = self._provider.metadata()
        with self._provider.session(self._redirect_uri) as session:
            try:
                tokens = session.fetch_token(
                    metadata.token_endpoint,
                    code=code,
                    grant_type="authorization_code",
                    code_verifier=under_way.verifier,
                    allow_redirects=False,
                )
            except AuthlibBaseError:
                raise PscError("code refused by the issuer") from None
            except (requests.RequestException, OSError, ValueError) as error:
                raise PscAwayError(f"token endpoint not reached: {type(error).__name__}") from None
            id_token = tokens.get("id_token")
            if not isinstance(id_token, str):
                raise PscError("no id token")
            claims = read_id_token(self._provider, id_token, nonce=under_way.nonce, now=self._clock())
            userinfo = self._provider.userinfo(session, metadata.userinfo_endpoint)
        sujet = read_sujet(self.issuer, claims["sub"], userinfo)
        sid = claims.get("sid")
        return Compte(
            sujet=sujet,
            jeton=id_token,
            sid=sid if isinstance(sid, str) and 0 < len(sid) <= _LONGEST_SID else None,
        )
