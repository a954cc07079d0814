"""The inline lint's rules for extensions: presence, order, criticality and content, after the profile."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.extension_order import EXTENSION_ORDER
from pki.certificates.profiles import P256_SPKI_HEAD, UPN_OID, Profile, San
from pki.certificates.tbs import RawExtension, TbsFields, read_generalized_time
from pki.lint.repeating import Case, judge

_STANDARD = {
    "basic_constraints": "2.5.29.19",
    "subject_key_identifier": "2.5.29.14",
    "authority_key_identifier": "2.5.29.35",
    "key_usage": "2.5.29.15",
    "certificate_policies": "2.5.29.32",
    "extended_key_usage": "2.5.29.37",
    "private_key_usage_period": "2.5.29.16",
    "subject_alternative_name": "2.5.29.17",
    "crl_distribution_points": "2.5.29.31",
    "freshest_crl": "2.5.29.46",
    "authority_information_access": "1.3.6.1.5.5.7.1.1",
}
# These differ from one certificate to the next and are judged each time; all others are remembered.
_VARIABLE = frozenset({"subject_key_identifier", "private_key_usage_period", "subject_alternative_name"})
_ALWAYS = frozenset(_STANDARD) - {
    "private_key_usage_period",
    "subject_alternative_name",
    "crl_distribution_points",
    "freshest_crl",
    "authority_information_access",
} | {"category"}
_OTHER_NAME, _RFC822_NAME, _DNS_NAME, _IP_ADDRESS = 0xA0, 0x81, 0x82, 0x87
_TAGS_OF_SAN = {
    San.NONE: frozenset[int](),
    San.DNS: frozenset({_DNS_NAME}),
    San.SERVER: frozenset({_DNS_NAME, _IP_ADDRESS}),
    San.EMAIL: frozenset({_RFC822_NAME}),
    San.EMAIL_OPTIONAL: frozenset({_RFC822_NAME}),
    San.UPN: frozenset({_OTHER_NAME}),
    San.UPN_OPTIONAL: frozenset({_OTHER_NAME}),
}
_SAN_OPTIONAL = frozenset({San.NONE, San.EMAIL_OPTIONAL, San.UPN_OPTIONAL})
_MAX_DNS_NAMES = 5
_SPKI_BITS = 24  # where the BIT STRING content begins in the only form of key that the lint lets pass


class _Wanted(NamedTuple):
    authority: Authority
    profile: Profile
    common_name: str


def check(fields: TbsFields, authority: Authority, profile: Profile, common_name: str) -> Iterator[str]:
    """Yield every breach in the extensions of a certificate."""
    wanted = _Wanted(authority, profile, common_name)
    names = _names(authority)
    named = [(names.get(extension.oid, ""), extension) for extension in fields.extensions]
    has_upn = profile.san in {San.UPN, San.UPN_OPTIONAL} and any(n == "subject_alternative_name" for n, _ in named)
    yield from _check_presence(tuple(name for name, _ in named), authority, profile)
    for name, extension in named:
        try:
            if name in _VARIABLE:
                yield from _check_variable(name, extension, fields, wanted)
            elif name and (message := judge(_case(name, extension, authority, profile, has_upn=has_upn))):
                yield message
        except (ValueError, IndexError):
            yield f"{name}: malformed"


def _case(name: str, extension: RawExtension, authority: Authority, profile: Profile, *, has_upn: bool) -> Case:
    return Case(name, extension.critical, extension.value, authority, profile, has_upn)


@lru_cache(maxsize=64)
def _names(authority: Authority) -> dict[bytes, str]:
    """Return the names of the extensions that this authority knows, by content of the OID."""
    private = authority.settings.private_oids
    known = _STANDARD | {field: getattr(private, field) for field in private.__struct_fields__}
    return {der.object_identifier(oid)[2:]: name for name, oid in known.items()}


@lru_cache(maxsize=1024)
def _check_presence(names: tuple[str, ...], authority: Authority, profile: Profile) -> tuple[str, ...]:
    findings = []
    order = EXTENSION_ORDER[authority.settings.generation]
    if "" in names:
        findings.append("extensions: one is unknown to the profile")
    elif list(names) != [name for name in order if name in names] or len(set(names)) != len(names):
        findings.append("extensions: one stands twice or out of order (RFC 5280 §4.2)")
    present = frozenset(names)
    findings += [f"{name}: missing" for name in sorted(_required(authority, profile) - present)]
    if not profile.private_key_usage_period and "private_key_usage_period" in present:
        findings.append("private_key_usage_period: not part of this profile")
    if not profile.person and present & {"profession", "training", "specialities", "pharmacist_table"}:
        findings.append("extensions: those of a person on another's certificate")
    if profile.card_type is None and present & {"card_type", "card_number"}:
        findings.append("extensions: those of a card on another's certificate")
    return tuple(findings)


def _required(authority: Authority, profile: Profile) -> frozenset[str]:
    settings = authority.settings
    conditions = {
        "private_key_usage_period": profile.private_key_usage_period,
        "subject_alternative_name": profile.san not in _SAN_OPTIONAL,
        "crl_distribution_points": bool(settings.crl_url or settings.crl_ldap_url),
        "freshest_crl": bool(settings.delta_crl_url or settings.delta_crl_ldap_url),
        "authority_information_access": bool(settings.ocsp_url or settings.ca_issuers_url),
        "card_type": profile.card_type is not None,
    }
    return _ALWAYS | {name for name, wanted in conditions.items() if wanted}


def _check_variable(name: str, extension: RawExtension, fields: TbsFields, wanted: _Wanted) -> Iterator[str]:
    if extension.critical:
        yield f"{name}: critical"
    value = extension.value
    if name == "subject_key_identifier":
        if value != b"\x04\x14" + _key_identifier(fields.spki, wanted.authority.settings.generation):
            yield f"{name}: not that of the key"
    elif name == "private_key_usage_period":
        (start_tag, _, start, start_end), (end_tag, _, end, end_end) = der.children(
            value, *der.sole(value, der.SEQUENCE)
        )
        period = (read_generalized_time(value[start:start_end]), read_generalized_time(value[end:end_end]))
        if (start_tag, end_tag) != (0x80, 0x81) or period[0] != fields.not_before or period[1] > fields.not_after:
            yield f"{name}: not within the validity"
    else:
        yield from _check_alternative_names(value, wanted.profile, wanted.common_name)


def _key_identifier(spki: bytes, generation: int) -> bytes:
    """Return SHA-1 of the BIT STRING content or of the whole structure; it names a key, no security rests on it."""
    bits = len(P256_SPKI_HEAD) - 1 if spki.startswith(P256_SPKI_HEAD) else _SPKI_BITS
    named = spki[bits:] if generation == 1 else spki
    return hashlib.sha1(named, usedforsecurity=False).digest()


def _check_alternative_names(value: bytes, profile: Profile, common_name: str) -> Iterator[str]:
    names = der.children(value, *der.sole(value, der.SEQUENCE))
    tags = [tag for tag, *_ in names]
    if not names or not set(tags) <= _TAGS_OF_SAN[profile.san]:
        yield "subject_alternative_name: a form of name that the profile does not allow"
        return
    if _DNS_NAME in tags:
        texts = [value[start:end].decode("ascii") for tag, _, start, end in names if tag == _DNS_NAME]
        if texts[0] != common_name or len(set(texts)) > _MAX_DNS_NAMES or len(set(texts)) != len(texts):
            yield "subject_alternative_name: dNSName not 1 to 5 different names, the common name first"
        if any("*" in text or " " in text or ".." in text for text in texts):
            yield "subject_alternative_name: a dNSName is not a host name"
    elif len(names) != 1:
        yield "subject_alternative_name: more than one name"
    elif tags[0] == _RFC822_NAME:
        local, at, domain = value[names[0][2] : names[0][3]].decode("ascii").rpartition("@")
        if not (local and at and "." in domain):
            yield "subject_alternative_name: rfc822Name is not a mail address (RFC 5280 §4.2.1.6)"
    elif not value[names[0][2] : names[0][3]].startswith(_UPN_TYPE):
        yield "subject_alternative_name: otherName is not a user principal name"


_UPN_TYPE = der.object_identifier(UPN_OID)
