"""The auditor's own reader of DER, and the end of an audit in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.context import Report
from audit.findings import Topic
from audit.reading import asn1
from audit.reading.asn1 import DerError
from audit.reading.certificate import moment, read_certificate, read_extension
from audit.report import as_json, lines
from audit.trail import asked
from audit.trail.history import _ETATS, _NEXT, REVOKED
from pki.certificates import der
from registration.rules.states import DEMANDE
from registration.vocabulary import CodeAction, EtatDemande


@given(st.binary(max_size=300), st.integers(0, 30))
def test_what_is_written_is_read(content: bytes, tag: int) -> None:
    encoded = asn1.encode(tag, content)
    assert encoded == der.tlv(tag, content)
    assert asn1.content_of(encoded, tag) == content


@given(st.integers(0, 2**160))
def test_numbers(value: int) -> None:
    encoded = asn1.encode_number(value)
    assert encoded == der.integer(value)
    assert asn1.whole_number(asn1.content_of(encoded, asn1.INTEGER)) == value


@given(st.integers(0, 2), st.lists(st.integers(0, 2**40), min_size=1, max_size=6))
def test_object_identifiers(first: int, rest: list[int]) -> None:
    text = ".".join(map(str, (first, rest[0] % 40, *rest[1:])))
    encoded = asn1.encode_oid(text)
    assert encoded == der.object_identifier(text)
    assert asn1.dotted(asn1.content_of(encoded, asn1.OID)) == text


@given(st.binary(max_size=40))
def test_any_bytes_are_a_certificate_or_a_der_error(content: bytes) -> None:
    for encoded in (content, asn1.encode(asn1.SEQUENCE, content)):
        with pytest.raises(DerError):
            read_certificate(encoded)


@pytest.mark.parametrize(
    "broken",
    [
        b"\x30",  # no length
        b"\x30\x80\x00\x00",  # indefinite
        b"\x30\x81\x05abcde",  # short enough for the short form
        b"\x30\x82\x00\x81" + b"a" * 129,  # a needless octet of length
        b"\x30\x02a",  # cut
        b"\x1f\x01a",  # a tag of more than one octet
        b"\x30\x85\x01\x00\x00\x00\x00",  # longer than anything here
    ],
)
def test_what_is_not_der(broken: bytes) -> None:
    with pytest.raises(DerError):
        asn1.elements(broken)


@pytest.mark.parametrize("content", [b"", b"\x00\x7f", b"\xff\x80"])
def test_numbers_that_are_not_der(content: bytes) -> None:
    with pytest.raises(DerError):
        asn1.whole_number(content)


@pytest.mark.parametrize("content", [b"", b"\x2a\x86"])
def test_identifiers_that_are_not_der(content: bytes) -> None:
    with pytest.raises(DerError):
        asn1.dotted(content)


@pytest.mark.parametrize(
    ("tag", "content", "year"),
    [
        (asn1.UTC_TIME, b"500101000000Z", 1950),
        (asn1.UTC_TIME, b"491231235959Z", 2049),
        (asn1.GENERALIZED_TIME, b"20500101000000Z", 2050),
    ],
)
def test_dates(tag: int, content: bytes, year: int) -> None:
    assert moment(tag, content).year == year


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (asn1.UTC_TIME, b"2601010000Z"),  # no seconds
        (asn1.UTC_TIME, b"260101000000+0100"),
        (asn1.UTC_TIME, b"261301000000Z"),
        (asn1.GENERALIZED_TIME, b"20490101000000Z"),  # UTCTime until the end of 2049
        (asn1.GENERALIZED_TIME, b"20500101000000.5Z"),
        (asn1.UTF8_STRING, b"260101000000Z"),
        (asn1.UTC_TIME, b"26010100000\xe9Z"),
    ],
)
def test_dates_that_are_none(tag: int, content: bytes) -> None:
    with pytest.raises(DerError):
        moment(tag, content)


@pytest.mark.parametrize("flag", [b"\x01\x01\x00", b"\x01\x01\x01", b"\x02\x01\xff"])
def test_a_critical_flag_has_one_form(flag: bytes) -> None:
    oid, value = asn1.encode_oid("2.5.29.15"), asn1.encode(asn1.OCTET_STRING, b"\x05\x00")
    assert read_extension(asn1.encode(asn1.SEQUENCE, oid, b"\x01\x01\xff", value)).critical
    with pytest.raises(DerError):
        read_extension(asn1.encode(asn1.SEQUENCE, oid, flag, value))


def test_the_steps_of_the_auditor_are_those_that_exist() -> None:
    """Written twice on purpose; here the two are compared."""
    steps = set(_ETATS) | {asked.RECORDED, asked.GIVEN_UP, asked.DONE, asked.NOT_DONE}
    assert steps == {action.value for action in CodeAction}
    arrows = {
        (before, after)
        for step, following in _NEXT.items()
        if step
        for before in _ETATS[step]
        for one in following
        if one != REVOKED
        for after in _ETATS[one]
        if before != after
    }
    assert arrows == {(EtatDemande(a).value, b.value) for a, targets in DEMANDE.items() for b in targets}


def test_a_flood_of_findings_is_counted_and_cut() -> None:
    report = Report()
    report.checked["certificats"] = 100_000
    for number in range(10_000):
        report.add(Topic.CERTIFICATE, f"AC {number:032x}", "faux")
    report.add(Topic.CRL, "CRL AC", "échue")
    printed = list(lines(report))
    assert printed[0] == "CERTIFICAT : 10000"
    assert printed[51:] == [
        "  ... et 9950 de plus",
        "CRL : 1",
        "  CRL AC : échue",
        "Contrôlé : 100000 certificats. Résultat : 10001 anomalies.",
    ]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    written = json.loads(as_json(report, now, now))
    assert written["anomalies"] == {"CERTIFICAT": 10_000, "CRL": 1}
    assert len(written["constats"]) == 2_001
