"""The sections of the settings, one class each. Descriptions are French: operators read them in docs/reglages.md.

Nothing is opened or resolved here; ``settings.Settings.load`` anchors the paths, ``settings_check`` looks at the files.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import NoDecode

from runtime.secret_file import SecretFile

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?")
_HOST_LENGTH = 253
_NUMBERS = re.compile(r"[0-9.]+")


def _not_blank(value: object) -> object:
    # Path("") would silently mean the current folder.
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise ValueError("chemin vide ou mal formé")
    return value


def _public_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("adresse mal formée") from None
    if parts.scheme != "https" or not host:
        raise ValueError("adresse https:// attendue")
    if parts.username is not None or "?" in value or "#" in value:
        raise ValueError("ni compte, ni paramètre, ni ancre dans cette adresse")
    if parts.path not in ("", "/"):
        raise ValueError("ni chemin : le service et le portail ont leurs propres chemins, à la racine")
    if port == 0:
        raise ValueError("le port 0 n'est celui de personne")
    return f"https://{_public_host(host)}{'' if port is None else f':{port}'}"


def _public_host(host: str) -> str:
    """A name or an address that a client can reach, as it stands in a URL."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host) or len(host) > _HOST_LENGTH:
            raise ValueError("nom d'hôte mal formé (un nom accentué s'écrit xn--...)") from None
        if _NUMBERS.fullmatch(host):
            raise ValueError("adresse IP mal formée") from None
        return host
    if address.is_unspecified or address.is_multicast:
        raise ValueError("ce n'est pas l'adresse d'un serveur : écrire celle que les clients connaissent")
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 -- of IP


LocalPath = Annotated[Path, BeforeValidator(_not_blank)]
# A variable of the environment is the path itself, not JSON.
Secret = Annotated[SecretFile, BeforeValidator(_not_blank), NoDecode]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Section(BaseModel):
    """Frozen, every key known; a refused value is never repeated in an error, for it may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HttpLimits(Section):
    """What one HTTP client may cost before it is sent away."""

    max_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, le=1024**3, description="Taille maximale du corps d'une requête, en octets."
    )
    max_header_bytes: int = Field(
        default=32 * 1024,
        ge=1024,
        le=1024**2,
        description="Taille maximale des en-têtes d'une requête, en octets.",
    )
    max_connections: int = Field(
        default=2_000,
        ge=1,
        le=100_000,
        description="Nombre maximal de connexions ouvertes en même temps par processus ; moins si le système ne lui "
        "accorde pas autant de descripteurs, ce que dit alors son journal. Au-delà, la plus ancienne de celles qui ne "
        "demandent rien est fermée.",
    )
    max_handshakes: int = Field(
        default=500,
        ge=1,
        le=100_000,
        description="Nombre maximal, parmi elles, de poignées de main TLS inachevées.",
    )
    handshake_timeout_seconds: Seconds = Field(
        default=10, description="Délai accordé à la poignée de main TLS, en secondes."
    )
    header_timeout_seconds: Seconds = Field(
        default=15, description="Délai accordé pour recevoir la ligne de requête et les en-têtes, en secondes."
    )
    body_timeout_seconds: Seconds = Field(
        default=120, description="Délai accordé pour recevoir le corps entier d'une requête, en secondes."
    )
    idle_timeout_seconds: Seconds = Field(
        default=75, description="Durée pendant laquelle une connexion sans requête reste ouverte, en secondes."
    )


class WsSettings(Section):
    """The SOAP canal."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Adresse d'écoute du service web.")
    port: Port = Field(default=8443, description="Port d'écoute du service web.")
    public_url: PublicUrl = Field(
        default="https://localhost:8443",
        description="Adresse du service web vue des clients : elle est écrite dans le WSDL servi.",
    )
    tls_certificate_file: LocalPath = Field(
        default=Path("tls/ws.pem"), description="Certificat TLS du service web puis sa chaîne, en PEM."
    )
    tls_key_file: Secret = Field(
        default=SecretFile(Path("tls/ws.key")), description="Clé privée TLS du service web, en PEM."
    )
    client_ca_dir: LocalPath = Field(
        default=Path("pki/ac-clients"),
        description="Dossier d'autres hiérarchies dont les certificats client sont reconnus, portail compris : un "
        "sous-dossier par hiérarchie, avec son `authorities.json`. Celle de `pki.authorities_dir` l'est toujours.",
    )
    processes: int = Field(default=1, ge=1, le=256, description="Nombre de processus du service web.")
    max_items: int = Field(
        default=10_000,
        ge=1,
        le=10_000,
        description="Nombre maximal de demandes dans un lot, fichier déposé sur le portail compris.",
    )
    max_wait_seconds: int = Field(
        default=30, ge=1, le=30, description="Attente maximale d'un changement lors du suivi d'un lot, en secondes."
    )
    limits: HttpLimits = Field(default=HttpLimits(), description="Limites de la couche HTTP du service web.")


SignerKind = Literal["software", "pkcs11", "offline"]


class SignersSettings(Section):
    """Where the signing keys of the authorities are; one PKCS#11 token serves them all."""

    default: SignerKind = Field(
        default="software",
        description="Lieu des clés des AC : `software` (fichier chiffré de `keys_dir`), `pkcs11` (module matériel) "
        "ou `offline` (ailleurs : cette instance ne signe pas pour l'AC).",
    )
    authorities: dict[str, SignerKind] = Field(
        default={}, description="Lieu de la clé d'une AC, par nom court, quand il diffère de `default`."
    )
    key_labels: dict[str, str] = Field(
        default={}, description="Étiquette (CKA_LABEL) de la clé d'une AC, par nom court. Par défaut : son nom court."
    )
    module_file: LocalPath = Field(
        default=Path("/usr/lib/softhsm/libsofthsm2.so"), description="Bibliothèque PKCS#11 du module matériel."
    )
    token_label: str = Field(
        default="IGC", min_length=1, max_length=32, description="Étiquette du jeton qui contient les clés."
    )
    pin_file: Secret = Field(default=SecretFile(Path("pki/jeton.pin")), description="Code (PIN) du jeton.")

    def kind_of(self, short_name: str) -> SignerKind:
        """Where the key of an authority is."""
        return self.authorities.get(short_name, self.default)


class PkiSettings(Section):
    """Files of the authorities. What they write into certificates is decided by their ceremony and kept beside them."""

    authorities_dir: LocalPath = Field(
        default=Path("pki/autorites"), description="Dossier des certificats des AC et de leur index."
    )
    keys_dir: LocalPath = Field(
        default=Path("pki/cles"), description="Dossier des clés privées chiffrées des AC émettrices."
    )
    pass_phrase_file: Secret = Field(
        default=SecretFile(Path("pki/phrase.secret")), description="Phrase de passe des clés privées des AC émettrices."
    )
    weak_key_files: tuple[LocalPath, ...] = Field(
        default=(),
        description="Listes de clés prévisibles à refuser. Fichier `*.dat` : liste de blocage de badkeys. Tout autre "
        "nom : texte `openssl-blacklist`, une empreinte de 20 chiffres hexadécimaux par ligne, les 80 derniers bits du "
        "SHA-1 de la ligne `Modulus=...` d'openssl.",
    )
    without_weak_key_files: bool = Field(
        default=False,
        description="`true` : dire que cette instance fonctionne sans liste de clés prévisibles, faute d'en avoir une. "
        "Sans liste et sans cet aveu, `igc check-config` refuse les réglages d'une plateforme de PRODUCTION.",
    )
    signers: SignersSettings = Field(default=SignersSettings(), description="Lieu des clés privées des AC.")
    seal_keys_dir: LocalPath = Field(
        default=Path("pki/scellement"),
        description="Dossier de la clé qui scelle la piste d'audit, écrite et renouvelée par le traitement.",
    )
    seal_pass_phrase_file: Secret = Field(
        default=SecretFile(Path("pki/scellement.secret")),
        description="Phrase de passe de la clé qui scelle la piste d'audit.",
    )
    seal_seconds: int = Field(
        default=60, ge=5, le=3_600, description="Intervalle entre deux scellements de la piste d'audit, en secondes."
    )
    publication_dir: LocalPath = Field(default=Path("pki/publication"), description="Dossier où paraissent les CRL.")
    crl_validity_hours: int = Field(default=72, ge=2, le=8_760, description="Durée de validité d'une CRL, en heures.")
    crl_refresh_minutes: int = Field(
        default=60, ge=1, le=10_080, description="Intervalle entre deux CRL d'une même AC, en minutes."
    )
    crl_full_up_to: int = Field(
        default=10_000,
        ge=0,
        le=10_000_000,
        description="Nombre d'entrées au-delà duquel une révocation paraît d'abord dans une delta CRL seulement.",
    )
    crl_rebuild_hours: int = Field(
        default=24,
        ge=0,
        le=8_760,
        description="Intervalle, en heures, entre deux CRL entières refaites de toutes les révocations de la base et "
        "comparées à la précédente ; 0 : chacune. Les autres ne lisent que ce qui a changé.",
    )
    crl_issuing_point: bool = Field(
        default=False,
        description="Écrire IssuingDistributionPoint dans les CRL, même d'une AC dont une seule clé porte le nom.",
    )

    backdate_minutes: int = Field(
        default=5,
        ge=0,
        le=60,
        description="Minutes dont le début d'un certificat et la date d'une CRL ou d'une réponse OCSP précèdent leur "
        "signature, pour les machines dont l'horloge retarde ; jamais avant le début de leur AC.",
    )

    @model_validator(mode="after")
    def _lists_or_none(self) -> Self:
        if self.without_weak_key_files and self.weak_key_files:
            raise ValueError("without_weak_key_files = true, alors que weak_key_files nomme une liste")
        return self

    @model_validator(mode="after")
    def _renew_in_time(self) -> Self:
        # One failed publication must not leave the clients with an expired list: they would all be refused.
        if 2 * self.crl_refresh_minutes > 60 * self.crl_validity_hours:
            raise ValueError("crl_refresh_minutes : au plus la moitié de crl_validity_hours")
        return self


class PublicationLimits(HttpLimits):
    """As above; nothing that is asked here is long, and nobody needs to stay."""

    max_body_bytes: int = Field(
        default=16 * 1024, ge=1024, le=1024**2, description="Taille maximale d'une requête OCSP, en octets."
    )
    max_header_bytes: int = Field(
        default=8 * 1024, ge=1024, le=1024**2, description="Taille maximale des en-têtes d'une requête, en octets."
    )
    body_timeout_seconds: Seconds = Field(
        default=15, description="Délai accordé pour recevoir le corps entier d'une requête, en secondes."
    )
    idle_timeout_seconds: Seconds = Field(
        default=30, description="Durée pendant laquelle une connexion sans requête reste ouverte, en secondes."
    )


class PublicationSettings(Section):
    """What relying parties ask without TLS: OCSP, CRLs, certificates of the authorities. A proxy stands before it."""

    host: Literal["127.0.0.1", "::1", "localhost"] = Field(
        default="127.0.0.1", description="Adresse d'écoute : toujours locale, derrière un mandataire."
    )
    port: Port = Field(default=8480, description="Port d'écoute de la publication (HTTP sans TLS).")
    processes: int = Field(default=1, ge=0, le=256, description="Nombre de processus de publication ; 0 : aucun.")
    ocsp_keys_dir: LocalPath = Field(
        default=Path("pki/ocsp"), description="Dossier des clés des répondeurs OCSP, écrites par le traitement."
    )
    ocsp_pass_phrase_file: Secret = Field(
        default=SecretFile(Path("pki/ocsp.secret")), description="Phrase de passe des clés des répondeurs OCSP."
    )
    ocsp_signer_days: int = Field(
        default=30, ge=1, le=397, description="Vie d'un répondeur OCSP, en jours ; il est remplacé à la moitié."
    )
    ocsp_validity_minutes: int = Field(
        default=60, ge=2, le=10_080, description="Durée de validité d'une réponse OCSP, en minutes."
    )
    ocsp_ready_answers: int = Field(
        default=20_000,
        ge=4,
        le=4_000_000,
        description="Nombre de réponses OCSP tenues prêtes par chaque processus : une moitié pour les certificats "
        "demandés en dernier, l'autre pour les derniers émis, à deux réponses (SHA-1, SHA-256) de 3 ko environ par "
        "certificat. Chacune est signée à nouveau trois fois par durée de validité.",
    )
    cache_seconds: int = Field(
        default=300, ge=0, le=86_400, description="Durée pendant laquelle un mandataire peut garder ce qui est servi."
    )
    limits: PublicationLimits = Field(
        default=PublicationLimits(), description="Limites de la couche HTTP de la publication."
    )


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN_PATTERN = rf"^(?:\*\.?)?{_LABEL}(?:\.{_LABEL})+$"


class RegistrationSettings(Section):
    """What an operator decides about demandes, where the rules leave it to him."""

    ps_upn_domains: tuple[Annotated[str, Field(pattern=_DOMAIN_PATTERN, max_length=255)], ...] = Field(
        default=(),
        description="Domaines où l'offre PS peut avoir un UPN, qui ouvre des sessions Windows : `d` pour ce seul "
        "domaine, `*d` avec ses sous-domaines, `*.d` pour eux seuls ; en minuscules, les noms accentués en forme "
        "`xn--`. Par défaut aucun : un UPN est alors refusé sur l'offre PS.",
    )
    renewal_window_days: int = Field(
        default=30,
        ge=15,
        le=365,
        description="Un produit se renouvelle à partir de tant de jours (de 24 heures) avant la fin de son certificat, "
        "et jusqu'à 240 heures après ; l'avis d'expiration part au début de cette fenêtre.",
    )
    retrait_days: int = Field(
        default=10,
        ge=1,
        le=365,
        description="Délai de retrait d'un certificat, en jours de 24 heures depuis sa signature. Passé ce délai, la "
        "demande est annulée et le certificat révoqué. Un changement vaut pour ce qui est signé ensuite.",
    )
    retrait_grace_days: int = Field(
        default=10,
        ge=1,
        le=365,
        description="Délai laissé au moins aux certificats qu'une version sans date limite avait mis à retirer, en "
        "jours de 24 heures depuis le premier démarrage de celle-ci.",
    )


class BatchSettings(Section):
    """How the work is cut and how long it may take before somebody else takes it over."""

    workers: int | None = Field(
        default=None,
        ge=1,
        le=1_024,
        description="Nombre de processus qui signent. Par défaut : un par cœur et un de plus.",
    )
    chunk_size: int = Field(default=250, ge=1, le=1_000, description="Nombre de demandes signées par tâche, au plus.")
    page_size: int = Field(
        default=500, ge=1, le=2_000, description="Nombre de demandes par page d'un lot déposé, au plus."
    )
    lease_seconds: int = Field(
        default=120,
        ge=5,
        le=3_600,
        description="Durée après laquelle une tâche sans nouvelles est reprise, en secondes.",
    )
    max_attempts: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Nombre d'essais d'une tâche avant que ses demandes passent à l'état Non traitée.",
    )
    small_lot_limit: int = Field(
        default=20, ge=0, le=1_000, description="Taille jusqu'à laquelle un lot passe avec les demandes isolées."
    )
    relay_seconds: Seconds = Field(
        default=0.05,
        description="Intervalle entre deux lectures de la table des tâches à envoyer, en secondes, là où la base ne "
        "prévient pas le relais de ce qui y change (pooler devant PostgreSQL).",
    )

    def worker_count(self) -> int:
        """How many issuing processes to start: the setting, or one per core and one that works while others wait."""
        return self.workers or len(os.sched_getaffinity(0)) + 1


AccountName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class AccountsSettings(Section):
    """The account of each kind of process when root starts them all."""

    worker: AccountName | None = Field(
        default=None, description="Compte des processus de signature : lui seul peut lire les clés des AC."
    )
    relay: AccountName | None = Field(default=None, description="Compte du relais.")
    ws: AccountName | None = Field(default=None, description="Compte du service web.")
    portal: AccountName | None = Field(default=None, description="Compte du portail.")
    sans_login: AccountName | None = Field(
        default=None, description="Compte du site de révocation sans authentification, s'il est servi."
    )
    publication: AccountName | None = Field(default=None, description="Compte de la publication.")
    mailer: AccountName | None = Field(default=None, description="Compte de l'envoi des avis.")
    metrics: AccountName | None = Field(default=None, description="Compte du relevé des métriques, s'il est servi.")
    secrets_dir: LocalPath = Field(
        default=Path("/run/igc"),
        description="Dossier, de préférence en mémoire, où `igc serve` remet à chaque processus ses secrets, le temps "
        "de sa vie.",
    )

    @property
    def given(self) -> bool:
        """Whether processes have accounts of their own."""
        return self.worker is not None

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        names = [self.worker, self.relay, self.ws, self.portal, self.publication, self.mailer]
        given = [name for name in names if name is not None]
        if given and len(given) < len(names):
            raise ValueError("un compte pour chacun : worker, relay, ws, portal, publication et mailer")
        for name, other in (("sans_login", self.sans_login), ("metrics", self.metrics)):
            if other is not None:
                if not names[0]:
                    raise ValueError(f"{name} seul : un compte pour chacun des autres aussi")
                given.append(other)
        if len(set(given)) != len(given):
            raise ValueError("un compte différent pour chacun : aucun ne doit pouvoir lire ce qui est à un autre")
        return self


class LoggingSettings(Section):
    """What is written to the error output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Niveau des journaux.")
    format: Literal["json", "console"] = Field(
        default="json", description="Forme des journaux : une ligne JSON par évènement, ou du texte pour un terminal."
    )
