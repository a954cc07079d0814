"""Whether a certificate has the form of its product: term, key type, subject, extensions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from audit import expected
from audit.certificates import extensions
from audit.certificates.extensions import Rule
from audit.certificates.statements import Statement
from audit.certificates.subjects import subject_faults
from audit.expected import COMMON_NAME, HELPERS, Form
from audit.reading import asn1
from audit.reading.authorities import Authority
from audit.reading.certificate import Certificate

# AlgorithmIdentifier of an RSA key, and of an EC key on P-256 (RFC 3279 §2.3.1, RFC 5480 §2.1.1).
_RSA_KEY = bytes.fromhex("300d06092a864886f70d0101010500")
_P256_KEY = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
# A responder's certificate cannot be revoked; a seal's can.
_LONGEST_HELPER = {expected.OCSP_SIGNER: timedelta(days=397), expected.SEAL: timedelta(days=730)}
_DECEMBER = 12


def form_faults(
    form: Form,
    certificate: Certificate,
    authority: Authority,
    statement: Statement | None,
) -> Iterator[str]:
    """What is not as the form of the product wants it; ``statement`` None: no demande says what it must hold."""
    period_end, end = validity_end(certificate.not_before, form, authority)
    if certificate.not_after != end:
        yield "la durée de validité n'est pas celle des réglages de l'autorité"
    key = asn1.elements(asn1.content_of(certificate.spki, asn1.SEQUENCE))[0].raw
    if key != _RSA_KEY and not (key == _P256_KEY and authority.settings.p256 and form.admits_p256):
        yield "clé d'un type que le produit n'admet pas"
    values = None if statement is None else statement.subject()
    yield from subject_faults(certificate.subject, form.subject, values, authority.settings.organization_length)
    period = (certificate.not_before, period_end)
    rules = extensions.rules_for(authority, form, certificate, period, statement)
    yield from extensions.extension_faults(certificate.extensions, rules)


def validity_end(start: datetime, form: Form, authority: Authority) -> tuple[datetime, datetime]:
    """The end of the private key usage period and of the validity that begins at ``start``.

    29 February ends on the 28th. In generation 1 what seals is valid one month longer than its key may be used.
    """
    years = start.year + authority.settings.validity_years
    period_end = end = start.replace(year=years, day=28 if (start.month, start.day) == (2, 29) else start.day)
    if authority.settings.generation == 1 and form.period:
        year, month = (years + 1, 1) if period_end.month == _DECEMBER else (years, period_end.month + 1)
        end = _in_month(period_end, year, month)
    limit = authority.certificate.not_after
    return min(period_end, limit), min(end, limit)


def _in_month(moment: datetime, year: int, month: int) -> datetime:
    first = moment.replace(year=year, month=month, day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(moment.day, last.day))


def helper_faults(product: str, certificate: Certificate, authority: Authority) -> Iterator[str]:
    """What is not as a certificate must be that an authority gives to a helper of its own."""
    prefix, usage, purpose = HELPERS[product]
    if not authority.products:
        yield "l'autorité n'émet pas ce produit"
    if certificate.not_after - certificate.not_before > _LONGEST_HELPER[product]:
        yield "validité trop longue pour sa fonction"
    if _without_name(certificate) != _without_name(authority.certificate) or not _is_helper_name(
        certificate, authority.certificate, prefix
    ):
        yield "sujet : ce n'est pas le nom de l'autorité derrière celui de sa fonction"
    rules = [
        Rule("basicConstraints", extensions.BASIC_CONSTRAINTS, asn1.encode(asn1.SEQUENCE)),
        extensions.subject_key_rule(certificate.key_bits),
        extensions.issuer_key_rule(authority),
        Rule("keyUsage", extensions.KEY_USAGE, usage, critical=True),
        extensions.policy_rule(authority),
        extensions.purposes_rule((purpose or authority.settings.seal_key_usage_oid,)),
    ]
    if product == expected.OCSP_SIGNER:
        rules.append(Rule("ocsp-nocheck", extensions.NO_CHECK, asn1.encode(asn1.NULL)))
    else:
        rules += extensions.pointing_rules(authority).values()
    yield from extensions.extension_faults(certificate.extensions, rules)


def _without_name(certificate: Certificate) -> list[list[bytes]]:
    return [[one.raw for one in rdn if one.oid != COMMON_NAME] for rdn in certificate.subject]


def _is_helper_name(certificate: Certificate, issuer: Certificate, prefix: str) -> bool:
    own, above = (
        [one.value.decode("utf-8", "replace") for rdn in each.subject for one in rdn if one.oid == COMMON_NAME]
        for each in (certificate, issuer)
    )
    return own == [(prefix + name)[: expected.LONGEST[COMMON_NAME]].rstrip() for name in above]
