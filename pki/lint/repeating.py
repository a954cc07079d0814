"""The inline lint's rules for extensions that repeat from one certificate to the next.

Each is judged once per authority, profile and bytes, then remembered.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.profiles import SMARTCARD_LOGON, Profile

_CPS_QUALIFIER = "1.3.6.1.5.5.7.2.1"
_ACCESS_OCSP = "1.3.6.1.5.5.7.48.1"
_ACCESS_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"
_URI = 0x86


class Case(NamedTuple):
    """One extension of one kind of certificate; `value` is the content of extnValue."""

    name: str
    critical: bool
    value: bytes
    authority: Authority
    profile: Profile
    has_upn: bool


@lru_cache(maxsize=4096)
def judge(case: Case) -> str:
    """Return the breach of one repeating extension, or an empty text; ValueError or IndexError when malformed."""
    if case.critical != (case.name == "key_usage"):
        return f"{case.name}: wrong criticality"
    return "" if _RULES[case.name](case) else f"{case.name}: not what the profile says"


def _basic_constraints(case: Case) -> bool:
    return case.value == b"\x30\x00"


def _authority_key_identifier(case: Case) -> bool:
    return case.value == der.sequence(der.tlv(0x80, case.authority.key_id))


def _key_usage(case: Case) -> bool:
    """DER leaves one form for a named bit list: no trailing zero bit, unused bits zero (X.690 §11.2)."""
    octet = sum(0x80 >> bit.value for bit in case.profile.key_usage)
    unused = (octet & -octet).bit_length() - 1
    return case.value == bytes((der.BIT_STRING, 2, unused, octet))


def _extended_key_usage(case: Case) -> bool:
    wanted = [der.object_identifier(oid) for oid in case.profile.extended_key_usage]
    logon = der.object_identifier(SMARTCARD_LOGON)
    if case.has_upn and logon not in wanted:
        wanted.append(logon)
    return case.value == der.sequence(*wanted)


def _certificate_policies(case: Case) -> bool:
    settings = case.authority.settings
    uri = der.tlv(der.IA5_STRING, settings.cps_uri.encode("ascii"))
    qualifier = der.sequence(der.object_identifier(_CPS_QUALIFIER), uri)
    return case.value == der.sequence(der.sequence(der.object_identifier(settings.policy_oid), der.sequence(qualifier)))


def _points(authority: Authority, *templates: str) -> bytes:
    """Return CRLDistributionPoints with one fullName URI each (RFC 5280 §4.2.1.13)."""
    return der.sequence(
        *(
            der.sequence(der.tlv(0xA0, der.tlv(0xA0, der.tlv(_URI, authority.url(template).encode("ascii")))))
            for template in templates
            if template
        ),
    )


def _crl_distribution_points(case: Case) -> bool:
    settings = case.authority.settings
    return case.value == _points(case.authority, settings.crl_url, settings.crl_ldap_url)


def _freshest_crl(case: Case) -> bool:
    settings = case.authority.settings
    return case.value == _points(case.authority, settings.delta_crl_url, settings.delta_crl_ldap_url)


def _authority_information_access(case: Case) -> bool:
    settings = case.authority.settings
    wanted = [
        der.sequence(der.object_identifier(method), der.tlv(_URI, case.authority.url(template).encode("ascii")))
        for method, template in (
            (_ACCESS_OCSP, settings.ocsp_url),
            (_ACCESS_CA_ISSUERS, settings.ca_issuers_url),
        )
        if template
    ]
    return case.value == der.sequence(*wanted)


def _category(case: Case) -> bool:
    settings = case.authority.settings
    category = settings.category if case.profile.card_type is None else settings.card_category
    return case.value == bytes((der.OCTET_STRING, 1, category))


def _card_type(case: Case) -> bool:
    return case.profile.card_type is not None and case.value == bytes((der.INTEGER, 1, case.profile.card_type))


def _one(tag: int) -> Callable[[Case], bool]:
    """Return the rule "exactly one non-empty element of this type"."""

    def rule(case: Case) -> bool:
        start, end = der.sole(case.value, tag)
        return end > start

    return rule


_RULES: dict[str, Callable[[Case], bool]] = {
    "basic_constraints": _basic_constraints,
    "authority_key_identifier": _authority_key_identifier,
    "key_usage": _key_usage,
    "extended_key_usage": _extended_key_usage,
    "certificate_policies": _certificate_policies,
    "crl_distribution_points": _crl_distribution_points,
    "freshest_crl": _freshest_crl,
    "authority_information_access": _authority_information_access,
    "category": _category,
    "card_type": _card_type,
    "card_number": _one(der.PRINTABLE_STRING),
    "profession": _one(der.INTEGER),
    "training": _one(der.INTEGER),
    "specialities": _one(der.SEQUENCE),
    "pharmacist_table": _one(der.UTF8_STRING),
}
