"""OCSP answers and their delegated signers, read by the library and pkilint."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from pkilint import loader, pkix
from pkilint.pkix import extension, name
from pkilint.pkix import ocsp as pkilint_ocsp

from pki import der
from pki.errors import OcspResponseError, SignerError
from pki.ocsp_request import read_request
from pki.ocsp_response import Good, OcspError, Revoked, SingleAnswer, Unknown, build_response
from pki.ocsp_signer import issue_certificate, load_delegated_signer, prepare_certificate, signer_file
from pki.revocation import RevocationReason
from tests.unit.pki.conftest import _found
from tests.unit.pki.ocsp_support import HOUR, LIFE, cert_id, make_request, make_responder
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, KeySigner

PASSPHRASE = b"phrase de passe de test"
STATUSES = {
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
def responder(issuing):
    return make_responder(issuing)


@pytest.fixture(scope="module")
def findings_of_response():
    validator = pkilint_ocsp.create_pkix_ocsp_response_validator_container(
        [
            pkilint_ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
    return lambda der: _found(validator.validate(loader.load_ocsp_response(der, "response").root))


def respond(responder, request: bytes, *statuses, until=NOW + HOUR) -> bytes:
    asked = read_request(request)
    answers = [SingleAnswer(cert_id, status) for cert_id, status in zip(asked.cert_ids, statuses, strict=True)]
    return build_response(responder, answers, NOW, until, asked.nonce)


@pytest.mark.parametrize("shape", STATUSES)
@pytest.mark.parametrize("algorithm", [SHA1, SHA256])
@pytest.mark.parametrize("nonce", [None, b"n" * 32], ids=["plain", "nonce"])
def test_every_shape_is_read_back_and_pkilint_finds_nothing(
    responder, issuing, findings_of_response, shape, algorithm, nonce
):
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


def _padding():
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    return PKCS1v15(), SHA256()


def test_pkilint_sees_a_defect(responder, issuing, findings_of_response):
    data = respond(responder, make_request(issuing), Good())
    # producedAt and thisUpdate with a zone other than Z
    assert findings_of_response(data.replace(b"Z0", b"A0"))


def test_an_answer_to_several_is_read_and_pkilint_finds_nothing(responder, issuing, findings_of_response):
    ids = [cert_id(issuing, SERIAL + number, (SHA1, SHA256)[number % 2]) for number in range(len(STATUSES))]
    request = der.sequence(der.sequence(der.sequence(*(der.sequence(one) for one in ids))))
    data = respond(responder, request, *STATUSES.values())
    read = ocsp.load_der_ocsp_response(data).responses
    assert [single.certificate_status.name for single in read] == [name.partition(".")[0].upper() for name in STATUSES]
    assert findings_of_response(data) == set()


def test_errors_are_what_the_library_reads():
    assert {error.name: ocsp.load_der_ocsp_response(error.value).response_status.name for error in OcspError} == {
        error.name: error.name for error in OcspError
    }


REFUSED = {
    "until before from": {"until": NOW},
    "until after the responder's end": {"until": NOW + LIFE},
    "no zone": {"until": NOW.replace(tzinfo=None)},
}


@pytest.mark.parametrize("case", REFUSED)
def test_dates_that_lie_are_refused(responder, issuing, case):
    with pytest.raises(OcspResponseError):
        respond(responder, make_request(issuing), Good(), **REFUSED[case])


def test_an_answer_to_nothing_is_refused(responder):
    with pytest.raises(OcspResponseError):
        build_response(responder, [], NOW, NOW + HOUR)


def test_a_wrong_signature_never_leaves(responder, issuing):
    broken = replace(responder, private_key=key("leaf"))
    with pytest.raises(SignerError):
        respond(broken, make_request(issuing), Good())


def test_the_responder_certificate_follows_the_profile(responder, issuing, findings_of_certificate):
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


def test_a_responder_never_outlives_its_authority(issuing):
    responder = make_responder(issuing, now=issuing.not_after - HOUR)
    assert responder.not_after == issuing.not_after
    with pytest.raises(OcspResponseError):
        make_responder(issuing, now=issuing.not_after)


def test_only_the_profile_is_signed(issuing, root):
    public = key("leaf-2").public_key()
    signer = KeySigner(issuing.short_name, key("issuing"))
    tbs = prepare_certificate(issuing, public, SERIAL, NOW, LIFE)
    others = prepare_certificate(root, public, SERIAL, NOW, LIFE)
    for wrong in (others, tbs.replace(b"OCSP TEST", b"TEST OCSP"), b"\x30\x00"):
        with pytest.raises(OcspResponseError):
            issue_certificate(issuing, signer, wrong)
    with pytest.raises(SignerError):
        issue_certificate(issuing, KeySigner(root.short_name, key("root")), tbs)


@pytest.fixture
def file(responder, issuing, tmp_path):
    return write(tmp_path, issuing, responder.certificate, key("leaf-2"))


def write(folder, authority, certificate, private, mode=0o600):
    path = signer_file(folder, authority.short_name)
    encrypted = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + encrypted)
    path.chmod(mode)
    return path


def test_the_key_is_loaded_and_signs(file, issuing):
    signer = load_delegated_signer(issuing, file, PASSPHRASE)
    assert signer.authority == issuing.short_name
    assert respond(signer, make_request(issuing), Good())
    assert "private" not in repr(signer)


def test_files_that_do_not_fit_are_refused(file, issuing, root, responder, tmp_path):
    cases = {
        "wrong pass phrase": (issuing, file, b"autre phrase de passe"),
        "another authority": (root, file, PASSPHRASE),
        "missing": (issuing, tmp_path / "absent.pem", PASSPHRASE),
    }
    other = tmp_path / "other"
    other.mkdir()
    cases["another key"] = (issuing, write(other, issuing, responder.certificate, key("leaf")), PASSPHRASE)
    ca = tmp_path / "ca"
    ca.mkdir()
    cases["certificate of the authority"] = (
        issuing,
        write(ca, issuing, issuing.certificate, key("issuing")),
        PASSPHRASE,
    )
    opened = tmp_path / "open"
    opened.mkdir()
    path = write(opened, issuing, responder.certificate, key("leaf-2"), mode=0o644)
    cases["open to others"] = (issuing, path, PASSPHRASE)
    refused = set()
    for case, arguments in cases.items():
        try:
            load_delegated_signer(*arguments)
        except SignerError:
            refused.add(case)
    assert refused == set(cases)
