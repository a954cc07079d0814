"""Delegated keys, the same for both offices: what is certified, what is loaded, and what is refused."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pki.authority import Authority
from pki.certificates import der
from pki.delegates.delegated import (
    DelegatedSigner,
    Office,
    issue_certificate,
    load_delegated_signer,
    prepare_certificate,
    signer_file,
)
from pki.delegates.ocsp_signer import RESPONDER
from pki.delegates.seal import SEAL
from pki.errors import DelegationError, SignerError
from tests.unit.pki.ocsp_support import HOUR, LIFE, make_responder
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, KeySigner, make_issuing

PASSPHRASE = b"une phrase de passe de test"


@pytest.fixture(params=[RESPONDER, SEAL], ids=lambda office: office.product)
def office(request: pytest.FixtureRequest) -> Office:
    office: Office = request.param
    return office


def test_a_delegate_never_outlives_its_authority(issuing: Authority, office: Office) -> None:
    responder = make_responder(issuing, now=issuing.not_after - HOUR, office=office)
    assert responder.not_after == issuing.not_after
    with pytest.raises(DelegationError):
        make_responder(issuing, now=issuing.not_after, office=office)


def test_only_the_profile_is_signed(issuing: Authority, root: Authority, office: Office) -> None:
    public = key("leaf-2").public_key()
    signer = KeySigner(issuing.short_name, key("issuing"))
    tbs = prepare_certificate(office, issuing, public, SERIAL, NOW, LIFE)
    others = prepare_certificate(office, root, public, SERIAL, NOW, LIFE)
    (another,) = {RESPONDER, SEAL} - {office}
    anothers = prepare_certificate(another, issuing, public, SERIAL, NOW, LIFE)
    for wrong in (
        others,
        tbs.replace(office.prefix.encode(), office.prefix.encode().swapcase()),
        anothers,
        b"\x30\x00",
    ):
        with pytest.raises(DelegationError):
            issue_certificate(office, issuing, signer, wrong)
    with pytest.raises(SignerError):
        issue_certificate(office, issuing, KeySigner(root.short_name, key("root")), tbs)


def test_bytes_of_another_time_are_not_signed_beyond_the_authority(office: Office) -> None:
    """Stored before the authority was known to end earlier: the profile is asked again at the signature."""
    long, short = make_issuing(), make_issuing(until=NOW + HOUR)
    tbs = prepare_certificate(office, long, key("leaf-2").public_key(), SERIAL, NOW, LIFE)
    with pytest.raises(DelegationError, match="outlives"):
        issue_certificate(office, short, KeySigner(short.short_name, key("issuing")), tbs)


@pytest.fixture
def holder(issuing: Authority, office: Office) -> DelegatedSigner:
    return make_responder(issuing, office=office)


@pytest.fixture
def file(holder: DelegatedSigner, office: Office, issuing: Authority, tmp_path: Path) -> Path:
    return write(office, tmp_path, issuing, holder.certificate, key("leaf-2"))


def write(
    office: Office,
    folder: Path,
    authority: Authority,
    certificate: x509.Certificate,
    private: rsa.RSAPrivateKey,
    mode: int = 0o600,
) -> Path:
    path = signer_file(office, folder, authority.short_name)
    encrypted = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + encrypted)
    path.chmod(mode)
    return path


def test_the_key_is_loaded_and_signs(file: Path, office: Office, issuing: Authority) -> None:
    signer = load_delegated_signer(office, issuing, file, PASSPHRASE)
    assert signer.authority == issuing.short_name
    signer.public_key.verify(signer.sign(b"abc"), b"abc", PKCS1v15(), SHA256())
    assert "private" not in repr(signer)


def test_files_that_do_not_fit_are_refused(
    file: Path, office: Office, issuing: Authority, root: Authority, holder: DelegatedSigner, tmp_path: Path
) -> None:
    cases = {
        "wrong pass phrase": (issuing, file, b"autre phrase de passe"),
        "another authority": (root, file, PASSPHRASE),
        "missing": (issuing, tmp_path / "absent.pem", PASSPHRASE),
    }
    other = tmp_path / "other"
    other.mkdir()
    (another,) = {RESPONDER, SEAL} - {office}
    strange = make_responder(issuing, office=another)
    third = tmp_path / "office"
    third.mkdir()
    cases["another office"] = (issuing, write(office, third, issuing, strange.certificate, key("leaf-2")), PASSPHRASE)
    cases["another key"] = (issuing, write(office, other, issuing, holder.certificate, key("leaf")), PASSPHRASE)
    ca = tmp_path / "ca"
    ca.mkdir()
    cases["certificate of the authority"] = (
        issuing,
        write(office, ca, issuing, issuing.certificate, key("issuing")),
        PASSPHRASE,
    )
    forged = tmp_path / "forged"
    forged.mkdir()
    tbs = holder.certificate.tbs_certificate_bytes
    signature = der.bit_string(key("stranger").sign(tbs, PKCS1v15(), SHA256()))
    by_a_stranger = x509.load_der_x509_certificate(der.sequence(tbs, der.SHA256_WITH_RSA, signature))
    cases["signed by a stranger"] = (issuing, write(office, forged, issuing, by_a_stranger, key("leaf-2")), PASSPHRASE)
    opened = tmp_path / "open"
    opened.mkdir()
    path = write(office, opened, issuing, holder.certificate, key("leaf-2"), mode=0o644)
    cases["open to others"] = (issuing, path, PASSPHRASE)
    refused = set()
    for case, arguments in cases.items():
        try:
            load_delegated_signer(office, *arguments)
        except SignerError:
            refused.add(case)
    assert refused == set(cases)
