"""What each product's certificate must be: written down a second time, from the description of the real platform.

On purpose nothing here is taken from the code that issues: the two tables must agree by being right, not by being one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from types import MappingProxyType

COUNTRY, STATE, ORGANIZATION, UNIT = "2.5.4.6", "2.5.4.8", "2.5.4.10", "2.5.4.11"
COMMON_NAME, TITLE, SURNAME, GIVEN_NAME = "2.5.4.3", "2.5.4.12", "2.5.4.4", "2.5.4.42"

ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        COUNTRY: "countryName",
        STATE: "stateOrProvinceName",
        ORGANIZATION: "organizationName",
        UNIT: "organizationalUnitName",
        COMMON_NAME: "commonName",
        TITLE: "title",
        SURNAME: "surname",
        GIVEN_NAME: "givenName",
    }
)
# RFC 5280 appendix A.1, in characters; names of persons are held to 64 as well.
LONGEST: Mapping[str, int] = MappingProxyType(
    {COUNTRY: 2, STATE: 128, ORGANIZATION: 64, UNIT: 64, COMMON_NAME: 64, TITLE: 64, SURNAME: 64, GIVEN_NAME: 64}
)

CLIENT_AUTH, SERVER_AUTH, EMAIL = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4"
ANY_PURPOSE, SMARTCARD, OCSP_SIGNING = "2.5.29.37.0", "1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.5.7.3.9"

# KeyUsage (RFC 5280 §4.2.1.3) as DER: named bits, the zeros at the end left out.
SIGNS = bytes.fromhex("03020780")  # digitalSignature
COMMITS = bytes.fromhex("03020640")  # nonRepudiation alone
SEALS = bytes.fromhex("030206c0")  # digitalSignature, nonRepudiation
ENCIPHERS = bytes.fromhex("03020520")  # keyEncipherment
EXCHANGES = bytes.fromhex("030205a0")  # digitalSignature, keyEncipherment


class Names(Enum):
    """What subjectAltName holds."""

    NONE = auto()
    SERVERS = auto()  # 1 to 5 dNSName, the first is the common name
    LISTENER = auto()  # as SERVERS, then iPAddress
    MAIL = auto()  # one rfc822Name
    MAIL_IF_ASKED = auto()
    UPN = auto()  # one otherName
    UPN_IF_ASKED = auto()  # with it also smartcardLogon


@dataclass(frozen=True, eq=False, slots=True)
class Form:
    """The form of one product. ``asked_for`` is whether it is in the catalogue, so that a demande stands behind it."""

    product: str
    subject: tuple[tuple[str, ...], ...]
    key_usage: bytes
    purposes: tuple[str, ...]
    names: Names = Names.NONE
    period: bool = False
    card: int | None = None
    asked_for: bool = True

    @property
    def admits_p256(self) -> bool:
        """Whether an EC key can serve it: one that enciphers nothing."""
        return self.key_usage not in (ENCIPHERS, EXCHANGES)

    @property
    def person(self) -> bool:
        """Whether it names a person."""
        return (GIVEN_NAME, COMMON_NAME, SURNAME) in self.subject


_OF_STRUCTURE = ((COUNTRY,), (STATE,), (ORGANIZATION,), (UNIT,))
_SERVICE = (*_OF_STRUCTURE, (COMMON_NAME,))
_PERSON = (GIVEN_NAME, COMMON_NAME, SURNAME)  # one RDN, in whatever order DER puts its members
_PS = ((COUNTRY,), (TITLE,), _PERSON)
_PRO = (*_OF_STRUCTURE, (TITLE,), _PERSON)

# Validity and lists begin before their signature, for clocks that are behind: an hour at most by the settings, and the
# wait for the database besides.
MOST_BACKDATED = timedelta(minutes=75)

OCSP_SIGNER = "OCSP_SIGNER"

_FORMS = (
    Form("ORG_AUTH_CLI", _SERVICE, SIGNS, (CLIENT_AUTH,)),
    Form("ORG_SIGN", _SERVICE, SEALS, (EMAIL,), period=True),
    Form("ORG_CONF", _SERVICE, ENCIPHERS, (EMAIL, ANY_PURPOSE)),
    Form("SERV_SSL_SERV", _SERVICE, EXCHANGES, (SERVER_AUTH, CLIENT_AUTH), Names.SERVERS),
    Form("SERV_SIGN", _SERVICE, SEALS, (EMAIL,), Names.MAIL, period=True),
    Form("SERV_SMIME", _SERVICE, EXCHANGES, (EMAIL,), Names.MAIL),
    Form("SERV_CONF", _SERVICE, ENCIPHERS, (EMAIL, ANY_PURPOSE), Names.MAIL),
    Form("PRO_AUTH", _PRO, SIGNS, (CLIENT_AUTH,), Names.UPN_IF_ASKED),
    Form("PRO_SIGN", _PRO, COMMITS, (EMAIL,), Names.MAIL_IF_ASKED, period=True),
    Form("PRO_CONF", _PRO, ENCIPHERS, (EMAIL, ANY_PURPOSE), Names.MAIL_IF_ASKED),
    Form("PS_AUTH", _PS, SIGNS, (CLIENT_AUTH,), Names.UPN_IF_ASKED),
    Form("PS_SIGN", _PS, COMMITS, (EMAIL,), Names.MAIL_IF_ASKED, period=True),
    Form("PS_CONF", _PS, ENCIPHERS, (EMAIL, ANY_PURPOSE), Names.MAIL_IF_ASKED),
    # What the plateforme and the holders of cards log in with.
    Form("CPS_AUTH", _PS, SIGNS, (CLIENT_AUTH, SMARTCARD), Names.UPN, card=0, asked_for=False),
    Form("CPF_AUTH", _PS, SIGNS, (CLIENT_AUTH, SMARTCARD), Names.UPN, card=1, asked_for=False),
    Form("CPE_AUTH", _PRO, SIGNS, (CLIENT_AUTH, SMARTCARD), Names.UPN, card=2, asked_for=False),
    Form("CPA_AUTH", _PRO, SIGNS, (CLIENT_AUTH, SMARTCARD), Names.UPN, card=3, asked_for=False),
    Form("TLS_SERVER", _SERVICE, EXCHANGES, (SERVER_AUTH,), Names.LISTENER, asked_for=False),
)
FORMS: Mapping[str, Form] = MappingProxyType({form.product: form for form in _FORMS})

SEAL = "AUDIT_SEAL"

# The certificates of an authority's own helpers: the authority's name behind a word of their own, one key usage, and
# one purpose (None: the one of the settings).
HELPERS: Mapping[str, tuple[str, bytes, str | None]] = MappingProxyType(
    {OCSP_SIGNER: ("OCSP ", SIGNS, OCSP_SIGNING), SEAL: ("SCELLEMENT ", SIGNS, None)}
)
