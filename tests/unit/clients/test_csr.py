"""CSR files that other tools made: each form reads the same, and each other thing is told for what it is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clients.contract.values import DemandeCertificat, Lot
from clients.keys.csr import CsrError, read_csr
from clients.keys.one import KeyTarget, make_key
from clients.lots.manifest import find_keys, sent_keys


def with_version(der: bytes, version: int) -> bytes:
    """The same request under another version number; its signature no longer matters."""
    at = der.index(b"\x02\x01\x00")
    return der[:at] + bytes([2, 1, version]) + der[at + 3 :]


def with_unknown_key(der: bytes) -> bytes:
    return der.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01017f"), 1)


@pytest.mark.parametrize(
    "form",
    [
        lambda pem: pem,
        lambda pem: pem.replace(b"\n", b"\r\n"),
        lambda pem: b"\xef\xbb\xbf" + pem,
        lambda pem: pem.decode().encode("utf-16"),
        lambda pem: b"Bag Attributes\n  friendlyName: a\n" + pem,
        lambda pem: pem.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"),
    ],
)
def test_every_form_of_one_csr_gives_the_same_der(csr_pem: bytes, csr: bytes, form: Callable[[bytes], bytes]) -> None:
    assert read_csr(form(csr_pem)) == read_csr(csr) == csr


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda pem, der: with_version(der, 1), "version"),
        (lambda pem, der: with_version(der, 2), "version"),
        (lambda pem, der: pem + pem, "2 CSR"),
        (lambda pem, der: b" \r\n", "vide"),
        (lambda pem, der: der[:-5], "coupé"),
        (lambda pem, der: der + b"\0", "coupé"),
        (lambda pem, der: pem[:400] + b"\n-----END CERTIFICATE REQUEST-----\n", "PEM"),
        (lambda pem, der: base64.b64encode(pem), "PEM encodé encore une fois"),
        (lambda pem, der: base64.b64encode(der), "sans les lignes BEGIN"),
        (lambda pem, der: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "un certificat"),
        (lambda pem, der: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "clé privée"),
        (lambda pem, der: b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "PKCS7"),
        (lambda pem, der: b"PK\x03\x04rien", "archive"),
        (lambda pem, der: "bonjour à tous".encode(), "PKCS#10"),
    ],
)
def test_whatever_else_a_file_is_gets_a_french_text(
    csr_pem: bytes, csr: bytes, make: Callable[[bytes, bytes], bytes], words: str
) -> None:
    with pytest.raises(CsrError, match=words):
        read_csr(make(csr_pem, csr))


def test_keys_of_other_kinds_are_the_service_s_to_judge(csr: bytes) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    key = ec.generate_private_key(ec.SECP256R1())
    curve = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    for der in (curve.public_bytes(serialization.Encoding.DER), with_unknown_key(csr)):
        assert read_csr(der) == der


@pytest.mark.parametrize("odd", [lambda der: with_version(der, 1), with_unknown_key, lambda der: b"0"])
def test_a_lot_with_an_odd_csr_is_withdrawn_all_the_same(csr: bytes, odd: Callable[[bytes], bytes]) -> None:
    item = DemandeCertificat(offre="PS", usage="AUTH", email_acteur="a@h.example", csr=odd(csr))
    good = DemandeCertificat(offre="PS", usage="AUTH", email_acteur="a@h.example", csr=csr)
    assert list(sent_keys(Lot(reference="R", demande=(item, good)))) == [2]


def test_an_odd_csr_beside_a_key_is_made_again_and_stops_nobody(tmp_path: Path, csr: bytes) -> None:
    target = KeyTarget(folder=tmp_path, stem="a", common_name="a")
    made = make_key(target)
    odd = base64.encodebytes(with_version(csr, 1))
    target.csr_file.write_bytes(b"-----BEGIN CERTIFICATE REQUEST-----\n" + odd + b"-----END CERTIFICATE REQUEST-----\n")
    assert find_keys(tmp_path) == {}
    again = x509.load_der_x509_csr(make_key(target))
    assert again.public_key() == x509.load_der_x509_csr(made).public_key()
    assert isinstance(again.public_key(), rsa.RSAPublicKey)
