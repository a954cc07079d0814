"""What a certificate says about its holder: the values, their bounds, and the subject name made of them.

Values come from the registration authority, never from a request. Whether they are true is not decided here, only
whether they fit the profile and RFC 5280.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki.certificates import der
from pki.certificates.profiles import PRODUCTS, Profile, San
from pki.errors import ProfileError
from runtime.unseen import unseen_in

ORGANIZATION_LENGTH = 40
MAX_DNS_NAMES = 5

_OIDS = {
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "common_name": NameOID.COMMON_NAME,
    "title": NameOID.TITLE,
    "surname": NameOID.SURNAME,
    "given_name": NameOID.GIVEN_NAME,
}
# Upper bounds of RFC 5280 appendix A.1, counted in characters; names of persons are held to 64 as well.
# The organization is cut instead (see subject_of), so that only what is absurd is refused.
BOUNDS = {
    "country": 2,
    "state": 128,
    "organization": 512,
    "organizational_unit": 64,
    "common_name": 64,
    "title": 64,
    "surname": 64,
    "given_name": 64,
}
_DISPLAY = (
    ("common_name", "CN"),
    ("surname", "SN"),
    ("given_name", "GN"),
    ("title", "TITLE"),
    ("organizational_unit", "OU"),
    ("organization", "O"),
    ("state", "ST"),
    ("country", "C"),
)
_PERSON_ONLY = ("profession", "training", "specialities", "pharmacist_table")

_COUNTRY = re.compile(r"[A-Z]{2}")
_DNS_NAME = re.compile(
    r"(?=.{4,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_EMAIL = re.compile(r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<domain>[^@]+)")
_UPN = re.compile(r"(?=.{3,255}\Z)[^@\s]+@[^@\s]+")
_CARD_NUMBER = re.compile(r"[0-9]{10}/[0-9]{10}")
_SPECIALITY = re.compile(r"[A-Z0-9]{2,10}")
_TABLE = re.compile(r"[A-Z]{1,3}")
_LARGEST_CODE = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateContent:
    """The values of one certificate; only those that the profile of `product` names may be given.

    `dns_names` holds A-labels, the first equal to `common_name`; `profession` and `training` are codes of TRE_G15
    and TRE_G16, `specialities` of TRE_R38, `pharmacist_table` of TRE_G05.
    """

    product: str
    common_name: str
    country: str = "FR"
    state: str | None = None
    organization: str | None = None
    organizational_unit: str | None = None
    title: str | None = None
    surname: str | None = None
    given_name: str | None = None
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email: str | None = None
    upn: str | None = None
    profession: int | None = None
    training: int | None = None
    specialities: tuple[str, ...] = ()
    pharmacist_table: str | None = None
    card_number: str | None = None


def check_content(content: CertificateContent) -> Profile:
    """Return the profile that the content fits, or raise ProfileError with the first misfit."""
    profile = PRODUCTS.get(content.product)
    if profile is None:
        raise ProfileError("product", "unknown product")
    _check_subject(content, profile)
    _check_alternative_names(content, profile)
    _check_private(content, profile)
    return profile


def _check_subject(content: CertificateContent, profile: Profile) -> None:
    wanted = profile.subject_fields
    for field, bound in BOUNDS.items():
        value = getattr(content, field)
        if field in wanted:
            _check_text(field, value, bound)
        elif value is not None:
            raise ProfileError(field, "not part of this profile")
    if not _COUNTRY.fullmatch(content.country):
        raise ProfileError("country", "two capital letters expected")


def _check_text(field: str, value: str | None, bound: int) -> None:
    if not value:
        raise ProfileError(field, "missing")
    if len(value) > bound:
        raise ProfileError(field, f"longer than {bound} characters", bound)
    if value[0].isspace() or value[-1].isspace():
        raise ProfileError(field, "begins or ends with a blank")
    if unseen_in(value):
        raise ProfileError(field, "holds a character that cannot be read")
    if not unicodedata.is_normalized("NFC", value):
        raise ProfileError(field, "not in Unicode form NFC (RFC 5280 section 7.1)")


def _check_alternative_names(content: CertificateContent, profile: Profile) -> None:
    san = profile.san
    if san in {San.DNS, San.SERVER}:
        _check_dns_names(content, local=san is San.SERVER)
    elif content.dns_names:
        raise ProfileError("dns_names", "not part of this profile")
    if content.ip_addresses:
        _check_ip_addresses(content, san)
    _check_email(content.email, san)
    _check_upn(content.upn, san)


def _check_email(email: str | None, san: San) -> None:
    if email is None:
        if san is San.EMAIL:
            raise ProfileError("email", "missing")
        return
    if san not in {San.EMAIL, San.EMAIL_OPTIONAL}:
        raise ProfileError("email", "not part of this profile")
    match = _EMAIL.fullmatch(email)
    if match is None or not _DNS_NAME.fullmatch(match["domain"]):
        raise ProfileError("email", "not a mail address in ASCII")


def _check_upn(upn: str | None, san: San) -> None:
    if upn is None:
        if san is San.UPN:
            raise ProfileError("upn", "missing")
        return
    if san not in {San.UPN, San.UPN_OPTIONAL}:
        raise ProfileError("upn", "not part of this profile")
    if not _UPN.fullmatch(upn) or not upn.isprintable():
        raise ProfileError("upn", "not a user principal name")


def _check_dns_names(content: CertificateContent, *, local: bool) -> None:
    names = content.dns_names
    if not 1 <= len(names) <= MAX_DNS_NAMES:
        raise ProfileError("dns_names", f"1 to {MAX_DNS_NAMES} names expected")
    if names[0] != content.common_name:
        raise ProfileError("dns_names", "the first name is not the common name")
    if len({name.lower() for name in names}) != len(names):
        raise ProfileError("dns_names", "a name stands twice")
    if not all(_DNS_NAME.fullmatch(name) or (local and name == "localhost") for name in names):
        raise ProfileError("dns_names", "not a fully qualified domain name of A-labels")


def _check_ip_addresses(content: CertificateContent, san: San) -> None:
    if san is not San.SERVER:
        raise ProfileError("ip_addresses", "not part of this profile")
    for address in content.ip_addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ProfileError("ip_addresses", "not an IP address") from None


def _check_private(content: CertificateContent, profile: Profile) -> None:
    if not profile.person:
        for field in _PERSON_ONLY:
            if getattr(content, field) not in {None, ()}:
                raise ProfileError(field, "not part of this profile")
    else:
        _check_person(content)
    if content.card_number is not None:
        if profile.card_type is None:
            raise ProfileError("card_number", "not part of this profile")
        if not _CARD_NUMBER.fullmatch(content.card_number):
            raise ProfileError("card_number", "not an issuer number and a card number")


def _check_person(content: CertificateContent) -> None:
    for field, code in (("profession", content.profession), ("training", content.training)):
        if code is not None and not 0 <= code <= _LARGEST_CODE:
            raise ProfileError(field, "not a code of the nomenclature")
    if not all(_SPECIALITY.fullmatch(code) for code in content.specialities):
        raise ProfileError("specialities", "not a code of the nomenclature")
    if content.pharmacist_table is not None and not _TABLE.fullmatch(content.pharmacist_table):
        raise ProfileError("pharmacist_table", "not a section of the table")


def cut_organization(organization: str, length: int = ORGANIZATION_LENGTH) -> str:
    """Return the organization as it stands in a subject: cut at `length` characters, no blank left at the cut."""
    return organization[:length].rstrip()


def subject_of(content: CertificateContent, organization_length: int = ORGANIZATION_LENGTH) -> x509.Name:
    """Return the subject in the encoding order of the profile; ProfileError when the content does not fit it.

    Country is a PrintableString, everything else UTF8String; givenName, CN and surname of a person form one RDN in
    DER SET order. Only the organization is ever shortened.
    """
    profile = check_content(content)
    # The library counts the bounds in octets of UTF-8 and warns; RFC 5280 counts characters, and those are checked.
    return x509.Name(
        [
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(_OIDS[field], value, _validate=False)
                    for field, value in _values(content, rdn, organization_length)
                ],
            )
            for rdn in profile.subject
        ],
    )


def encode_subject(content: CertificateContent, profile: Profile, organization_length: int) -> bytes:
    """Return the DER of subject_of for a content that was checked against `profile`."""
    return der.sequence(
        *(
            der.set_of(_ENCODERS[field](value) for field, value in _values(content, rdn, organization_length))
            for rdn in profile.subject
        ),
    )


def _values(content: CertificateContent, rdn: tuple[str, ...], organization_length: int) -> Iterator[tuple[str, str]]:
    for field in rdn:
        value = getattr(content, field)
        yield field, cut_organization(value, organization_length) if field == "organization" else value


def _encoder(field: str) -> Callable[[str], bytes]:
    """Return the function that encodes one attribute: type and value (RFC 5280 §4.1.2.4)."""
    oid = der.object_identifier(_OIDS[field].dotted_string)
    tag = der.PRINTABLE_STRING if field == "country" else der.UTF8_STRING
    return lambda value: der.tlv(der.SEQUENCE, oid + der.tlv(tag, value.encode()))


_ENCODERS = {field: _encoder(field) for field in _OIDS}


def subject_fields(
    content: CertificateContent,
    organization_length: int = ORGANIZATION_LENGTH,
) -> tuple[tuple[str, str], ...]:
    """Return (label, value) pairs in display order, CN first: ("CN", ...), ("SN", ...), ... ("C", "FR")."""
    wanted = check_content(content).subject_fields
    values = ((label, field, getattr(content, field)) for field, label in _DISPLAY if field in wanted)
    return tuple(
        (label, cut_organization(value, organization_length) if field == "organization" else value)
        for label, field, value in values
    )


def subject_text(content: CertificateContent, organization_length: int = ORGANIZATION_LENGTH) -> str:
    """Return the one-line form of notices: `CN=...+SN=...+GN=..., TITLE=..., C=FR`."""
    person = PRODUCTS[content.product].person
    parts = [f"{label}={value}" for label, value in subject_fields(content, organization_length)]
    return ", ".join(["+".join(parts[:3]), *parts[3:]] if person else parts)
