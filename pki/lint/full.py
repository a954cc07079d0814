"""The full lint: pkilint's RFC 5280 rules over a signed certificate. Slow (tens of milliseconds, and a second to load).

It shares nothing with the inline lint. Notices and informations are known and harmless here: what pkilint says of
extensions that are ours alone.
"""

from functools import lru_cache
from typing import Any

from pkilint import loader
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity

_BREACHES = frozenset(
    {ValidationFindingSeverity.WARNING, ValidationFindingSeverity.ERROR, ValidationFindingSeverity.FATAL},
)
# What a plateforme on one machine calls itself (RFC 6761 §6.3): pkilint alone asks for two labels (RFC 5280 §4.2.1.6).
_HARMLESS = ("pkix.invalid_domain_name_syntax", "localhost")


@lru_cache(maxsize=1)
def _validator() -> Any:  # noqa: ANN401 -- the library is not typed
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


def find_all_breaches(der: bytes) -> tuple[str, ...]:
    """Return the code of every warning, error and fatal finding on a DER certificate; empty when it is clean."""
    try:
        document = loader.load_certificate(der, "certificate")
        results = _validator().validate(document.root)
    except Exception:  # noqa: BLE001 -- whatever the linter cannot read is a breach
        return ("the full lint cannot read the certificate",)
    return tuple(
        f"{described.finding.severity.name.lower()}: {described.finding.code}"
        for result in results
        for described in result.finding_descriptions
        if described.finding.severity in _BREACHES
        and (described.finding.code, str(getattr(result.node, "pdu", ""))) != _HARMLESS
    )
