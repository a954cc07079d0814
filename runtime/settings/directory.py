"""The section of the settings about the directory, and about an LDAP server that is asked. As ``sections``: French."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from runtime.settings.sections import LocalPath, Secret, Section

_ATTRIBUTE = r"^[A-Za-z][A-Za-z0-9-]{0,63}$"
_Attribute = Annotated[str, Field(pattern=_ATTRIBUTE)]
_MaybeAttribute = Annotated[str, Field(pattern=rf"{_ATTRIBUTE}|^$")]


class LdapAttributes(Section):
    """What the entries of the LDAP directory are made of."""

    structure_class: _Attribute = Field(default="organization", description="Classe (objectClass) des structures.")
    structure_id: _Attribute = Field(
        default="ou", description="Attribut de l'identifiant national d'une structure (Struct_IdNat)."
    )
    raison_sociale: _Attribute = Field(default="o", description="Attribut de la raison sociale.")
    departement: _Attribute = Field(
        default="st", description="Attribut du département : code, nom, ou les deux comme dans `Paris (75)`."
    )
    personne_class: _Attribute = Field(default="inetOrgPerson", description="Classe (objectClass) des personnes.")
    personne_id: _Attribute = Field(
        default="uid", description="Attribut de l'identifiant national d'une personne (PS_IdNat)."
    )
    nom: _Attribute = Field(default="sn", description="Attribut du nom.")
    prenom: _Attribute = Field(default="givenName", description="Attribut du prénom.")
    titre: _Attribute = Field(default="title", description="Attribut du titre, qui figure dans le certificat.")
    structures: _Attribute = Field(
        default="ou", description="Attribut, à plusieurs valeurs, des structures où travaille une personne."
    )
    type_personne: _MaybeAttribute = Field(
        default="employeeType",
        description="Attribut du type (PS, PF, PA ou PE) ; vide, ou autre valeur : PS pour un identifiant RPPS ou "
        "ADELI, PE sinon.",
    )
    code_profession: _MaybeAttribute = Field(
        default="", description="Attribut du code de profession d'un PS ; vide : aucun."
    )
    code_formation: _MaybeAttribute = Field(default="", description="Attribut du code de formation d'un PF.")
    savoir_faire: _MaybeAttribute = Field(default="", description="Attribut du code de spécialité.")
    tableau_pharmacien: _MaybeAttribute = Field(default="", description="Attribut de la section d'un pharmacien.")


class LdapSettings(Section):
    """An LDAP directory that is asked for whom no import knows."""

    url: str | None = Field(
        default=None,
        description="Serveur : `ldaps://hote:636`, ou `ldap://hote:389` avec `starttls = true`. Ni compte ni base ici. "
        "Sur PRODUCTION, hors de cette machine : TLS, `ca_file`, compte et mot de passe.",
    )
    starttls: bool = Field(default=False, description="Passer en TLS avant toute autre chose (`ldap://` seulement).")
    ca_file: LocalPath | None = Field(
        default=None, description="Certificats des AC qui ont émis celui du serveur, en PEM. Il est toujours vérifié."
    )
    bind_dn: str = Field(default="", description="Compte (DN) par lequel on interroge ; vide : anonyme.")
    password_file: Secret | None = Field(default=None, description="Mot de passe de ce compte.")
    structures_base: str = Field(default="", description="DN sous lequel sont les structures.")
    personnes_base: str = Field(default="", description="DN sous lequel sont les personnes.")
    timeout_seconds: float = Field(
        default=5, gt=0, le=60, description="Délai d'une question, connexion comprise, en secondes."
    )
    retry_seconds: float = Field(
        default=15,
        ge=0,
        le=3_600,
        description="Après un silence, durée pendant laquelle un dépôt n'attend plus l'annuaire, en secondes.",
    )
    fresh_seconds: float = Field(
        default=3_600,
        ge=0,
        le=604_800,
        description="Durée pendant laquelle une réponse fait foi avant d'être redemandée, en secondes.",
    )
    page_size: int = Field(default=200, ge=1, le=10_000, description="Entrées par page de résultats (RFC 2696).")
    max_entries: int = Field(
        default=2_000, ge=1, le=100_000, description="Nombre d'entrées au-delà duquel une recherche est trop large."
    )
    attributes: LdapAttributes = Field(default=LdapAttributes(), description="Noms des attributs.")

    @model_validator(mode="after")
    def _is_an_address(self) -> Self:
        if self.url is None:
            return self
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError:
            raise ValueError("url : adresse mal formée") from None
        if parts.scheme not in {"ldap", "ldaps", "ldapi"} or not (parts.hostname or parts.scheme == "ldapi"):
            raise ValueError("url : ldaps://..., ldap://... ou ldapi://... attendu")
        if parts.username is not None or parts.path not in {"", "/"} or parts.query or parts.fragment or port == 0:
            raise ValueError("url : ni compte, ni base, ni filtre dans cette adresse")
        if self.starttls and parts.scheme != "ldap":
            raise ValueError("starttls : avec une adresse ldap:// seulement")
        if bool(self.bind_dn) != (self.password_file is not None):
            raise ValueError("bind_dn et password_file vont ensemble")
        return self


class DirectorySettings(Section):
    """Where structures and persons are looked for."""

    source: Literal["tables", "ldap"] = Field(
        default="tables",
        description="`tables` : ce que `igc directory import` a fait entrer ; `ldap` : on demande en plus à un "
        "annuaire LDAP ceux que les tables ne connaissent pas, et les recherches se font chez lui.",
    )
    ldap: LdapSettings = Field(default=LdapSettings(), description="Annuaire LDAP.")

    @model_validator(mode="after")
    def _ldap_is_set(self) -> Self:
        if self.source == "ldap" and not (self.ldap.url and self.ldap.structures_base and self.ldap.personnes_base):
            raise ValueError("source = ldap : ldap.url, ldap.structures_base et ldap.personnes_base attendus")
        return self
