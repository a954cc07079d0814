"""A certificate to revoke is named by its own file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from clients.keys.certificate import CertificateFileError, issuer_and_serial

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def certificate(serial: int, common_name: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Hôpitaux, été"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name),
        ]
    )
    builder = x509.CertificateBuilder(issuer, issuer, key.public_key(), serial, NOW, NOW + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def test_the_first_certificate_of_a_file_gives_its_issuer_and_its_number(tmp_path: Path) -> None:
    leaf, chain = certificate(0x0A1B2C, "AC DES ESSAIS"), certificate(1, "RACINE")
    pem, der = tmp_path / "c.pem", tmp_path / "c.cer"
    pem.write_bytes(leaf.public_bytes(Encoding.PEM) + chain.public_bytes(Encoding.PEM))
    der.write_bytes(leaf.public_bytes(Encoding.DER))
    assert issuer_and_serial(pem) == issuer_and_serial(der) == (leaf.issuer.rfc4514_string(), "A1B2C")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("c.pem", None, "il n'existe pas"),
        ("c.pem", b"", "n'est pas un certificat"),
        ("c.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "n'est pas un certificat"),
        ("c.p7b", b"0\x80", "prenez le .pem"),
    ],
)
def test_another_file_is_told_for_what_it_is_not(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CertificateFileError, match=words):
        issuer_and_serial(tmp_path / name)
