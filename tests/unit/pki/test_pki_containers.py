"""PKCS#7 and PKCS#12, read back by the library."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7, pkcs12

from pki.authority import Authority
from pki.containers.pkcs7 import certs_only, read_certs_only
from pki.containers.pkcs12 import Pkcs12Form, to_pkcs12
from pki.errors import ContainerError
from pki.issuing.issuance import issue, lint, prepare
from tests.support.assertions import the
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, spki

PASSWORD = "Été à l'hôpital 12"


@pytest.fixture(scope="module")
def leaf(issuing: Authority, signer: KeySigner) -> bytes:
    return issue(lint(prepare(issuing, SHAPES["pro-auth"], spki(), SERIAL, NOW), issuing), signer).der


def test_certs_only_holds_the_leaf_then_its_chain(leaf: bytes, issuing: Authority) -> None:
    assert read_certs_only(certs_only(leaf, issuing.chain)) == [leaf, *issuing.chain]


def test_certs_only_is_der_but_for_the_order_of_one_set(leaf: bytes, issuing: Authority) -> None:
    """The library writes the same octets, with the certificates in the order of DER."""
    given = (leaf, *issuing.chain)
    ours, theirs = (
        certs_only(leaf, issuing.chain),
        pkcs7.serialize_certificates([x509.load_der_x509_certificate(one) for one in given], Encoding.DER),
    )
    begin = ours.index(leaf)
    length = sum(map(len, given))
    assert (ours[:begin], ours[begin + length :]) == (theirs[:begin], theirs[begin + length :])
    assert ours[begin : begin + length] == b"".join(given)
    assert theirs[begin : begin + length] == b"".join(sorted(given))


def test_the_library_reads_it_in_order(leaf: bytes, issuing: Authority) -> None:
    with pytest.warns(UserWarning, match="falling back to parsing as BER"):
        found = pkcs7.load_der_pkcs7_certificates(certs_only(leaf, issuing.chain))
    assert [one.public_bytes(Encoding.DER) for one in found] == [leaf, *issuing.chain]


def test_certs_only_refuses_what_is_no_certificate(leaf: bytes) -> None:
    with pytest.raises(ContainerError):
        certs_only(leaf, (b"\x30\x00",))


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN PKCS7-----", bytes(range(100))])
def test_unreadable_pkcs7_is_refused(data: bytes) -> None:
    with pytest.raises(ContainerError):
        read_certs_only(data)


def test_truncated_pkcs7_is_refused(leaf: bytes, issuing: Authority) -> None:
    with pytest.raises(ContainerError):
        read_certs_only(certs_only(leaf, issuing.chain)[:-3])


@pytest.mark.parametrize("form", Pkcs12Form)
def test_pkcs12_round_trip(leaf: bytes, issuing: Authority, form: Pkcs12Form) -> None:
    data = to_pkcs12(key("leaf"), leaf, issuing.chain, PASSWORD, friendly_name="appli", form=form)
    opened = pkcs12.load_pkcs12(data, PASSWORD.encode())
    assert isinstance(opened.key, rsa.RSAPrivateKey)
    assert opened.key.private_numbers() == key("leaf").private_numbers()
    own = the(opened.cert)
    assert own.certificate.public_bytes(Encoding.DER) == leaf
    assert own.friendly_name == b"appli"
    assert {entry.certificate.public_bytes(Encoding.DER) for entry in opened.additional_certs} == set(issuing.chain)
    with pytest.raises(ValueError):
        pkcs12.load_pkcs12(data, b"another password")


def test_pkcs12_refuses_short_passwords_and_foreign_keys(leaf: bytes, issuing: Authority) -> None:
    with pytest.raises(ContainerError):
        to_pkcs12(key("leaf"), leaf, issuing.chain, "elevenchars")
    with pytest.raises(ContainerError):
        to_pkcs12(key("leaf-2"), leaf, issuing.chain, PASSWORD)
    with pytest.raises(ContainerError):
        to_pkcs12(key("leaf"), b"\x30\x00", issuing.chain, PASSWORD)


def test_leaf_is_found_again_by_its_key(leaf: bytes, issuing: Authority) -> None:
    found = [
        der
        for der in read_certs_only(certs_only(leaf, issuing.chain))
        if x509.load_der_x509_certificate(der).public_key() == key("leaf").public_key()
    ]
    assert found == [leaf]
