"""What a session of the portal is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from registration.values import Sujet


class Porte(StrEnum):
    """The doors of the portal (ours): each has a listener of its own, and sessions that open no other one."""

    CERTIFICAT = "certificat"
    CARTE = "carte"
    CONNEXION = "connexion"


class Durees(msgspec.Struct, frozen=True, kw_only=True):
    """How long a session lasts: without activity, and at the most."""

    inactivite: timedelta
    au_plus: timedelta


class Compte(msgspec.Struct, frozen=True, kw_only=True):
    """Who has logged in with Pro Santé Connect: verified claims, the ID token, the issuer's word for the session."""

    sujet: Sujet
    jeton: str
    sid: str | None = None


class Ouverture(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is bound to: the door, the acteur's key, and the certificate (SHA-256) or the account."""

    porte: Porte
    acteur: str
    certificat: str | None = None
    compte: Compte | None = None
    donnees: dict[str, Any] = {}


class SessionOuverte(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is read; ``vue_le`` tells when that was last written down."""

    acteur: str
    donnees: dict[str, Any]
    vue_le: datetime
    compte: Compte | None = None


class FinDeSession(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified logout token asks for: the end of one session, or of all of an account; its ``jti`` serves once.

    After ``fin_le`` the token itself is too old.
    """

    emetteur: str
    jti: str
    fin_le: datetime
    sid: str | None = None
    sub: str | None = None
