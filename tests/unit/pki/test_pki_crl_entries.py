"""The entries of a list as they are encoded, without reading it whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki.certificates.der import DerError
from pki.issuing.crl import CrlEntry, build_crl, encode_entries
from pki.status.crl_entries import raw_entries, serial_of
from pki.status.reasons import RevocationReason
from tests.support.hierarchies import Hierarchy

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
ENTRIES = [
    CrlEntry(1, NOW),
    CrlEntry(2**159 - 1, NOW, RevocationReason.KEY_COMPROMISE),
    CrlEntry(0x80, datetime(2051, 1, 1, tzinfo=UTC), RevocationReason.SUPERSEDED),
]


def signed(hierarchy: Hierarchy, entries: list[CrlEntry]) -> bytes:
    name = next(iter(hierarchy.signers))
    week = NOW + timedelta(days=7)
    return build_crl(hierarchy.authorities[name], hierarchy.signers[name], entries, 7, NOW, week)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_they_are_those_that_were_encoded_and_those_that_a_reader_finds(hierarchy: Hierarchy, count: int) -> None:
    data = signed(hierarchy, ENTRIES[:count])
    found = raw_entries(data)
    assert found == sorted(encode_entries(ENTRIES[:count]))
    assert [serial_of(raw) for raw in found] == [entry.serial_number for entry in x509.load_der_x509_crl(data)]


def test_an_entry_with_a_long_length(hierarchy: Hierarchy) -> None:
    """Not ours, but legal: extensions of an entry may be of any length."""
    name = next(iter(hierarchy.signers))
    authority = hierarchy.authorities[name]
    long = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x04\x81\xc8" + bytes(200))
    one = x509.RevokedCertificateBuilder().serial_number(5).revocation_date(NOW).add_extension(long, critical=False)
    builder = x509.CertificateRevocationListBuilder(authority.certificate.subject, NOW, NOW + timedelta(days=1))
    builder = builder.add_revoked_certificate(one.build())
    crl = builder.sign(rsa.generate_private_key(public_exponent=65537, key_size=2048), hashes.SHA256())
    (raw,) = raw_entries(crl.public_bytes(encoding=Encoding.DER))
    assert serial_of(raw) == 5
    assert len(raw) > 200


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x05\x00", b"\x30\x03\x02\x01\x05"])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises((DerError, IndexError)):
        raw_entries(data)
