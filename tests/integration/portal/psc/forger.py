"""An issuer that says whatever a test wants: its tokens are signed for real, and wrong in one place."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.integration.portal.portes import CLIENT_ID, Portes
from tests.support.acteurs import MEDECIN

EVENT = "http://schemas.openid.net/event/backchannel-logout"
SUB = f"f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:{MEDECIN}"
Change = Callable[[dict[str, Any]], None]


@dataclass
class Forger:
    """What it answers next; ``asked`` are the forms that its token endpoint was sent."""

    portes: Portes
    address: str = ""
    keys: list[Any] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "k1"})])
    published: list[Any] | None = None
    nonce: str = ""
    change_claims: Change = lambda _claims: None
    change_userinfo: Change = lambda _said: None
    change_discovery: Change = lambda _document: None
    sign: Callable[[dict[str, Any]], str] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    token_answer: Response | None = None
    metadata_asked: int = 0

    def reset(self) -> None:
        """Honest again."""
        honest = Forger(self.portes)
        for name in ("change_claims", "change_userinfo", "change_discovery", "sign", "token_answer"):
            setattr(self, name, getattr(honest, name))
        self.asked.clear()

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.address, "sub": SUB, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": self.nonce,
            "acr": "eidas1", "sid": "session-1", **more,
        }  # fmt: skip

    def logout_claims(self, **more: Any) -> dict[str, Any]:
        claims = self.claims(events={EVENT: {}}, jti=secrets.token_hex(8), **more)
        del claims["nonce"], claims["acr"]
        return claims

    def signed(self, claims: dict[str, Any], alg: str = "RS256", key: Any = None, **header: Any) -> str:
        key = key or self.keys[0]
        return jwt.encode({"alg": alg, "kid": "k1", **header}, claims, key, algorithms=[alg])

    def unsigned(self, claims: dict[str, Any]) -> str:
        return f"{part({'alg': 'none', 'kid': 'k1'})}.{part(claims)}."

    def by_public_key(self, claims: dict[str, Any]) -> str:
        """Signed with the published key as if it were a shared secret: whoever reads alg from the token believes it."""
        content = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(claims)}"
        proof = hmac.digest(self.keys[0].as_pem(private=False), content.encode(), "sha256")
        return f"{content}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"

    def log_in(self, session: requests.Session, **answer: str) -> requests.Response:
        """A login as far as the answer of the portal; ``answer`` changes what the browser brings back."""
        begun = session.get(f"{self.portes.connexion}/psc/connexion", allow_redirects=False, timeout=30)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
        self.nonce = asked["nonce"]
        back = {"code": "c", "state": asked["state"], **answer}
        return session.get(f"{self.portes.connexion}/psc/retour", params=back, allow_redirects=False, timeout=30)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
                Route("/elsewhere", lambda _request: RedirectResponse(f"{self.address}/userinfo", status_code=302)),
            ]
        )

    def _discovery(self, _request: Request) -> Response:
        self.metadata_asked += 1
        document = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "userinfo_endpoint": f"{self.address}/userinfo",
            "jwks_uri": f"{self.address}/jwks",
            "end_session_endpoint": f"{self.address}/logout",
        }
        self.change_discovery(document)
        return JSONResponse(document)

    def _jwks(self, _request: Request) -> Response:
        return JSONResponse(KeySet(self.published or self.keys).as_dict(private=False))

    async def _token(self, request: Request) -> Response:
        async with request.form() as form:
            self.asked.append({**form, "authorization": request.headers.get("authorization", "")})
        if self.token_answer is not None:
            return self.token_answer
        claims = self.claims()
        self.change_claims(claims)
        token = (self.sign or self.signed)(claims)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def _userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer a"
        said: dict[str, Any] = {
            "sub": SUB, "SubjectNameID": MEDECIN, "family_name": "LEROUX", "given_name": "CAMILLE",
            "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
            "SubjectRefPro": {"exercices": [{"codeCategorieProfessionnelle": "C", "codeProfession": "10"}]},
        }  # fmt: skip
        self.change_userinfo(said)
        return JSONResponse(said)


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def other_key() -> Any:
    return RSAKey.generate_key(2048, {"kid": "k1"})


def elliptic_key() -> Any:
    return ECKey.generate_key("P-256", {"kid": "k2"})


@contextmanager
def forging(portes: Portes, made: list[Forger]) -> Iterator[str]:
    """Serve one over TLS that the portal trusts; it is put into ``made``."""
    section = portes.world.here.settings.portal
    context = server_ssl_context(section.tls_certificate_file, section.tls_key_file.path)
    forger = Forger(portes)
    server = HttpServer(forger.app(), "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=1))
    forger.address = f"https://localhost:{server.port}"
    made.append(forger)
    with server.in_thread():
        yield forger.address
