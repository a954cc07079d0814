"""The extensions of a leaf certificate, encoded: what is constant for an authority and a product is made once.

Order and criticality follow the profile; the values are encoded by `cryptography`.
"""

import hashlib
import ipaddress
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.content import CertificateContent
from pki.certificates.extension_order import EXTENSION_ORDER
from pki.certificates.profiles import PRODUCTS, SMARTCARD_LOGON, UPN_OID, KeyUsageBit, Profile, San

BASIC_CONSTRAINTS = "2.5.29.19"
SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
KEY_USAGE = "2.5.29.15"
CERTIFICATE_POLICIES = "2.5.29.32"
EXTENDED_KEY_USAGE = "2.5.29.37"
PRIVATE_KEY_USAGE_PERIOD = "2.5.29.16"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
FRESHEST_CRL = "2.5.29.46"
AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"

_NOT_A_CA = b"\x30\x00"  # BasicConstraints: an empty SEQUENCE, cA being FALSE by default
_CA_ISSUERS = AuthorityInformationAccessOID.CA_ISSUERS
_OCSP = AuthorityInformationAccessOID.OCSP


def encode_extensions(
    authority: Authority,
    content: CertificateContent,
    spki: bytes,
    period: tuple[datetime, datetime],
) -> bytes:
    """Return the concatenated Extension elements of a certificate.

    `period` is the private key usage period, used by the profiles that carry one. The content must have been checked.
    """
    variable = dict(_variable(authority, content, spki, period))
    return b"".join(
        piece if isinstance(piece, bytes) else variable.get(piece, b"")
        for piece in _pieces(authority, content.product, content.upn is not None)
    )


@lru_cache(maxsize=256)
def _pieces(authority: Authority, product: str, has_upn: bool) -> tuple[bytes | str, ...]:  # noqa: FBT001 -- a cache key
    """Return the extensions in order: encoded where constant, the name of the slot elsewhere."""
    constant = dict(_constant(authority, PRODUCTS[product], has_upn=has_upn))
    pieces: list[bytes | str] = []
    for name in EXTENSION_ORDER[authority.settings.generation]:
        encoded = constant.get(name)
        if encoded is None:
            pieces.append(name)
        else:
            pieces.append(encoded)
    return tuple(pieces)


def _constant(authority: Authority, profile: Profile, *, has_upn: bool) -> Iterator[tuple[str, bytes]]:
    settings, oids = authority.settings, authority.settings.private_oids
    is_card = profile.card_type is not None
    yield "basic_constraints", der.extension(BASIC_CONSTRAINTS, _NOT_A_CA)
    key_id = x509.AuthorityKeyIdentifier(authority.key_id, None, None)
    yield "authority_key_identifier", der.extension(AUTHORITY_KEY_IDENTIFIER, key_id.public_bytes())
    yield "key_usage", der.extension(KEY_USAGE, _key_usage(profile).public_bytes(), critical=True)
    policies = x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(settings.policy_oid), [settings.cps_uri])],
    )
    yield "certificate_policies", der.extension(CERTIFICATE_POLICIES, policies.public_bytes())
    extended = x509.ExtendedKeyUsage(
        [x509.ObjectIdentifier(oid) for oid in extended_key_usage(profile, has_upn=has_upn)],
    )
    yield "extended_key_usage", der.extension(EXTENDED_KEY_USAGE, extended.public_bytes())
    if points := distribution_points(authority, settings.crl_url, settings.crl_ldap_url):
        encoded = x509.CRLDistributionPoints(points).public_bytes()
        yield "crl_distribution_points", der.extension(CRL_DISTRIBUTION_POINTS, encoded)
    if points := distribution_points(authority, *settings.delta_addresses):
        yield "freshest_crl", der.extension(FRESHEST_CRL, x509.FreshestCRL(points).public_bytes())
    if access := _access(authority):
        encoded = x509.AuthorityInformationAccess(access).public_bytes()
        yield "authority_information_access", der.extension(AUTHORITY_INFORMATION_ACCESS, encoded)
    category = settings.card_category if is_card else settings.category
    yield "category", der.extension(oids.category, der.octet_string(bytes((category,))))
    if profile.card_type is not None:
        yield "card_type", der.extension(oids.card_type, der.integer(profile.card_type))


def extended_key_usage(profile: Profile, *, has_upn: bool) -> tuple[str, ...]:
    """Return the extended key usages in order; a UPN that the profile leaves optional adds smartcardLogon."""
    if has_upn and profile.san is San.UPN_OPTIONAL:
        return (*profile.extended_key_usage, SMARTCARD_LOGON)
    return profile.extended_key_usage


def _key_usage(profile: Profile) -> x509.KeyUsage:
    bits = profile.key_usage
    return x509.KeyUsage(
        digital_signature=KeyUsageBit.DIGITAL_SIGNATURE in bits,
        content_commitment=KeyUsageBit.NON_REPUDIATION in bits,
        key_encipherment=KeyUsageBit.KEY_ENCIPHERMENT in bits,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def distribution_points(authority: Authority, *templates: str) -> list[x509.DistributionPoint]:
    """Return one DistributionPoint per non-empty URL template, filled in for the authority that issues the CRL."""
    return [
        x509.DistributionPoint([x509.UniformResourceIdentifier(authority.url(template))], None, None, None)
        for template in templates
        if template
    ]


def _access(authority: Authority) -> list[x509.AccessDescription]:
    settings = authority.settings
    return [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(authority.url(template)))
        for method, template in ((_OCSP, settings.ocsp_url), (_CA_ISSUERS, settings.ca_issuers_url))
        if template
    ]


def _variable(
    authority: Authority,
    content: CertificateContent,
    spki: bytes,
    period: tuple[datetime, datetime],
) -> Iterator[tuple[str, bytes]]:
    profile, oids = PRODUCTS[content.product], authority.settings.private_oids
    key_id = subject_key_id(spki, authority.settings.generation)
    yield "subject_key_identifier", der.extension(SUBJECT_KEY_IDENTIFIER, der.octet_string(key_id))
    if profile.private_key_usage_period:
        encoded = x509.PrivateKeyUsagePeriod(*(moment.replace(tzinfo=None) for moment in period)).public_bytes()
        yield "private_key_usage_period", der.extension(PRIVATE_KEY_USAGE_PERIOD, encoded)
    if names := _alternative_names(content):
        encoded = x509.SubjectAlternativeName(names).public_bytes()
        yield "subject_alternative_name", der.extension(SUBJECT_ALTERNATIVE_NAME, encoded)
    if content.card_number is not None:
        encoded = der.tlv(der.PRINTABLE_STRING, content.card_number.encode())
        yield "card_number", der.extension(oids.card_number, encoded)
    if content.profession is not None:
        yield "profession", der.extension(oids.profession, der.integer(content.profession))
    if content.training is not None:
        yield "training", der.extension(oids.training, der.integer(content.training))
    if content.specialities:
        encoded = der.sequence(*(der.tlv(der.UTF8_STRING, code.encode()) for code in content.specialities))
        yield "specialities", der.extension(oids.specialities, encoded)
    if content.pharmacist_table is not None:
        encoded = der.tlv(der.UTF8_STRING, content.pharmacist_table.encode())
        yield "pharmacist_table", der.extension(oids.pharmacist_table, encoded)


def _alternative_names(content: CertificateContent) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in content.dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in content.ip_addresses]
    if content.email is not None:
        names.append(x509.RFC822Name(content.email))
    if content.upn is not None:
        value = der.tlv(der.UTF8_STRING, content.upn.encode())
        names.append(x509.OtherName(x509.ObjectIdentifier(UPN_OID), value))
    return names


def subject_key_id(spki: bytes, generation: int) -> bytes:
    """Return the key identifier: SHA-1 of the BIT STRING content (generation 1) or of the whole SPKI (2).

    SHA-1 only names a key here, as RFC 5280 §4.2.1.2 (1) does; no security rests on it.
    """
    if generation == 1:
        start, end = der.sole(spki, der.SEQUENCE)
        _, _, bits, stop = der.children(spki, start, end)[1]
        spki = spki[bits + 1 : stop]
    return hashlib.sha1(spki, usedforsecurity=False).digest()
