"""The test hierarchy, and pkilint in process."""

from collections.abc import Callable
from typing import Any

import pytest
from pkilint import loader, pkix
from pkilint.pkix import certificate, crl, extension, name
from pkilint.validation import ValidationFindingSeverity

from pki.authority import Authority
from tests.vectors.keys import key
from tests.vectors.samples import KeySigner, make_issuing, make_root


@pytest.fixture(scope="session")
def root() -> Authority:
    return make_root()


@pytest.fixture(scope="session")
def issuing() -> Authority:
    return make_issuing()


@pytest.fixture(scope="session")
def signer(issuing: Authority) -> KeySigner:
    return KeySigner(issuing.short_name, key("issuing"))


@pytest.fixture(scope="session")
def findings_of_certificate() -> Callable[[bytes], set[tuple[str, str]]]:
    """Returns (severity, code) for every finding of pkilint's RFC 5280 set on a DER certificate."""
    validator = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )

    def run(der: bytes) -> set[tuple[str, str]]:
        return _found(validator.validate(loader.load_certificate(der, "certificate").root))

    return run


@pytest.fixture(scope="session")
def findings_of_crl() -> Callable[[bytes], set[tuple[str, str]]]:
    """Returns (severity, code) for every finding of pkilint's RFC 5280 set on a DER CRL."""
    validator = crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )

    def run(der: bytes) -> set[tuple[str, str]]:
        return _found(validator.validate(loader.load_crl(der, "crl").root))

    return run


def _found(results: list[Any]) -> set[tuple[str, str]]:
    return {
        (described.finding.severity.name, described.finding.code)
        for result in results
        for described in result.finding_descriptions
        if described.finding.severity < ValidationFindingSeverity.DEBUG
    }
