"""OCSP answers and their delegated signers, read by the library and pkilint."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from pkilint import loader, pkix
from pkilint.pkix import extension, name
from pkilint.pkix import ocsp as pkilint_ocsp

from pki.authority import Authority
from pki.certificates import der
from pki.delegates.delegated import DelegatedSigner
from pki.errors import OcspResponseError, SignerError
from pki.status.ocsp_request import read_request
from pki.status.ocsp_response import CertStatus, Good, OcspError, Revoked, SingleAnswer, Unknown, build_response
from pki.status.reasons import RevocationReason
from tests.unit.pki.conftest import _found
from tests.unit.pki.ocsp_support import HOUR, LIFE, cert_id, make_request, make_responder
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL

PASSPHRASE = b"phrase de passe de test"
STATUSES: dict[str, CertStatus] = {
    "good": Good(),
    "unknown": Unknown(),
    "revoked": Revoked(NOW - HOUR),
    **{
        f"revoked.{reason.name.lower()}": Revoked(NOW - HOUR, reason)
        for reason in RevocationReason
        if reason not in (RevocationReason.UNSPECIFIED, RevocationReason.REMOVE_FROM_CRL)
    },
    "revoked.2050": Revoked(datetime(2050, 1, 1, tzinfo=UTC), RevocationReason.SUPERSEDED),
}


@pytest.fixture(scope="module")
def responder(issuing: Authority) -> DelegatedSigner:
    return make_responder(issuing)


@pytest.fixture(scope="module")
def findings_of_response() -> Callable[[bytes], set[tuple[str, str]]]:
    validator = pkilint_ocsp.create_pkix_ocsp_response_validator_container(
        [
            pkilint_ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
    return lambda der: _found(validator.validate(loader.load_ocsp_response(der, "response").root))


def respond(responder: DelegatedSigner, request: bytes, *statuses: CertStatus, until: datetime = NOW + HOUR) -> bytes:
    asked = read_request(request)
    answers = [SingleAnswer(cert_id, status) for cert_id, status in zip(asked.cert_ids, statuses, strict=True)]
    return build_response(responder, answers, NOW, NOW, until, asked.nonce)


@pytest.mark.parametrize("shape", STATUSES)
@pytest.mark.parametrize("algorithm", [SHA1, SHA256])
@pytest.mark.parametrize("nonce", [None, b"n" * 32], ids=["plain", "nonce"])
def test_every_shape_is_read_back_and_pkilint_finds_nothing(
    responder: DelegatedSigner,
    issuing: Authority,
    findings_of_response: Callable[[bytes], set[tuple[str, str]]],
    shape: str,
    algorithm: type[HashAlgorithm],
    nonce: bytes | None,
) -> None:
    data = respond(responder, make_request(issuing, SERIAL, algorithm, nonce), STATUSES[shape])
    read = ocsp.load_der_ocsp_response(data)
    responder.public_key.verify(read.signature, read.tbs_response_bytes, *_padding())
    assert read.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    assert read.certificate_status.name == shape.partition(".")[0].upper()
    assert isinstance(read.hash_algorithm, algorithm)
    assert (read.serial_number, read.responder_name) == (SERIAL, None)
    assert read.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(responder.public_key).digest
    assert (read.produced_at_utc, read.this_update_utc, read.next_update_utc) == (NOW, NOW, NOW + HOUR)
    assert [found.public_bytes(Encoding.DER) for found in read.certificates] == [responder.certificate_der]
    status = STATUSES[shape]
    if isinstance(status, Revoked):
        assert read.revocation_time_utc == status.at
        expected = None if status.reason is RevocationReason.UNSPECIFIED else status.reason.name.lower()
        assert (read.revocation_reason and read.revocation_reason.name) == expected
    echoed = [found.value.nonce for found in read.extensions]
    assert echoed == ([] if nonce is None else [nonce])
    assert findings_of_response(data) == set()


def _padding() -> tuple[PKCS1v15, SHA256]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    return PKCS1v15(), SHA256()


def test_pkilint_sees_a_defect(
    responder: DelegatedSigner, issuing: Authority, findings_of_response: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    data = respond(responder, make_request(issuing), Good())
    # producedAt and thisUpdate with a zone other than Z
    assert findings_of_response(data.replace(b"Z0", b"A0"))


def test_an_answer_to_several_is_read_and_pkilint_finds_nothing(
    responder: DelegatedSigner, issuing: Authority, findings_of_response: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    ids = [cert_id(issuing, SERIAL + number, (SHA1, SHA256)[number % 2]) for number in range(len(STATUSES))]
    request = der.sequence(der.sequence(der.sequence(*(der.sequence(one) for one in ids))))
    data = respond(responder, request, *STATUSES.values())
    read = ocsp.load_der_ocsp_response(data).responses
    assert [single.certificate_status.name for single in read] == [name.partition(".")[0].upper() for name in STATUSES]
    assert findings_of_response(data) == set()


def test_errors_are_what_the_library_reads() -> None:
    assert {error.name: ocsp.load_der_ocsp_response(error.value).response_status.name for error in OcspError} == {
        error.name: error.name for error in OcspError
    }


REFUSED = {
    "until before from": {"until": NOW},
    "until after the responder's end": {"until": NOW + LIFE},
    "no zone": {"until": NOW.replace(tzinfo=None)},
}


@pytest.mark.parametrize("case", REFUSED)
def test_dates_that_lie_are_refused(responder: DelegatedSigner, issuing: Authority, case: str) -> None:
    with pytest.raises(OcspResponseError):
        respond(responder, make_request(issuing), Good(), **REFUSED[case])


def test_an_answer_to_nothing_is_refused(responder: DelegatedSigner) -> None:
    with pytest.raises(OcspResponseError):
        build_response(responder, [], NOW, NOW, NOW + HOUR)


def test_a_wrong_signature_never_leaves(responder: DelegatedSigner, issuing: Authority) -> None:
    broken = replace(responder, private_key=key("leaf"))
    with pytest.raises(SignerError):
        respond(broken, make_request(issuing), Good())


def test_the_responder_certificate_follows_the_profile(
    responder: DelegatedSigner, issuing: Authority, findings_of_certificate: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    certificate = responder.certificate
    certificate.verify_directly_issued_by(issuing.certificate)
    found = {item.oid._name: (item.critical, item.value) for item in certificate.extensions}
    assert list(found["extendedKeyUsage"][1]) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert isinstance(found["OCSPNoCheck"][1], x509.OCSPNoCheck)
    assert {label for label, (critical, _) in found.items() if critical} == {"keyUsage"}
    assert "cRLDistributionPoints" not in found
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == LIFE
    # The CPS address is said on purpose, as in every certificate of the platform.
    noticed = {("NOTICE", "pkix.certificate_policies_policy_has_qualifier")}
    assert {item for item in findings_of_certificate(responder.certificate_der) if item[0] != "INFO"} == noticed
