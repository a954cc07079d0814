"""A file of serials: every form that people send, and every fault with its line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.revocation.list_file import Line, RevocationFile, RevocationFileError, read_revocations

AUTHORITIES = {"ACI-EL-ORG-TEST", "ACI-EL-PP-TEST"}
SERIAL = "00ab" * 8


def read(text: str | bytes, raison: str | None = "superseded") -> RevocationFile:
    content = text.encode() if isinstance(text, str) else text
    return read_revocations(content.splitlines(keepends=True), raison, AUTHORITIES)


def faults(text: str | bytes, raison: str | None = "superseded") -> list[tuple[int, str]]:
    with pytest.raises(RevocationFileError) as caught:
        read(text, raison)
    return caught.value.faults


@pytest.mark.parametrize(
    "written",
    [
        SERIAL,
        SERIAL.upper(),
        "0x" + SERIAL,
        "0X" + SERIAL.upper(),
        ":".join(SERIAL[at : at + 2] for at in range(0, 32, 2)).upper(),
        SERIAL.removeprefix("00"),
        "00" + SERIAL,
        f'"{SERIAL}"',
        f"  {SERIAL}\t",
        " ".join(SERIAL[at : at + 2] for at in range(0, 32, 2)).upper(),
        f'="{SERIAL}"',
        f"{SERIAL};;;;;",
        f"\ufeff{SERIAL}",
        f'\ufeff"{SERIAL}";""',
        f"{SERIAL}\t\t",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_every_way_to_write_a_serial_is_the_same_serial(written: str, end: str) -> None:
    assert read(written + end).lines == [Line(1, SERIAL, None, "superseded")]


@pytest.mark.parametrize("separator", [";", ",", " ; ", "\t,"])
def test_authority_and_reason_stand_behind_it(separator: str) -> None:
    whole = separator.join((SERIAL, "ACI-EL-PP-TEST", "keyCompromise"))
    assert read(whole).lines == [Line(1, SERIAL, "ACI-EL-PP-TEST", "keyCompromise")]
    assert read(separator.join((SERIAL, "", "KEYCOMPROMISE"))).lines == [Line(1, SERIAL, None, "keyCompromise")]
    assert read(separator.join((SERIAL, "ACI-EL-PP-TEST", ""))).lines[0].raison == "superseded"
    assert read(separator.join((SERIAL, "", ""))).lines == [Line(1, SERIAL, None, "superseded")]


def test_bom_header_comments_and_empty_lines_are_passed_over() -> None:
    content = f"\ufeffserie;autorite;raison\r\n# liste du 2 mars\r\n\r\n{SERIAL} # celui-ci\r\n;;\r\n"
    assert read(content).lines == [Line(4, SERIAL, None, "superseded")]


def test_what_spreadsheets_add_is_passed_over() -> None:
    content = f"\ufeffsep=;\r\n\ufeffSérie;Autorité;;;\r\n{SERIAL};ACI-EL-PP-TEST;;;\r\n;;;;\r\n"
    assert read(content).lines == [Line(3, SERIAL, "ACI-EL-PP-TEST", "superseded")]
    windows = f"Série;Autorité\r\n{SERIAL};ACI-EL-PP-TEST\r\n".encode("cp1252")
    assert read(windows).lines == [Line(2, SERIAL, "ACI-EL-PP-TEST", "superseded")]
    joined = f"\ufeff01\n\ufeff{SERIAL}\tACI-EL-PP-TEST\tkeyCompromise\n"
    assert [line.serial for line in read(joined).lines] == ["0" * 31 + "1", SERIAL]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{SERIAL}\n".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + f"{SERIAL}\n".encode("utf-16-be"), "UTF-16"),
        (b"01\r02\r03\r", "CR seul"),
        (b"01\r" * 1_000, "CR seul"),
    ],
)
def test_a_file_of_another_kind_is_told_how_to_save_it(content: bytes, told: str) -> None:
    with pytest.raises(RevocationFileError) as caught:
        read_revocations(content.split(b"\n"), "superseded", AUTHORITIES)
    assert told in caught.value.faults[0][1]
    assert "enregistrer" in caught.value.faults[0][1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("12g4", "hexadécimal"),
        (";ACI-EL-PP-TEST", "hexadécimal"),
        ("1.23E+30", "tableur"),
        ("1,23457E+25;ACI-EL-PP-TEST", "tableur"),
        ("12E+25", "tableur"),
        (f"\u200e{SERIAL}", "invisible (U+200E)"),
        (f"{SERIAL[:4]}\u200b{SERIAL[4:]}", "invisible (U+200B)"),
        ("01\u00a002;ACI-EL-PP-TEST", "invisible (U+00A0)"),
        ("01 2 03", "hexadécimal"),
        ("S\u00e9rie".encode("cp1252") + b"s", "UTF-8"),
        ("-1", "hexadécimal"),
        ("0x", "hexadécimal"),
        ("a:b", "hexadécimal"),
        ("0000", "positif"),
        ("f" * 42, "20 octets"),
        (SERIAL + ";AC-AUTRE", "autorité inconnue « AC-AUTRE » (connues : ACI-EL-ORG-TEST, ACI-EL-PP-TEST)"),
        (SERIAL + ";;certificateHold", "raison inconnue « certificateHold »"),
        (SERIAL + ";;removeFromCRL", "raison inconnue"),
        (SERIAL + ";ACI-EL-PP-TEST;superseded;4", "plus de trois colonnes"),
        ("1" * 2_000, "plus de 1000 octets"),
        (b"\xff\xfe1\x002\x00", "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(line: str | bytes, told: str) -> None:
    content = line.encode() if isinstance(line, str) else line
    ((number, text),) = faults(SERIAL.encode() + b"\n" + content + b"\n")
    assert number == 2
    assert told in text


def test_a_reason_must_come_from_somewhere() -> None:
    assert "aucune raison" in faults(SERIAL, None)[0][1]
    assert read(SERIAL + ";;superseded", None).lines[0].raison == "superseded"


@pytest.mark.parametrize("content", ["", "# rien\n", "serie;autorite\n"])
def test_a_file_that_asks_for_nothing_is_refused(content: str) -> None:
    assert faults(content) == [(1, "aucun numéro de série dans ce fichier")]


def test_duplicates_are_named_and_counted_once() -> None:
    found = read(f"{SERIAL}\n01\n0x{SERIAL}\n1\n{SERIAL.upper()}\n")
    assert [line.number for line in found.lines] == [1, 2]
    assert found.duplicates == [(3, 1), (4, 2), (5, 1)]


def test_one_serial_of_two_authorities_is_two_certificates() -> None:
    found = read(f"{SERIAL};ACI-EL-ORG-TEST\n{SERIAL};ACI-EL-PP-TEST\n")
    assert len(found.lines) == 2
    assert found.duplicates == []


@pytest.mark.parametrize(
    "second",
    [SERIAL + ";;keyCompromise", SERIAL + ";ACI-EL-PP-TEST", SERIAL + ";ACI-EL-ORG-TEST;keyCompromise"],
)
def test_lines_that_contradict_each_other_are_refused(second: str) -> None:
    first = SERIAL + ";ACI-EL-ORG-TEST" if ";ACI-EL-ORG" in second else SERIAL
    assert faults(f"{first}\n{second}\n") == [
        (2, "même série qu'à la ligne 1, mais une autre autorité ou une autre raison")
    ]


def test_a_screenful_of_faults_is_shown_and_all_are_counted() -> None:
    with pytest.raises(RevocationFileError) as caught:
        read("zz\n" * 1_000)
    assert len(caught.value.faults) == 1_000
    shown = str(caught.value).splitlines()
    assert len(shown) == 21
    assert shown[0].startswith("ligne 1 : ")
    assert shown[-1] == "... et 980 autres lignes fautives"


def test_a_private_key_named_by_mistake_is_not_printed() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDZsecretsecret"
    with pytest.raises(RevocationFileError) as caught:
        read(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    assert body[:20] not in str(caught.value)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with contextlib.suppress(RevocationFileError):
        assert read_revocations(content.splitlines(keepends=True), "superseded", AUTHORITIES).lines
