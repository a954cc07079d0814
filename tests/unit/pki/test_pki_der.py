"""The small DER writer and its strict reader."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.certificates import der
from pki.certificates.tbs import read_tbs, read_time
from pki.errors import LintError


@given(st.integers(0, 2**200))
def test_integer_round_trips_in_its_shortest_form(value: int) -> None:
    encoded = der.integer(value)
    start, end = der.sole(encoded, der.INTEGER)
    content = encoded[start:end]
    assert int.from_bytes(content, "big", signed=True) == value
    assert len(content) == 1 or content[0] or content[1] & 0x80


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_length_is_minimal(length: int) -> None:
    encoded = der.octet_string(bytes(length))
    assert der.sole(encoded, der.OCTET_STRING) == (len(encoded) - length, len(encoded))
    assert len(encoded) - length == 2 + (length > 127) + (length > 255) + (length > 65535)


@pytest.mark.parametrize(
    "dotted", ["2.5.4.3", "1.2.840.113549.1.1.11", "1.3.6.1.4.1.32473.71.1.2.5", "2.999.1", "0.9.1"]
)
def test_object_identifier_is_that_of_the_library(dotted: str) -> None:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"")
    assert extension.value == b""
    usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(dotted)]).public_bytes()
    assert der.sequence(der.object_identifier(dotted)) == usage


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x01",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x01\x00",
        b"\x30\x81\x7f" + bytes(127),
        b"\x30\x82\x00\x80" + bytes(128),
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\xff" + bytes(200),
        b"\x1f\x01\x00",
        b"\x30\x00\x00",
        b"\x31\x00",
    ],
)
def test_reader_refuses_what_is_not_der(data: bytes) -> None:
    with pytest.raises(der.DerError):
        der.sole(data, der.SEQUENCE)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_reader_never_fails_otherwise(data: bytes) -> None:
    try:
        read_tbs(data)
    except LintError:
        return
    pytest.fail("no such short certificate")


def test_time_changes_form_in_2050() -> None:
    assert der.time(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)) == b"\x17\x0d491231235959Z"
    assert der.time(datetime(2050, 1, 1, tzinfo=UTC)) == b"\x18\x0f20500101000000Z"
    paris = timezone(timedelta(hours=1))
    assert der.time(datetime(2026, 1, 1, 0, 30, tzinfo=paris)) == b"\x17\x0d251231233000Z"


@given(st.integers(-631_152_000, 253_402_300_799))
def test_time_is_read_back(timestamp: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=timestamp)
    encoded = der.time(moment)
    assert read_time(encoded[0], encoded[2:]) == moment


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (der.UTC_TIME, b"2611231733Z"),
        (der.UTC_TIME, b"261123173319+0100"),
        (der.UTC_TIME, b"261323173319Z"),
        (der.UTC_TIME, b"+61123173319Z"),
        (der.UTC_TIME, b"26112317331 Z"),
        (der.GENERALIZED_TIME, b"20261123173319Z"),
        (der.GENERALIZED_TIME, b"20501123173319.5Z"),
        (der.UTF8_STRING, b"20501123173319Z"),
        (der.UTC_TIME, b"\xff" * 13),
    ],
)
def test_other_forms_of_time_are_refused(tag: int, content: bytes) -> None:
    with pytest.raises(ValueError):
        read_time(tag, content)
