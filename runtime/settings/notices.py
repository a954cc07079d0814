"""The section of the settings about notices by mail, and the server that takes them. As ``sections``: French."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, model_validator

from runtime.settings.sections import LocalPath, Port, Secret, Section
from runtime.unseen import unseen_in


def _plain_name(value: str) -> str:
    if unseen_in(value) or any(sign in value for sign in "\r\n<>"):
        raise ValueError("un nom d'une ligne attendu, sans < ni > ni caractère invisible")
    return value


def _address(value: str) -> str:
    try:
        return (
            validate_email(value, check_deliverability=False, allow_smtputf8=False, test_environment=True).ascii_email
            or value
        )
    except EmailNotValidError:
        raise ValueError("adresse email mal formée") from None


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain_name)]
Address = Annotated[str, AfterValidator(_address)]


class SmtpSettings(Section):
    """The server that takes mail; without a host nothing is sent."""

    host: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="Serveur SMTP qui accepte les avis. Sans lui rien ne part : ils s'écrivent dans `notices.folder`.",
    )
    port: Port = Field(default=587, description="Port du serveur SMTP.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls` : TLS dès la connexion faite, jamais sans ; `tls` : TLS d'emblée (port 465) ; `none` : "
        "en clair, refusé sur PRODUCTION hors de cette machine. Le certificat du serveur est toujours vérifié.",
    )
    ca_file: LocalPath | None = Field(
        default=None,
        description="Certificats des AC qui ont émis celui du serveur, en PEM. Par défaut : celles du système.",
    )
    user: str = Field(default="", max_length=254, description="Compte du serveur SMTP ; vide : aucun.")
    password_file: Secret | None = Field(default=None, description="Mot de passe de ce compte.")
    timeout_seconds: float = Field(
        default=30, gt=0, le=300, description="Délai de la connexion et de chaque réponse du serveur, en secondes."
    )
    mails_per_connection: int = Field(
        default=200, ge=1, le=100_000, description="Nombre d'avis envoyés par connexion au plus."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user et password_file vont ensemble")
        if self.user and self.security == "none":
            raise ValueError("un mot de passe ne s'envoie pas en clair : security = starttls ou tls")
        return self


class NoticesSettings(Section):
    """Notices by mail: from whom, by which way, how long they are kept."""

    issuer: Name = Field(
        default="IGC Santé",
        description="Nom de l'émetteur, au début de l'objet de chaque avis : « <nom> - Produits de Certification ».",
    )
    sender: Address = Field(
        default="ne-pas-repondre@igc.example", description="Adresse d'où partent les avis (From et enveloppe)."
    )
    folder: LocalPath = Field(
        default=Path("avis"),
        description="Dossier où s'écrivent les avis, un fichier .eml chacun, quand aucun serveur SMTP n'est donné.",
    )
    smtp: SmtpSettings = Field(default=SmtpSettings(), description="Serveur SMTP.")
    give_up_hours: int = Field(
        default=120,
        ge=1,
        le=720,
        description="Heures pendant lesquelles un avis que le serveur repousse est essayé à nouveau.",
    )
    keep_days: int = Field(
        default=90,
        ge=1,
        le=3_650,
        description="Jours pendant lesquels on garde trace d'un avis envoyé ou refusé : à qui, quand, quelle réponse. "
        "Les fichiers de `notices.folder` sont gardés aussi longtemps.",
    )

    @model_validator(mode="after")
    def _has_a_sender(self) -> Self:
        if self.smtp.host is not None and "sender" not in self.model_fields_set:
            raise ValueError("smtp.host est donné : sender aussi, l'adresse d'où partent les avis")
        return self
