"""What each product's certificate looks like, as one table, and the settings of an instance.

The table follows the shape of the real platform's certificates; names, OIDs and URLs are settings with fictitious
defaults. Not here: how a certificate is built (issuance.py) or checked (lint.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Meta


class San(Enum):
    """What subjectAltName holds for a product."""

    NONE = "none"
    DNS = "dns"  # 1 to 5 dNSName, mandatory, the first one repeats the common name
    SERVER = "server"  # as DNS, and for our own listeners also localhost and iPAddress
    EMAIL = "email"  # rfc822Name, mandatory
    EMAIL_OPTIONAL = "email-optional"
    UPN_OPTIONAL = "upn-optional"  # otherName; asks for smartcardLogon beside clientAuth
    UPN = "upn"  # otherName, mandatory


class KeyUsageBit(Enum):
    """The named bits of KeyUsage that leaf certificates use (RFC 5280 §4.2.1.3); values are the bit numbers."""

    DIGITAL_SIGNATURE = 0
    NON_REPUDIATION = 1
    KEY_ENCIPHERMENT = 2


# Subjects in encoding order; several names in one entry form one multi-valued RDN.
_STRUCTURE_SUBJECT = (
    ("country",),
    ("state",),
    ("organization",),
    ("organizational_unit",),
    ("common_name",),
)
_PERSON_RDN = ("given_name", "common_name", "surname")
_PERSON_SUBJECT = (("country",), ("title",), _PERSON_RDN)
_STAFF_SUBJECT = (
    ("country",),
    ("state",),
    ("organization",),
    ("organizational_unit",),
    ("title",),
    _PERSON_RDN,
)

SMARTCARD_LOGON = "1.3.6.1.4.1.311.20.2.2"
UPN_OID = "1.3.6.1.4.1.311.20.2.3"

_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
_EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string
_ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string

_SIGNATURE = frozenset({KeyUsageBit.DIGITAL_SIGNATURE})
_REPUDIATION = frozenset({KeyUsageBit.NON_REPUDIATION})
_ENCIPHERMENT = frozenset({KeyUsageBit.KEY_ENCIPHERMENT})


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Profile:
    """One product: subject, key usages, alternative names, private extensions. One object each, compared as such."""

    product: str
    label: str
    subject: tuple[tuple[str, ...], ...]
    key_usage: frozenset[KeyUsageBit]
    extended_key_usage: tuple[str, ...]
    san: San = San.NONE
    private_key_usage_period: bool = False
    person: bool = False
    card_type: int | None = None  # TRE_G02 TypeProduit: 0 CPS, 1 CPF, 2 CPE and CDE, 3 CPA and CDA

    @property
    def admits_p256(self) -> bool:
        """Whether an EC key can do what the product is for: it signs, and cannot encipher a key (RFC 5480 §3)."""
        return KeyUsageBit.KEY_ENCIPHERMENT not in self.key_usage

    @property
    def subject_fields(self) -> frozenset[str]:
        """The names of the fields that the subject is made of."""
        return _fields_of(self.subject)


@lru_cache
def _fields_of(subject: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    return frozenset(field for rdn in subject for field in rdn)


def _structure(
    product: str,
    label: str,
    key_usage: frozenset[KeyUsageBit],
    extended: tuple[str, ...],
    san: San = San.NONE,
    *,
    period: bool = False,
) -> Profile:
    return Profile(
        product=product,
        label=label,
        subject=_STRUCTURE_SUBJECT,
        key_usage=key_usage,
        extended_key_usage=extended,
        san=san,
        private_key_usage_period=period,
    )


def _person(offre: str, subject: tuple[tuple[str, ...], ...]) -> tuple[Profile, ...]:
    """Return the three products of a person: AUTH, SIGN (nonRepudiation alone), CONF."""
    return (
        Profile(
            product=f"{offre}_AUTH",
            label="AUTH",
            subject=subject,
            person=True,
            key_usage=_SIGNATURE,
            extended_key_usage=(_CLIENT,),
            san=San.UPN_OPTIONAL,
        ),
        Profile(
            product=f"{offre}_SIGN",
            label="SIGN",
            subject=subject,
            person=True,
            key_usage=_REPUDIATION,
            extended_key_usage=(_EMAIL,),
            san=San.EMAIL_OPTIONAL,
            private_key_usage_period=True,
        ),
        Profile(
            product=f"{offre}_CONF",
            label="CONF",
            subject=subject,
            person=True,
            key_usage=_ENCIPHERMENT,
            extended_key_usage=(_EMAIL, _ANY),
            san=San.EMAIL_OPTIONAL,
        ),
    )


def _card(product: str, subject: tuple[tuple[str, ...], ...], card_type: int) -> Profile:
    return Profile(
        product=product,
        label="AUTH",
        subject=subject,
        person=True,
        key_usage=_SIGNATURE,
        extended_key_usage=(_CLIENT, SMARTCARD_LOGON),
        san=San.UPN,
        card_type=card_type,
    )


_SEAL = _SIGNATURE | _REPUDIATION  # an organisation's seal ("cachet")
_EXCHANGE = _SIGNATURE | _ENCIPHERMENT

_TABLE = (
    _structure("ORG_AUTH_CLI", "AUTH_CLI", _SIGNATURE, (_CLIENT,)),
    _structure("ORG_SIGN", "SIGN", _SEAL, (_EMAIL,), period=True),
    _structure("ORG_CONF", "CONF", _ENCIPHERMENT, (_EMAIL, _ANY)),
    _structure("SERV_SSL_SERV", "SSL_SERV", _EXCHANGE, (_SERVER, _CLIENT), San.DNS),
    _structure("SERV_SIGN", "SIGN", _SEAL, (_EMAIL,), San.EMAIL, period=True),
    _structure("SERV_SMIME", "S/MIME", _EXCHANGE, (_EMAIL,), San.EMAIL),
    _structure("SERV_CONF", "CONF", _ENCIPHERMENT, (_EMAIL, _ANY), San.EMAIL),
    *_person("PS", _PERSON_SUBJECT),
    *_person("PRO", _STAFF_SUBJECT),
    # Not products of the catalogue: what the platform itself and its card holders log in with.
    _card("CPS_AUTH", _PERSON_SUBJECT, 0),
    _card("CPF_AUTH", _PERSON_SUBJECT, 1),
    _card("CPE_AUTH", _STAFF_SUBJECT, 2),
    _card("CPA_AUTH", _STAFF_SUBJECT, 3),
    _structure("TLS_SERVER", "TLS_SERVER", _EXCHANGE, (_SERVER,), San.SERVER),
)

PRODUCTS: Mapping[str, Profile] = MappingProxyType({profile.product: profile for profile in _TABLE})

PERSON_PRODUCTS = ("PS_AUTH", "PS_SIGN", "PS_CONF", "PRO_AUTH", "PRO_SIGN", "PRO_CONF")
ORGANISATION_PRODUCTS = (
    "ORG_AUTH_CLI",
    "ORG_SIGN",
    "ORG_CONF",
    "SERV_SSL_SERV",
    "SERV_SIGN",
    "SERV_SMIME",
    "SERV_CONF",
    "TLS_SERVER",
)
CARD_PRODUCTS = ("CPS_AUTH", "CPF_AUTH", "CPE_AUTH", "CPA_AUTH")

# Category of a certificate (TRE_G01 CategorieProduit): the TEST value has the high bit set.
CATEGORY_PRODUCTION = 0x03
CATEGORY_TEST = 0x83
CARD_CATEGORY_PRODUCTION = 0x00
CARD_CATEGORY_TEST = 0x80

# SubjectPublicKeyInfo of EC on P-256 with an uncompressed point (RFC 5480 §2): everything but the point is fixed.
P256_SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")

# What these allow is enforced when settings are read from a file.
_Oid = Annotated[str, Meta(pattern=r"^[0-2](\.(0|[1-9][0-9]*)){2,20}$")]
_Uri = Annotated[str, Meta(pattern=r"^[!-z|~]+$")]
_UriTemplate = Annotated[str, Meta(pattern=r"^([!-z|~]|\{short_name\}|\{dn\})*$")]
_Octet = Annotated[int, Meta(ge=0, le=255)]


class PrivateOids(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The OIDs of the private extensions; each is the OID of the nomenclature that defines its values.

    The defaults hang below the enterprise number that RFC 5612 reserves for examples.
    """

    category: _Oid = "1.3.6.1.4.1.32473.71.1.2.5"
    card_type: _Oid = "1.3.6.1.4.1.32473.71.1.2.2"
    card_number: _Oid = "1.3.6.1.4.1.32473.71.1.2.3"
    profession: _Oid = "1.3.6.1.4.1.32473.71.1.2.7"
    training: _Oid = "1.3.6.1.4.1.32473.71.1.2.8"
    specialities: _Oid = "1.3.6.1.4.1.32473.71.4.2.5"
    pharmacist_table: _Oid = "1.3.6.1.4.1.32473.71.4.2.6"


DELTA_IN_DIRECTORY = "ldap://annuaire.igc.example/{dn}?deltarevocationlist;binary?base?objectClass=pkiCA"


class ProfileSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an instance decides about its certificates. Read from the index beside the CA certificates.

    URL templates may use {short_name} and {dn}: the CA's directory entry, percent-encoded for an LDAP URL (RFC 4516).
    An empty template leaves its extension or its distribution point out.

    A default here is what the absence of a key means in an index, and therefore never changes: certificates of an
    authority that exists would change with it. What new authorities begin with is hierarchy.default_settings.
    """

    policy_oid: _Oid = "1.3.6.1.4.1.32473.213.1.1"
    cps_uri: _Uri = "http://igc.example/PC"
    category: _Octet = CATEGORY_TEST
    card_category: _Octet = CARD_CATEGORY_TEST
    validity_years: Annotated[int, Meta(ge=1, le=5)] = 3
    # Order of the extensions, method of the subject key identifier, and one month more for SIGN in generation 1.
    generation: Literal[1, 2] = 2
    # The one rule for overlong values: the organization alone is cut, at this many characters, and a blank left at
    # the cut is dropped; any other value beyond its bound is refused.
    organization_length: Annotated[int, Meta(ge=1, le=64)] = 40
    # Subject keys: RSA-2048 always; EC on P-256 too when set, for the products that encipher nothing.
    p256: bool = False
    crl_url: _UriTemplate = "http://igc.example/CRL/{short_name}.crl"
    crl_ldap_url: _UriTemplate = (
        "ldap://annuaire.igc.example/{dn}?certificaterevocationlist;binary?base?objectClass=pkiCA"
    )
    # freshestCRL: first and second address of the deltas. Without either, the authority has no deltas.
    delta_crl_url: _UriTemplate = DELTA_IN_DIRECTORY
    delta_crl_ldap_url: _UriTemplate = ""
    ocsp_url: _UriTemplate = "http://ocsp.igc.example"
    ca_issuers_url: _UriTemplate = "http://igc.example/AC/{short_name}.cer"
    private_oids: PrivateOids = PrivateOids()
    # Extended key usage of the key that signs checkpoints of the audit trail.
    seal_key_usage_oid: _Oid = "1.3.6.1.4.1.32473.71.9.1"

    @property
    def delta_addresses(self) -> tuple[str, ...]:
        """The URL templates of the deltas in the order of freshestCRL; empty when the authority has no deltas."""
        return tuple(template for template in (self.delta_crl_url, self.delta_crl_ldap_url) if template)
