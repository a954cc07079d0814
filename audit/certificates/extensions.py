"""The extensions that a certificate must carry: each as a rule, in the order of its generation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from audit import expected
from audit.certificates.statements import Statement
from audit.expected import Form, Names
from audit.reading import asn1
from audit.reading.asn1 import DerError, encode, encode_number, encode_oid
from audit.reading.authorities import Authority
from audit.reading.certificate import Certificate, Extension

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SUBJECT_KEY_ID, AUTHORITY_KEY_ID, POLICIES = "2.5.29.14", "2.5.29.35", "2.5.29.32"
PERIOD, ALTERNATIVE_NAMES, DISTRIBUTION_POINTS = "2.5.29.16", "2.5.29.17", "2.5.29.31"
FRESHEST, ACCESS, NO_CHECK = "2.5.29.46", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.1.5"
_OCSP, _CA_ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
_CPS, _UPN = "1.3.6.1.5.5.7.2.1", "1.3.6.1.4.1.311.20.2.3"
_MAIL_TAG, _DNS_TAG, _URI_TAG, _IP_TAG, _OTHER_TAG = 0x81, 0x82, 0x86, 0x87, 0xA0
_EXPLICIT_0 = 0xA0
_IP_LENGTHS = {4, 16}
_MOST_DNS_NAMES = 5
_CARD_NUMBER = re.compile(rb"[0-9]{10}/[0-9]{10}")

_ORDER = {
    1: "basic ski aki usage policies purposes period names points freshest access",
    2: "purposes aki access policies period names points ski freshest usage",
}
_PRIVATE = "category card_type card_number profession training specialities pharmacist_table"
_ORDER_1 = (*_ORDER[1].split(), *_PRIVATE.split())
_ORDER_2 = (*_ORDER[2].split(), *_PRIVATE.split(), "basic")


@dataclass(frozen=True, slots=True)
class Rule:
    """One extension: its exact value, or, where the value cannot be known, the form that it must have."""

    label: str
    oid: str
    value: bytes | None = None
    form: Callable[[bytes], bool] | None = None
    critical: bool = False
    optional: bool = False

    def fault(self, value: bytes) -> str | None:
        """What is wrong with a value, None when nothing is."""
        if self.value is not None:
            return None if value == self.value else f"extension {self.label} : autre contenu que celui attendu"
        try:
            fits = self.form is None or self.form(value)
        except (DerError, ValueError):
            fits = False
        return None if fits else f"extension {self.label} : contenu d'une autre forme que celle attendue"


def extension_faults(found: Sequence[Extension], rules: Sequence[Rule], *, ordered: bool = True) -> Iterator[str]:
    """What is wrong with the extensions of a certificate or a CRL, by rule; then what no rule names, then the order."""
    by_oid = {one.oid: one for one in found}
    for rule in rules:
        one = by_oid.get(rule.oid)
        if one is None:
            if not rule.optional:
                yield f"extension {rule.label} absente"
            continue
        if one.critical != rule.critical:
            yield f"extension {rule.label} : devrait être {'critique' if rule.critical else 'non critique'}"
        if fault := rule.fault(one.value):
            yield fault
    known = [rule.oid for rule in rules]
    yield from (f"extension {oid} qui n'a pas sa place ici" for oid in by_oid if oid not in known)
    listed = [one.oid for one in found]
    if len(listed) != len(by_oid):
        yield "une extension est là deux fois"
    elif ordered and [oid for oid in listed if oid in known] != [oid for oid in known if oid in by_oid]:
        yield "extensions dans un autre ordre que celui de la génération du profil"


def rules_for(
    authority: Authority,
    form: Form,
    certificate: Certificate,
    period: tuple[datetime, datetime],
    statement: Statement | None,
) -> list[Rule]:
    """The rules of a product's certificate; ``statement`` None: no demande says what names and values it holds."""
    rules = dict(_constant(authority, form))
    rules |= _of_this_one(authority, form, certificate, period)
    if statement is not None:
        rules |= _stated(authority, form, statement)
    else:
        rules |= _open(authority, form, certificate)
    order = _ORDER_1 if authority.settings.generation == 1 else _ORDER_2
    return [rules[name] for name in order if name in rules]


@lru_cache(maxsize=256)
def _constant(authority: Authority, form: Form) -> dict[str, Rule]:
    settings, oids = authority.settings, authority.settings.private_oids
    category = settings.category if form.card is None else settings.card_category
    rules = {
        "basic": Rule("basicConstraints", BASIC_CONSTRAINTS, encode(asn1.SEQUENCE)),
        "aki": issuer_key_rule(authority),
        "usage": Rule("keyUsage", KEY_USAGE, form.key_usage, critical=True),
        "policies": policy_rule(authority),
        "purposes": purposes_rule(form.purposes),
        "category": Rule("catégorie de produit", oids.category, encode(asn1.OCTET_STRING, bytes((category,)))),
    }
    rules |= pointing_rules(authority)
    if deltas := delta_points(authority):
        rules["freshest"] = Rule("freshestCRL", FRESHEST, deltas)
    if form.card is not None:
        rules["card_type"] = Rule("type de carte", oids.card_type, encode_number(form.card))
    return rules


def pointing_rules(authority: Authority) -> dict[str, Rule]:
    """Where a certificate's status and its issuer are found: distribution points, HTTP then LDAP, and access."""
    settings, url = authority.settings, authority.url
    rules = {}
    points = [url(template) for template in (settings.crl_url, settings.crl_ldap_url) if template]
    access = [
        (method, url(template))
        for method, template in ((_OCSP, settings.ocsp_url), (_CA_ISSUERS, settings.ca_issuers_url))
        if template
    ]
    if points:
        rules["points"] = Rule("cRLDistributionPoints", DISTRIBUTION_POINTS, encode_points(points))
    if access:
        encoded = (encode(asn1.SEQUENCE, encode_oid(method), encode(_URI_TAG, uri.encode())) for method, uri in access)
        rules["access"] = Rule("authorityInfoAccess", ACCESS, encode(asn1.SEQUENCE, *encoded))
    return rules


def delta_points(authority: Authority) -> bytes:
    """Where the deltas are, HTTP then LDAP; empty when the authority has none."""
    settings = authority.settings
    templates = [template for template in (settings.delta_crl_url, settings.delta_crl_ldap_url) if template]
    return encode_points([authority.url(template) for template in templates]) if templates else b""


def issuer_key_rule(authority: Authority) -> Rule:
    """AuthorityKeyIdentifier: the issuer's key identifier and nothing else."""
    return Rule("authorityKeyIdentifier", AUTHORITY_KEY_ID, encode(asn1.SEQUENCE, encode(0x80, authority.key_id)))


def subject_key_rule(hashed: bytes) -> Rule:
    """SubjectKeyIdentifier: SHA-1, which only names a key here (RFC 5280 §4.2.1.2)."""
    digest = hashlib.sha1(hashed, usedforsecurity=False).digest()
    return Rule("subjectKeyIdentifier", SUBJECT_KEY_ID, encode(asn1.OCTET_STRING, digest))


def policy_rule(authority: Authority) -> Rule:
    """One policy with the address of its CPS."""
    settings = authority.settings
    cps = encode(asn1.SEQUENCE, encode_oid(_CPS), encode(asn1.IA5_STRING, settings.cps_uri.encode()))
    policy = encode(asn1.SEQUENCE, encode_oid(settings.policy_oid), encode(asn1.SEQUENCE, cps))
    return Rule("certificatePolicies", POLICIES, encode(asn1.SEQUENCE, policy))


def purposes_rule(purposes: Sequence[str]) -> Rule:
    """ExtendedKeyUsage in this order."""
    return Rule("extKeyUsage", EXTENDED_KEY_USAGE, encode(asn1.SEQUENCE, *map(encode_oid, purposes)))


def encode_points(uris: Sequence[str]) -> bytes:
    """CRLDistributionPoints: one point an address."""
    return encode(
        asn1.SEQUENCE,
        *(encode(asn1.SEQUENCE, encode(0xA0, encode(0xA0, encode(_URI_TAG, uri.encode())))) for uri in uris),
    )


def _of_this_one(
    authority: Authority, form: Form, certificate: Certificate, period: tuple[datetime, datetime]
) -> dict[str, Rule]:
    hashed = certificate.key_bits if authority.settings.generation == 1 else certificate.spki
    rules = {"ski": subject_key_rule(hashed)}
    if form.period:
        begin, end = (f"{moment:%Y%m%d%H%M%SZ}".encode() for moment in period)
        encoded = encode(asn1.SEQUENCE, encode(0x80, begin), encode(0x81, end))
        rules["period"] = Rule("privateKeyUsagePeriod", PERIOD, encoded)
    return rules


def _stated(authority: Authority, form: Form, statement: Statement) -> dict[str, Rule]:
    """Names and private values exactly as the demande says them."""
    oids = authority.settings.private_oids
    rules = {}
    names = [encode(_DNS_TAG, name.encode()) for name in statement.dns_names]
    if statement.email is not None:
        names.append(encode(_MAIL_TAG, statement.email.encode()))
    if statement.upn is not None:
        value = encode(_EXPLICIT_0, encode(asn1.UTF8_STRING, statement.upn.encode()))
        names.append(encode(_OTHER_TAG, encode_oid(_UPN), value))
        if form.names is Names.UPN_IF_ASKED:
            rules["purposes"] = purposes_rule((*form.purposes, expected.SMARTCARD))
    if names:
        rules["names"] = Rule("subjectAltName", ALTERNATIVE_NAMES, encode(asn1.SEQUENCE, *names))
    if statement.profession is not None:
        rules["profession"] = Rule("profession", oids.profession, encode_number(statement.profession))
    if statement.training is not None:
        rules["training"] = Rule("formation", oids.training, encode_number(statement.training))
    if statement.specialities:
        codes = (encode(asn1.UTF8_STRING, code.encode()) for code in statement.specialities)
        rules["specialities"] = Rule("spécialités", oids.specialities, encode(asn1.SEQUENCE, *codes))
    if statement.pharmacist_table is not None:
        table = encode(asn1.UTF8_STRING, statement.pharmacist_table.encode())
        rules["pharmacist_table"] = Rule("tableau pharmacien", oids.pharmacist_table, table)
    return rules


def _open(authority: Authority, form: Form, certificate: Certificate) -> dict[str, Rule]:
    """Nobody says what names and values there are: they must have their form, and fit the rest of the certificate."""
    oids = authority.settings.private_oids
    rules = {}
    if form.names is not Names.NONE:
        optional = form.names in {Names.MAIL_IF_ASKED, Names.UPN_IF_ASKED}
        common_name = next(
            (one.value for rdn in certificate.subject for one in rdn if one.oid == expected.COMMON_NAME), b""
        )
        rules["names"] = Rule(
            "subjectAltName",
            ALTERNATIVE_NAMES,
            form=lambda value: _has_names(value, form.names, common_name),
            optional=optional,
        )
    if form.names is Names.UPN_IF_ASKED and certificate.value_of(ALTERNATIVE_NAMES) is not None:
        rules["purposes"] = purposes_rule((*form.purposes, expected.SMARTCARD))
    if form.card is not None:
        rules["card_number"] = Rule("numéro de carte", oids.card_number, form=_is_card_number, optional=True)
    if form.person:
        rules["profession"] = Rule("profession", oids.profession, form=_is_code, optional=True)
        rules["training"] = Rule("formation", oids.training, form=_is_code, optional=True)
        rules["specialities"] = Rule("spécialités", oids.specialities, form=_are_codes, optional=True)
        rules["pharmacist_table"] = Rule("tableau pharmacien", oids.pharmacist_table, form=_is_text, optional=True)
    return rules


def _has_names(value: bytes, names: Names, common_name: bytes) -> bool:
    found = asn1.elements(asn1.content_of(value, asn1.SEQUENCE))
    tags = [one.tag for one in found]
    if names in {Names.MAIL, Names.MAIL_IF_ASKED}:
        return tags == [_MAIL_TAG]
    if names in {Names.UPN, Names.UPN_IF_ASKED}:
        (name,) = found
        kind, explicit = asn1.children(name, asn1.OID, _EXPLICIT_0)
        asn1.children(explicit, asn1.UTF8_STRING)
        return name.tag == _OTHER_TAG and asn1.dotted(kind.content) == _UPN
    count = tags.count(_DNS_TAG)
    rest = found[count:]
    return (
        1 <= count <= _MOST_DNS_NAMES
        and found[0].content == common_name
        and (names is Names.LISTENER or not rest)
        and all(one.tag == _IP_TAG and len(one.content) in _IP_LENGTHS for one in rest)
        and set(tags[:count]) == {_DNS_TAG}
    )


def _is_card_number(value: bytes) -> bool:
    return _CARD_NUMBER.fullmatch(asn1.content_of(value, asn1.PRINTABLE_STRING)) is not None


def _is_code(value: bytes) -> bool:
    return asn1.whole_number(asn1.content_of(value, asn1.INTEGER)) >= 0


def _are_codes(value: bytes) -> bool:
    found = asn1.elements(asn1.content_of(value, asn1.SEQUENCE))
    return bool(found) and all(one.tag == asn1.UTF8_STRING and one.content for one in found)


def _is_text(value: bytes) -> bool:
    return bool(asn1.content_of(value, asn1.UTF8_STRING))
