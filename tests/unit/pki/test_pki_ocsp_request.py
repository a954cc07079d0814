"""OCSP requests from friends and enemies: what is read, and what is malformedRequest."""

import pytest
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.certificates import der
from pki.errors import OcspRequestError
from pki.status.ocsp_request import MAX_REQUEST_BYTES, NONCE, make_cert_id, plain_request, read_request
from pki.status.ocsp_response import issuer_hashes
from tests.unit.pki.ocsp_support import cert_id, make_request
from tests.vectors.samples import SERIAL, make_issuing

ISSUING = make_issuing()
CERT_ID = cert_id(ISSUING)
SINGLE = der.sequence(CERT_ID)
UNKNOWN_EXTENSION = "1.3.6.1.4.1.32473.1"


def explicit(number: int, content: bytes) -> bytes:
    return der.tlv(0xA0 + number, content)


def nonce(content: bytes) -> bytes:
    return der.extension(NONCE, der.octet_string(content))


def request(*parts: bytes, singles: bytes = SINGLE, extensions: bytes = b"", signature: bytes = b"") -> bytes:
    listed = explicit(2, der.sequence(extensions)) if extensions else b""
    return der.sequence(der.sequence(*parts, der.sequence(singles), listed), signature)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("serial", [1, 0x7F, 0x80, SERIAL, 2**159 - 1])
def test_a_plain_request_is_made_as_clients_make_it(rank: int, serial: int) -> None:
    algorithm, name_hash, key_hash = issuer_hashes(ISSUING.name_der, ISSUING.key_bits)[rank]
    made = make_cert_id(algorithm, name_hash, key_hash, serial)
    theirs = make_request(ISSUING, serial, (SHA1, SHA256)[rank])
    assert plain_request(made) == theirs
    assert read_request(theirs).cert_ids == (made,)


@pytest.mark.parametrize("algorithm", [SHA1, SHA256])
def test_a_request_of_the_library_is_read(algorithm: type[HashAlgorithm]) -> None:
    found = read_request(make_request(ISSUING, SERIAL, algorithm, nonce=b"n" * 32))
    (asked,) = found.cert_ids
    assert asked.serial == SERIAL
    assert asked.der == cert_id(ISSUING, SERIAL, algorithm)
    assert (
        asked.algorithm == der.object_identifier("1.3.14.3.2.26" if algorithm is SHA1 else "2.16.840.1.101.3.4.2.1")[2:]
    )
    assert (len(asked.name_hash), len(asked.key_hash)) == (algorithm().digest_size,) * 2
    assert found.nonce == b"n" * 32


ACCEPTED = {
    "least": request(),
    "version 1 written out": request(explicit(0, der.integer(0))),
    "requestor name": request(explicit(1, der.tlv(0x82, b"client.example"))),
    "signature passed over": request(signature=explicit(0, der.sequence(der.SHA256_WITH_RSA, der.bit_string(b"x")))),
    "extension of a single request": request(
        singles=der.sequence(CERT_ID, explicit(0, der.sequence(der.extension(UNKNOWN_EXTENSION, b"\x05\x00"))))
    ),
    "unknown extension": request(extensions=der.extension(UNKNOWN_EXTENSION, b"\x05\x00")),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert [asked.serial for asked in read_request(ACCEPTED[name]).cert_ids] == [SERIAL]


def test_every_cert_id_is_read_in_order() -> None:
    serials = [3, 1, 2**158, 1, -1, 0]
    singles = b"".join(der.sequence(_with_serial(serial)) for serial in serials)
    assert [asked.serial for asked in read_request(request(singles=singles)).cert_ids] == serials


def _with_serial(serial: int) -> bytes:
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    return cert_id_with(der.tlv(der.INTEGER, octets))


def cert_id_with(serial: bytes) -> bytes:
    parts = der.children(CERT_ID, *der.sole(CERT_ID, der.SEQUENCE))
    return der.sequence(CERT_ID[parts[0][1] : parts[2][3]], serial)


@pytest.mark.parametrize("length", [1, 15, 16, 32, 33, 128])
def test_nonce_lengths_of_rfc_9654_are_accepted(length: int) -> None:
    assert read_request(request(extensions=nonce(b"n" * length))).nonce == b"n" * length


MALFORMED = {
    "nothing": b"",
    "not ASN.1": b"GET / HTTP/1.1",
    "trailing octet": request() + b"\x00",
    "cut": request()[:-1],
    "indefinite length": b"\x30\x80" + request()[2:] + b"\x00\x00",
    "length not minimal": b"\x30\x81" + request()[1:],
    "version 2": request(explicit(0, der.integer(1))),
    "empty list": request(singles=b""),
    "something behind the signature": request(signature=explicit(0, b"") + explicit(0, b"")),
    "single request without CertID": request(singles=der.sequence()),
    "CertID without serial": request(singles=der.sequence(cert_id_with(b""))),
    "serial of no octet": request(singles=der.sequence(cert_id_with(b"\x02\x00"))),
    "serial with a needless octet": request(singles=der.sequence(cert_id_with(b"\x02\x02\x00\x01"))),
    "serial as a string": request(singles=der.sequence(cert_id_with(der.octet_string(b"1")))),
    "nonce of 0 octets": request(extensions=nonce(b"")),
    "nonce of 129 octets": request(extensions=nonce(b"n" * 129)),
    "nonce not in an OCTET STRING": request(extensions=der.extension(NONCE, b"n" * 20)),
    "nonce twice": request(extensions=nonce(b"n" * 16) + nonce(b"n" * 16)),
    "critical extension not understood": request(
        extensions=der.extension(UNKNOWN_EXTENSION, b"\x05\x00", critical=True)
    ),
    "extension without value": request(extensions=der.sequence(der.object_identifier(NONCE))),
    "too long": request(singles=SINGLE * (MAX_REQUEST_BYTES // len(SINGLE) + 1)),
    "deep": b"\x30\x80" * 4000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    with pytest.raises(OcspRequestError):
        read_request(MALFORMED[name])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    _read_or_refuse(data)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_no_damaged_request_raises_anything_else(data: st.DataObject) -> None:
    damaged = bytearray(request(extensions=nonce(b"n" * 32)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


def _read_or_refuse(data: bytes) -> None:
    try:
        assert read_request(data).cert_ids
    except OcspRequestError:
        return
