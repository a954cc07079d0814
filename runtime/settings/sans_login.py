"""The section of the settings about the site without login. As ``sections``: French."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from runtime.secret_file import SecretFile
from runtime.settings.sections import HttpLimits, LocalPath, Port, PublicUrl, Seconds, Secret, Section


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("adresse ou réseau attendu, par exemple 192.0.2.10 ou 192.0.2.0/24") from None
    if network.prefixlen == 0:
        raise ValueError("ce réseau est celui de tout le monde : n'importe qui dirait d'où il vient")
    return str(network)


class SansLoginLimits(HttpLimits):
    """As above; two short forms are all that is sent, by strangers."""

    max_body_bytes: int = Field(
        default=16 * 1024, ge=1024, le=1024**2, description="Taille maximale du corps d'une requête, en octets."
    )
    max_header_bytes: int = Field(
        default=16 * 1024, ge=1024, le=1024**2, description="Taille maximale des en-têtes d'une requête, en octets."
    )
    body_timeout_seconds: Seconds = Field(
        default=15, description="Délai accordé pour recevoir le corps entier d'une requête, en secondes."
    )
    idle_timeout_seconds: Seconds = Field(
        default=30, description="Durée pendant laquelle une connexion sans requête reste ouverte, en secondes."
    )


class SansLoginSettings(Section):
    """The site where a certificate is revoked by its code, without login; nothing else is reachable there."""

    processes: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Nombre de processus du site de révocation sans authentification ; 0 : il n'est pas servi.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Adresse d'écoute de ce site.")
    port: Port = Field(default=8445, description="Port d'écoute de ce site.")
    public_url: PublicUrl = Field(
        default="https://localhost:8445", description="Adresse de ce site vue des navigateurs."
    )
    tls_certificate_file: LocalPath = Field(
        default=Path("tls/sans-login.pem"), description="Certificat TLS de ce site puis sa chaîne, en PEM."
    )
    tls_key_file: Secret = Field(
        default=SecretFile(Path("tls/sans-login.key")), description="Clé privée TLS de ce site, en PEM."
    )
    secret_file: Secret = Field(
        default=SecretFile(Path("portail/sans-login.secret")),
        description="Secret qui scelle les captchas et le passage d'une étape à l'autre : 32 octets aléatoires au "
        "moins, le même pour tous les processus de ce site, un autre que celui du portail.",
    )
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(),
        description="Adresses ou réseaux des mandataires placés devant ce site : d'eux seuls `X-Forwarded-For` est "
        "cru, lu depuis la fin. Sans eux, tous ceux qui passent par un mandataire partagent les essais de son adresse.",
    )
    tries_per_address: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="Codes refusés par heure depuis une adresse (IPv6 : un /64) avant qu'elle doive attendre.",
    )
    tries_per_certificate: int = Field(
        default=5,
        ge=2,
        le=1_000,
        description="De même, par adresse et par certificat ; deux quand ce certificat est attaqué de toutes parts.",
    )
    checks_per_second: int = Field(
        default=10,
        ge=1,
        le=1_000,
        description="Codes comparés par seconde, tous processus ensemble, quand il en vient sans cesse : chacun coûte "
        "50 ms d'un cœur et 16 Mio. Au-delà de trente secondes d'avance, une heure de passage est donnée.",
    )
    limits: SansLoginLimits = Field(default=SansLoginLimits(), description="Limites de la couche HTTP de ce site.")
