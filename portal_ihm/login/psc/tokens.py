"""Tokens of the issuer, judged: signature, issuer, audience, time, nonce, level; or refused with a word for the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError, MissingKeyError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from portal_ihm.login.psc.config import ALGORITHMS, LEVELS, PscConfig, PscError
from portal_ihm.login.psc.provider import Provider
from registration.sessions.values import FinDeSession

_LONGEST = 16 * 1024
_OLDEST = 600
"""Seconds since a token was made: it is used at once."""
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_WORD = 255


def read_id_token(provider: Provider, token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
    """Its claims, when it is for us, of this very login and of a level that is enough (Core 1.0 §3.1.3.7)."""
    config = provider.config
    claims = _claims(provider, token)
    _judge(claims, config, now, nonce={"essential": True, "value": nonce}, exp={"essential": True})
    if not isinstance(claims["sub"], str):
        raise PscError("id token without a subject")
    acr = claims.get("acr")
    if acr not in LEVELS or LEVELS.index(acr) < LEVELS.index(config.acr):
        raise PscError("level of authentication too low")
    return claims


def read_logout_token(provider: Provider, token: str, *, now: datetime) -> FinDeSession:
    """What it asks for (Back-Channel Logout 1.0 §2.6); PscError for anything that is no logout token of the issuer."""
    config = provider.config
    claims = _claims(provider, token)
    _judge(claims, config, now, jti={"essential": True}, exp={"essential": False})
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
        raise PscError("no logout event")
    if "nonce" in claims:  # an ID token must not serve as one
        raise PscError("logout token with a nonce")
    sid, sub, jti = (_word(claims, name) for name in ("sid", "sub", "jti"))
    if jti is None or (sid is None and sub is None):
        raise PscError("logout token of nobody")
    until = datetime.fromtimestamp(claims["iat"] + _OLDEST + 2 * config.skew, UTC)
    return FinDeSession(emetteur=config.issuer, jti=jti, fin_le=until, sid=sid, sub=sub)


def _claims(provider: Provider, token: str) -> dict[str, Any]:
    if len(token) > _LONGEST:
        raise PscError("token too long")
    try:
        return _verified(token, provider.keys())
    except (InvalidKeyIdError, MissingKeyError, BadSignatureError):
        # The issuer may have begun to sign with another key.
        keys = provider.newer_keys()
    except (JoseError, ValueError) as error:
        raise PscError(f"token refused: {type(error).__name__}") from None
    if keys is None:
        raise PscError("token of an unknown key")
    try:
        return _verified(token, keys)
    except (JoseError, ValueError) as error:
        raise PscError(f"token refused: {type(error).__name__}") from None


def _verified(token: str, keys: KeySet) -> dict[str, Any]:
    return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)


def _judge(claims: dict[str, Any], config: PscConfig, now: datetime, **asked: Any) -> None:  # noqa: ANN401 -- of joserfc
    moment = int(now.timestamp())
    registry = JWTClaimsRegistry(
        now=moment,
        leeway=config.skew,
        iss={"essential": True, "value": config.issuer},
        aud={"essential": True, "value": config.client_id},
        iat={"essential": True},
        sub={"essential": "nonce" in asked},
        **asked,
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise PscError(f"claim refused: {getattr(error, 'claim', None) or type(error).__name__}") from None
    if claims["iat"] < moment - _OLDEST - config.skew:
        raise PscError("token made too long ago")
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != config.client_id:
        raise PscError("token for others too")
    if claims.get("azp", config.client_id) != config.client_id:
        raise PscError("token asked for by another client")


def _word(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_WORD:
        raise PscError(f"claim refused: {name}")
    return value
