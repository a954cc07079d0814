"""The one input of a ceremony: which authorities to make, under which names, with which settings.

A commented example stands beside this file, in ceremony.example.toml. Defaults are fictitious.
"""

import unicodedata
from collections import Counter
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from pki.certificates.profiles import (
    CARD_CATEGORY_PRODUCTION,
    CARD_CATEGORY_TEST,
    CARD_PRODUCTS,
    CATEGORY_PRODUCTION,
    CATEGORY_TEST,
    DELTA_IN_DIRECTORY,
    ORGANISATION_PRODUCTS,
    PERSON_PRODUCTS,
    PRODUCTS,
    ProfileSettings,
)
from pki.errors import CeremonyError
from pki.wording import in_french
from runtime.unseen import unseen_in

_Text = Annotated[str, Meta(min_length=1, max_length=50)]
_ShortName = Annotated[str, Meta(pattern=r"^[A-Z0-9][A-Z0-9-]{1,30}$")]
_Years = Annotated[int, Meta(ge=1, le=30)]


KeyPlace = Literal["software", "pkcs11"]
_Serial = Annotated[str, Meta(pattern="^[0-9a-f]{2,40}$")]


class RevokedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An issuing CA that the root has revoked: the serial of its certificate in hexadecimal, and when."""

    serial: _Serial
    revoked_at: datetime
    reason: Literal["unspecified", "keyCompromise", "cACompromise", "superseded", "cessationOfOperation"]


class RootConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The root. On plateforme TEST the short name ends with -TEST and the common name begins with TEST.

    The key of an `offline` root is never on the machine of the platform: certificates and CRLs are carried by file.
    `crl_days` is the term of its CRLs, `revoked` what they list.
    """

    short_name: _ShortName = "ACR-EL"
    common_name: _Text = "AC RACINE IGC EXEMPLE ELEMENTAIRE"
    key: KeyPlace = "software"
    offline: bool = False
    crl_days: Annotated[int, Meta(ge=1, le=400)] = 365
    revoked: tuple[RevokedConfig, ...] = ()


class IssuingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One issuing CA and the products that it may issue. Two of them may share a common name, with a key each."""

    short_name: _ShortName
    common_name: _Text
    products: tuple[str, ...]
    key: KeyPlace = "software"


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A TLS listener of the platform itself: its certificate and key become `<name>.pem` and `<name>.key`."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,30}$")]
    dns_names: Annotated[tuple[str, ...], Meta(min_length=1, max_length=5)]
    ip_addresses: tuple[str, ...] = ()
    state: str
    organization: str
    organizational_unit: str


_ISSUING = (
    IssuingConfig(
        short_name="ACI-EL-PP",
        common_name="AC IGC EXEMPLE ELEMENTAIRE PERSONNES",
        products=PERSON_PRODUCTS,
    ),
    IssuingConfig(
        short_name="ACI-EL-ORG",
        common_name="AC IGC EXEMPLE ELEMENTAIRE ORGANISATIONS",
        products=ORGANISATION_PRODUCTS,
    ),
    IssuingConfig(
        short_name="ACI-CARTES",
        common_name="AC IGC EXEMPLE CARTES PERSONNES",
        products=CARD_PRODUCTS,
    ),
)


class CeremonyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a ceremony makes. `settings` names only the profile settings that differ from the plateforme's defaults."""

    plateforme: Literal["TEST", "PRODUCTION"]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "FR"
    organization: _Text = "IGC EXEMPLE"
    identifier: _Text = "0002 000000000"
    infrastructure: _Text = "IGC-EXEMPLE"
    key_bits: Literal[2048, 3072, 4096] = 4096
    validity_years: _Years = 20
    root: RootConfig = RootConfig()
    issuing: Annotated[tuple[IssuingConfig, ...], Meta(min_length=1)] = _ISSUING
    servers: tuple[ServerConfig, ...] = ()
    settings: dict[str, object] = {}

    def short_name(self, plain: str) -> str:
        """Return a short name as it stands on this plateforme."""
        return f"{plain}-TEST" if self.plateforme == "TEST" else plain

    def common_name(self, plain: str) -> str:
        """Return a common name as it stands on this plateforme."""
        return f"TEST {plain}" if self.plateforme == "TEST" else plain

    def infrastructure_name(self) -> str:
        """Return the second OU of every authority."""
        return f"{self.infrastructure} TEST" if self.plateforme == "TEST" else self.infrastructure


def read_config(text: str) -> CeremonyConfig:
    """Return the configuration of a TOML text, composed as certificates want it; CeremonyError names what is wrong."""
    try:
        # RFC 5280 §7.1: some keyboards write an accent as a character of its own.
        config = msgspec.toml.decode(unicodedata.normalize("NFC", text), type=CeremonyConfig)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CeremonyError(f"fichier de cérémonie : {in_french(error)}") from None
    check_config(config)
    return config


def _check_names(config: CeremonyConfig) -> None:
    """Files, rows and addresses bear these names: what stands twice would overwrite itself."""
    for what, names in (
        ("deux AC ont le même short_name", [config.root.short_name, *(one.short_name for one in config.issuing)]),
        ("deux servers ont le même name", [server.name for server in config.servers]),
        ("un même serial est deux fois dans revoked", [int(entry.serial, 16) for entry in config.root.revoked]),
    ):
        if twice := [name for name, count in Counter[object](names).items() if count > 1]:
            shown = f"{twice[0]:x}" if isinstance(twice[0], int) else twice[0]
            raise CeremonyError(f"fichier de cérémonie : {what}, {shown}")


def _check_addresses(settings: ProfileSettings) -> None:
    """Each authority publishes under addresses of its own."""
    for key in ("crl_url", "crl_ldap_url", "delta_crl_url", "delta_crl_ldap_url", "ca_issuers_url"):
        template: str = getattr(settings, key)
        if template and "{short_name}" not in template and "{dn}" not in template:
            raise CeremonyError(
                f"fichier de cérémonie : settings, {key} : toutes les AC auraient cette adresse ; "
                "y mettre {short_name} ou {dn}"
            )


def check_config(config: CeremonyConfig) -> ProfileSettings:
    """Return the profile settings of a configuration; CeremonyError when the parts do not fit together."""
    _check_names(config)
    common_names = (config.root.common_name, *(issuing.common_name for issuing in config.issuing))
    for value in (config.organization, config.identifier, config.infrastructure, *common_names):
        if (found := unseen_in(value)) or value != value.strip():
            what = f"contient {found}" if found else "commence ou finit par un blanc"
            raise CeremonyError(f"fichier de cérémonie : {value!a} {what}")
    if config.root.revoked and not config.root.offline:
        # The lists of a root that is here are made of the database, which has no row for an authority.
        raise CeremonyError(
            "fichier de cérémonie : revoked ne vaut que pour une racine hors ligne ; ici, rien ne le publierait"
        )
    if any(entry.revoked_at.tzinfo is None for entry in config.root.revoked):
        raise CeremonyError("fichier de cérémonie : date de révocation sans fuseau (écrire 2027-01-01T00:00:00Z)")
    for issuing in config.issuing:
        if unknown := set(issuing.products) - PRODUCTS.keys():
            raise CeremonyError(f"fichier de cérémonie : produits inconnus : {', '.join(sorted(unknown))}")
    defaults = msgspec.to_builtins(default_settings(config.plateforme))
    if "delta_crl_url" in config.settings:
        # A file from before the second address means the one it names, or none at all when that is empty.
        defaults["delta_crl_ldap_url"] = ""
    try:
        settings = msgspec.convert(defaults | config.settings, ProfileSettings)
    except msgspec.ValidationError as error:
        raise CeremonyError(f"fichier de cérémonie : {in_french(error, 'settings')}") from None
    _check_addresses(settings)
    return settings


def default_settings(plateforme: str) -> ProfileSettings:
    """Return the profile settings of a new hierarchy with fictitious names; policy, CPS and categories differ."""
    deltas = ProfileSettings(
        delta_crl_url="http://igc.example/CRL/{short_name}-delta.crl", delta_crl_ldap_url=DELTA_IN_DIRECTORY
    )
    if plateforme == "TEST":
        return replace(
            deltas,
            policy_oid="1.3.6.1.4.1.32473.213.1.1",
            cps_uri="http://igc.example/PC%20TEST",
            category=CATEGORY_TEST,
            card_category=CARD_CATEGORY_TEST,
            ca_issuers_url="http://igc.example/AC%20TEST/{short_name}.cer",
        )
    return replace(
        deltas,
        policy_oid="1.3.6.1.4.1.32473.213.1.2",
        cps_uri="http://igc.example/PC",
        category=CATEGORY_PRODUCTION,
        card_category=CARD_CATEGORY_PRODUCTION,
        ca_issuers_url="http://igc.example/AC/{short_name}.cer",
    )
