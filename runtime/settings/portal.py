"""The sections of the settings about the portal, its doors and Pro Santé Connect. As ``sections``: French."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from runtime.secret_file import SecretFile
from runtime.settings.sections import HttpLimits, LocalPath, Port, PublicUrl, Seconds, Secret, Section
from runtime.unseen import unseen_in

_ACCOUNT = re.compile(r"[!-~]{1,200}")


def _one_line(value: str) -> str:
    if unseen_in(value) or any(sign in value for sign in "\r\n"):
        raise ValueError("une ligne attendue, sans caractère invisible")
    return value


def _https(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or "#" in value:
        raise ValueError("adresse https:// attendue, sans compte ni ancre")
    return value


def _issuer(value: str) -> str:
    if "?" in _https(value):
        raise ValueError("adresse de l'émetteur attendue, sans paramètre")
    return value


def _scope(value: str) -> str:
    if not _ACCOUNT.fullmatch(value) or '"' in value or "\\" in value:
        raise ValueError("portée (scope) mal formée")
    return value


Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]


class PortalLimits(HttpLimits):
    """As above; no page of the portal sends much."""

    max_body_bytes: int = Field(
        default=256 * 1024, ge=1024, le=1024**3, description="Taille maximale du corps d'une requête, en octets."
    )


class CarteSettings(Section):
    """The door of cards, a listener of its own in the processes of the portal; off without a port."""

    port: Port | None = Field(
        default=None,
        description="Port d'écoute de la porte des cartes CPx : TLS 1.2 et signatures PKCS#1 v1.5, seules possibles à "
        "une carte ; seules les AC de cartes y sont reconnues. Sans lui, elle n'est pas servie.",
    )
    public_url: PublicUrl = Field(
        default="https://localhost:8446", description="Adresse de cette porte vue des navigateurs."
    )


class ConnexionSettings(Section):
    """The door where one chooses how to log in, and that of Pro Santé Connect; off without a port."""

    port: Port | None = Field(
        default=None,
        description="Port d'écoute de la porte du choix de connexion et de Pro Santé Connect, où aucun certificat "
        "n'est demandé. Sans lui, elle n'est pas servie.",
    )
    public_url: PublicUrl = Field(
        default="https://localhost:8447",
        description="Adresse de cette porte vue des navigateurs ; c'est elle que Pro Santé Connect connaît : "
        "`/psc/retour` (connexion), `/deconnexion` (retour de la déconnexion), `/psc/fin-de-session` (déconnexion par "
        "l'arrière, « back-channel »).",
    )


class PscSettings(Section):
    """The client that the portal is to Pro Santé Connect; off without an issuer."""

    issuer: Annotated[str, Field(max_length=500), AfterValidator(_issuer)] | None = Field(
        default=None,
        description="Émetteur (issuer) de Pro Santé Connect, lettre pour lettre comme dans ses jetons. Sans lui, ce "
        "moyen de connexion n'est pas proposé.",
    )
    discovery_url: Annotated[str, Field(max_length=500), AfterValidator(_https)] | None = Field(
        default=None,
        description="Adresse du document de découverte, quand ce n'est pas "
        "`<issuer>/.well-known/openid-configuration`.",
    )
    client_id: str = Field(
        default="", max_length=200, pattern=r"^[!-~]*$", description="Identifiant de ce portail (client_id)."
    )
    client_secret_file: Secret | None = Field(default=None, description="Secret de ce portail (client_secret).")
    scopes: tuple[Annotated[str, AfterValidator(_scope)], ...] = Field(
        default=("openid", "scope_all"), min_length=1, description="Portées (scopes) demandées, `openid` toujours."
    )
    acr: Literal["eidas1", "eidas2", "eidas3"] = Field(
        default="eidas1", description="Niveau d'authentification demandé ; un jeton d'un niveau plus bas est refusé."
    )
    ca_file: LocalPath | None = Field(
        default=None,
        description="Certificats des AC qui ont émis le certificat TLS de Pro Santé Connect, en PEM. Par défaut : "
        "celles du système.",
    )
    timeout_seconds: Seconds = Field(
        default=5, le=60, description="Délai de la connexion et de chaque réponse de Pro Santé Connect, en secondes."
    )
    skew_seconds: int = Field(
        default=30,
        ge=0,
        le=300,
        description="Écart admis entre son horloge et la nôtre, en secondes.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.issuer is not None and (not self.client_id or self.client_secret_file is None):
            raise ValueError("issuer est donné : client_id et client_secret_file aussi")
        if "openid" not in self.scopes:
            raise ValueError("scopes : openid attendu parmi elles")
        return self


class PortalSettings(Section):
    """The web canal."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Adresse d'écoute du portail, de toutes ses portes."
    )
    certificat: bool = Field(
        default=True,
        description="`false` : ne pas servir la porte des certificats logiciels ; une autre porte a alors un port.",
    )
    port: Port = Field(
        default=8444,
        description="Port d'écoute de la porte des certificats logiciels ; une carte y est reconnue aussi.",
    )
    public_url: PublicUrl = Field(
        default="https://localhost:8444", description="Adresse de cette porte vue des navigateurs."
    )
    tls_certificate_file: LocalPath = Field(
        default=Path("tls/portail.pem"),
        description="Certificat TLS du portail puis sa chaîne, en PEM ; il nomme les hôtes de toutes les portes.",
    )
    tls_key_file: Secret = Field(
        default=SecretFile(Path("tls/portail.key")),
        description="Clé privée TLS du portail, en PEM.",
    )
    session_secret_file: Secret = Field(
        default=SecretFile(Path("portail/session.secret")),
        description="Secret qui signe les formulaires et l'aller-retour vers Pro Santé Connect : 32 octets aléatoires "
        "au moins, le même pour tous les processus du portail.",
    )
    session_seconds: int = Field(
        default=1_800, ge=60, le=86_400, description="Durée d'une session sans activité, en secondes."
    )
    session_max_seconds: int = Field(
        default=28_800,
        ge=60,
        le=86_400,
        description="Durée d'une session en tout, en secondes : passé ce temps, on se connecte à nouveau.",
    )
    processes: int = Field(default=1, ge=1, le=256, description="Nombre de processus du portail.")
    limits: PortalLimits = Field(
        default=PortalLimits(), description="Limites de la couche HTTP du portail, pour chaque porte."
    )
    carte: CarteSettings = Field(default=CarteSettings(), description="Porte des cartes CPx.")
    connexion: ConnexionSettings = Field(
        default=ConnexionSettings(), description="Porte du choix de connexion et de Pro Santé Connect."
    )
    psc: PscSettings = Field(default=PscSettings(), description="Pro Santé Connect.")

    @model_validator(mode="after")
    def _doors(self) -> Self:
        if self.psc.issuer is not None and self.connexion.port is None:
            raise ValueError("psc.issuer est donné : connexion.port aussi, la porte par où l'on en revient")
        if not self.ports:
            raise ValueError("certificat = false : carte.port ou connexion.port alors, une porte au moins est servie")
        if len(set(self.ports.values())) != len(self.ports):
            raise ValueError("un port différent pour chaque porte")
        return self

    @property
    def entry_url(self) -> str:
        """Where whoever follows a link comes in: the door of the choice, which leads on to the page; else the first."""
        if self.connexion.port is not None:
            return self.connexion.public_url
        return self.public_url if self.certificat else self.carte.public_url

    @property
    def any_port(self) -> int:
        """The port of a door that is served: all of them listen when it does."""
        return next(iter(self.ports.values()))

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the doors that are served, by the key of their setting."""
        found = {
            "port": self.port if self.certificat else None,
            "carte.port": self.carte.port,
            "connexion.port": self.connexion.port,
        }
        return {key: port for key, port in found.items() if port is not None}


class AssistanceSettings(Section):
    """Whom people may ask for help."""

    adresse: Line = Field(
        default="", description="Adresse postale de l'assistance, d'une ligne ; vide : elle n'est pas dite."
    )
    email: Annotated[str, Field(max_length=254, pattern=r"^([^@\s<>\"?&]+@[^@\s<>\"?&]+)?$")] = Field(
        default="", description="Adresse email de l'assistance."
    )
    telephone: Annotated[str, Field(max_length=40, pattern=r"^[0-9 +().-]*$")] = Field(
        default="", description="Numéro de téléphone de l'assistance, comme il doit se lire."
    )
