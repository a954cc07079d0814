"""The certificates of the authorities themselves: signed by whom they say, with the form of an authority."""

from __future__ import annotations

from collections.abc import Iterator

from audit.certificates import extensions
from audit.certificates.extensions import Rule
from audit.context import Audit
from audit.findings import Topic
from audit.reading import asn1
from audit.reading.asn1 import encode, encode_number
from audit.reading.authorities import Authorities, Authority

_TRUE = encode(asn1.BOOLEAN, b"\xff")
_SIGNS_CERTIFICATES_AND_LISTS = bytes.fromhex("03020106")


def check_authorities(audit: Audit) -> None:
    """Look at every authority of the index."""
    audit.meter.start("AC", len(audit.authorities))
    for authority in audit.authorities.values():
        for text in _faults(authority, audit.authorities):
            audit.report.add(Topic.CERTIFICATE, f"AC {authority.short_name}", text)
        audit.report.checked["certificats d'AC"] += 1
        audit.meter.advance()


def _faults(authority: Authority, authorities: Authorities) -> Iterator[str]:
    certificate, above = authority.certificate, authorities[authority.issuer]
    if certificate.issuer != above.certificate.subject_raw or not above.has_signed(
        certificate.tbs, certificate.signature
    ):
        yield f"n'est pas signée par {above.short_name}"
    limits = above.certificate
    if not limits.not_before <= certificate.not_before < certificate.not_after <= limits.not_after:
        yield "la validité sort de celle de l'AC au-dessus"
    # No path length in a root; an issuing CA has nobody below it.
    depth = b"" if authority.is_root else encode_number(0)
    rules = [
        Rule("basicConstraints", extensions.BASIC_CONSTRAINTS, encode(asn1.SEQUENCE, _TRUE, depth), critical=True),
        Rule("keyUsage", extensions.KEY_USAGE, _SIGNS_CERTIFICATES_AND_LISTS, critical=True),
        Rule("certificatePolicies", extensions.POLICIES),
        Rule("cRLDistributionPoints", extensions.DISTRIBUTION_POINTS, optional=True),
        extensions.subject_key_rule(authority.key_bits),
        extensions.issuer_key_rule(above),
    ]
    if authority.is_root:
        del rules[3]  # nobody revokes a root
    yield from extensions.extension_faults(certificate.extensions, rules)
