"""The doors of the portal as pages see them: which one this is, where the others are, whom to ask for help."""

from __future__ import annotations

from dataclasses import dataclass

from registration.sessions.values import Porte

SIZE_COOKIE = "__Host-taille"
SIZES = ("petite", "normale", "grande")
"""Sizes of the text, the usual one being ``normale``."""
LOGIN_COOKIE = "__Host-portail-psc"
"""What a browser carries to Pro Santé Connect and back."""
# Cookies know no ports: doors of one host name must not take each other's.
_SESSION_COOKIES = {
    Porte.CERTIFICAT: "__Host-portail",
    Porte.CARTE: "__Host-portail-carte",
    Porte.CONNEXION: "__Host-portail-connexion",
}


@dataclass(frozen=True, slots=True)
class Entrees:
    """Where each way in is, as browsers see it (scheme, host and port); None for one that is not served."""

    certificat: str | None = None
    carte: str | None = None
    connexion: str | None = None
    sans_login: str | None = None
    has_psc: bool = False


@dataclass(frozen=True, slots=True)
class Assistance:
    """Whom to ask for help; empty where there is no such way."""

    adresse: str = ""
    email: str = ""
    telephone: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is any way at all."""
        return bool(self.adresse or self.email or self.telephone)


@dataclass(frozen=True, slots=True)
class Door:
    """This door: ``origin`` is scheme, host and port of its public address."""

    porte: Porte
    origin: str
    host: str
    entrees: Entrees

    @property
    def cookie(self) -> str:
        """The name of its session cookie."""
        return _SESSION_COOKIES[self.porte]

    @property
    def same_site(self) -> str:
        """Pro Santé Connect leads back to us from another site, and a session of it opens nothing by itself in a form.

        Every form is asked for its origin and its token besides.
        """
        return "lax" if self.porte is Porte.CONNEXION else "strict"

    @property
    def asks_certificate(self) -> bool:
        """Whether a client certificate identifies who comes in here; else a session does."""
        return self.porte is not Porte.CONNEXION

    @property
    def is_of_cards(self) -> bool:
        """Whether only cards come in here."""
        return self.porte is Porte.CARTE


def set_cookie(name: str, value: str, same_site: str, *, max_age: int | None = None) -> str:
    """A Set-Cookie field for this host alone, hidden from scripts; without ``max_age`` it ends with the browser."""
    age = "" if max_age is None else f"; max-age={max_age}"
    return f"{name}={value}; path=/; secure; httponly; samesite={same_site}{age}"


def local_path(text: str | None) -> str:
    """A path of this portal to go on to; ``/`` for whatever else was written there."""
    if text is None or len(text) > _LONGEST_PATH or not text.startswith("/") or text[1:2] in {"/", "\\"}:
        return "/"
    return text if text.isascii() and text.isprintable() and " " not in text and "\\" not in text else "/"


_LONGEST_PATH = 2_000
