"""A lot as a file: what is written reads back the same, and every mistake is named with its place, in French."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from clients.contract.files import XSD
from clients.contract.schema_check import MAX_SHOWN, InvalidMessageError, Problem
from clients.contract.values import DemandeCertificat, Lot
from clients.lots.file import check_lot, fingerprint, read_lot, write_lot

HEADER = "reference;offre;usage;structure;serviceApplicatif;fqdn;emailActeur;csr"


def problems_of(path: Path, **options: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidMessageError) as caught:
        read_lot(path, **options)
    return caught.value.problems


@pytest.fixture
def table(tmp_path: Path, csr_pem: bytes, csr: bytes) -> Callable[..., Path]:
    (tmp_path / "un.csr").write_bytes(csr_pem)
    (tmp_path / "deux.der").write_bytes(csr)

    def write(*lines: str, header: str = HEADER, name: str = "lot-7.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("\r\n".join((header, *lines)).encode(encoding))
        return path

    return write


def test_a_written_lot_is_valid_under_the_published_schema_and_reads_back_the_same(lot: Lot, tmp_path: Path) -> None:
    path = tmp_path / "lot.xml"
    write_lot(lot, path)
    etree.XMLSchema(etree.parse(str(XSD))).assertValid(etree.parse(str(path)))
    assert read_lot(path) == lot
    assert fingerprint(read_lot(path)) == fingerprint(lot)


def test_prefixes_and_layout_do_not_change_the_fingerprint(lot: Lot, tmp_path: Path) -> None:
    path = tmp_path / "lot.xml"
    write_lot(lot, path)
    text = path.read_text(encoding="utf-8")
    prefixed = re.sub(r"<(/?)(\w)", r"<\1x:\2", text).replace("xmlns=", "xmlns:x=").replace("  ", "\t")
    path.write_text(prefixed, encoding="utf-8")
    assert fingerprint(read_lot(path)) == fingerprint(lot)


def test_a_csv_lot_reads_pem_and_der_csrs_and_several_names(table: Callable[..., Path], csr: bytes) -> None:
    path = table(
        "a;ORG;AUTH_CLI;1750140014;Accueil;;si@h.example;un.csr",
        "",
        "b;SERV;SSL_SERV;1750140014;;x.h.example, y.h.example z.h.example;si@h.example;deux.der",
    )
    lot = read_lot(path)
    assert lot.reference == "lot-7"
    assert [demande.reference for demande in lot.demande] == ["a", "b"]
    assert lot.demande[0].csr == lot.demande[1].csr == csr
    assert lot.demande[1].fqdn == ("x.h.example", "y.h.example", "z.h.example")
    assert read_lot(path, reference="R2").reference == "R2"


def test_a_spreadsheet_s_byte_order_mark_is_no_trouble(table: Callable[..., Path]) -> None:
    path = table("a;ORG;AUTH_CLI;1750140014;Accueil;;si@h.example;un.csr", encoding="utf-8-sig")
    assert len(read_lot(path).demande) == 1


def test_every_mistake_of_a_csv_is_named_with_line_demande_and_field(table: Callable[..., Path]) -> None:
    path = table(
        "a;ORG;AUTH_CLI;1750140014;Accueil;;si@h.example;deux.der",
        "b;XXX;AUTH_CLI;1750140014;Accueil;;si@h.example;absent.csr",
        "c d;ORG;AUTH_CLI;17;Accueil;;si@h.example;",
        "e;ORG;;1750140014;Accueil;;;un.csr",
    )
    found = [(one.ligne, one.position, one.champ) for one in problems_of(path)]
    assert found == [
        (3, 2, "csr"),
        (3, 2, "offre"),
        (4, 3, "csr"),
        (4, 3, "reference"),
        (4, 3, "structure"),
        (5, 4, "usage"),
        (5, 4, "emailActeur"),
    ]
    texts = [str(one) for one in problems_of(path)]
    assert "absent.csr" in texts[0]
    assert "PS, PRO, ORG, SERV" in texts[1]
    assert "1750140014" in texts[4], "the contract's own example helps"


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("offre;usage;emailActeur;couleur", "ORG;SIGN;a@h.example;rouge", "couleur"),
        ("offre;usage", "ORG;SIGN", "emailActeur"),
        ("offre;usage;emailActeur;usage", "ORG;SIGN;a@h.example;CONF", "double"),
        (HEADER, "a;ORG;AUTH_CLI;1750140014;Accueil;;si@h.example;un.csr;trop", "colonnes"),
        (HEADER, 'a;"ORG" x;AUTH_CLI', "guillemets"),
        (HEADER, "a;ORG;AUTH_CLI;1750140014;Accueil;;si@h.example;lot-7.csv", "PKCS#10"),
    ],
)
def test_a_csv_of_another_shape_is_refused(table: Callable[..., Path], header: str, line: str, expected: str) -> None:
    assert expected in str(problems_of(table(line, header=header))[0])


def test_a_file_name_that_cannot_be_a_reference_asks_for_one(table: Callable[..., Path]) -> None:
    path = table("a;ORG;AUTH_CLI;1750140014;Accueil;;si@h.example;un.csr", name="mon lot été.csv")
    assert problems_of(path)[0].champ == "reference"
    assert read_lot(path, reference="ete-2026").reference == "ete-2026"


def test_a_csv_in_another_encoding_is_refused(table: Callable[..., Path]) -> None:
    path = table("a;ORG;AUTH_CLI;1750140014;Médecine;;si@h.example;un.csr", encoding="latin-1")
    assert "UTF-8" in problems_of(path)[0].texte


XML = """<?xml version="1.0"?>
<lot xmlns="urn:igc-exemple:lots:1.0">
<reference>R1</reference>
<demande><offre>ORG</offre><usage>SIGN</usage><structure>1750140014</structure>
<emailActeur>a@h.example</emailActeur><csr>AAAA</csr></demande>
<demande><offre>ORG</offre><usage>SIGN</usage><structure>1750140014</structure>
<emailActeur>a@h.example</emailActeur><csr>AAAA</csr></demande>
</lot>"""


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("<offre>ORG", "<offre>org", (4, 1, "offre"), "PS, PRO, ORG, SERV"),
        ("<usage>SIGN</usage>", "", (4, 1, "usage"), "manque l'élément usage"),
        ("<emailActeur>a@h.example</emailActeur>", "", (4, 1, "emailActeur"), "manque l'élément emailActeur"),
        ("<csr>AAAA</csr>", "", (4, 1, "csr"), "manque l'élément csr"),
        ("<reference>R1</reference>", "", (4, None, "reference"), "manque l'élément reference"),
        (
            "<offre>ORG</offre><usage>SIGN</usage>",
            "<usage>SIGN</usage><offre>ORG</offre>",
            (4, 1, "usage"),
            "ordre attendu",
        ),
        ("<csr>AAAA</csr>", "<csr>AAAA</csr><csr>AAAA</csr>", (5, 1, "csr"), "2 fois, 1 au plus"),
        ("<offre>ORG</offre>", '<offre xmlns="">ORG</offre>', (4, 1, "offre"), "espace de noms"),
        ("a@h.example", "a@h.<!-- puis -->example", (5, 1, "emailActeur"), "dans une valeur"),
        ("AAAA</csr></demande>\n</lot>", "AA<?x?>AA</csr></demande>\n</lot>", (7, 2, "csr"), "dans une valeur"),
        ("<csr>AAAA</csr>", "<csr>A A*A</csr>", (5, 1, "csr"), ""),
        ("<csr>AAAA</csr>", "<csr></csr>", (5, 1, "csr"), "PKCS#10"),
        ("<reference>R1", "<reference>R 1", (3, None, "reference"), "64 au plus"),
        ("<emailActeur>a@h.example", "<emailActeur>" + "a" * 300, (5, 1, "emailActeur"), "254 caractères au plus"),
        ("<structure>1750140014", "<structure>10b0990011", (4, 1, "structure"), "par exemple 1750140014"),
        ("<demande><offre>", "<demande><reference>a b</reference><offre>", (4, 1, "reference"), "64 au plus"),
        (
            "<emailActeur>",
            f"<serviceApplicatif>{'x' * 65}</serviceApplicatif><emailActeur>",
            (5, 1, "serviceApplicatif"),
            "64 caractères",
        ),
        ("<emailActeur>", "<fqdn>a.fr</fqdn>" * 6 + "<emailActeur>", (5, 1, "fqdn"), "6 fois, 5 au plus"),
        ("<csr>AAAA</csr>", f"<csr>{'AAAA' * 5462}</csr>", (5, 1, "csr"), "16384 octets au plus"),
        ("<offre>", "<couleur/><offre>", (4, 1, "couleur"), "inattendu"),
        ('"urn:igc-exemple:lots:1.0"', '"urn:autre"', (2, None, None), "espace de noms"),
        ("</lot>", "", (8, None, None), "bien formé"),
        ("<lot ", '<!DOCTYPE lot [<!ENTITY a "b">]><lot ', (1, None, None), "DOCTYPE"),
    ],
)
def test_every_mistake_of_an_xml_lot_is_named_with_its_place(
    tmp_path: Path,
    old: str,
    new: str,
    place: tuple[int, int | None, str | None],
    words: str,
) -> None:
    path = tmp_path / "lot.xml"
    path.write_text(XML.replace(old, new, 1), encoding="utf-8")
    first = problems_of(path)[0]
    assert (first.ligne, first.position, first.champ) == place
    assert words in first.texte


def test_stray_signs_that_the_schema_lets_through_are_found(tmp_path: Path) -> None:
    path = tmp_path / "lot.xml"
    path.write_text(XML.replace("<csr>AAAA", "<csr>AAAA@AAAA", 1), encoding="utf-8")
    assert problems_of(path)[0].champ == "csr"


def test_a_pem_encoded_once_more_is_explained(tmp_path: Path, csr_pem: bytes, lot: Lot) -> None:
    wrong = msgspec.structs.replace(lot.demande[0], csr=csr_pem)
    path = tmp_path / "lot.xml"
    write_lot(msgspec.structs.replace(lot, demande=(lot.demande[1], wrong)), path)
    (problem,) = problems_of(path)
    assert (problem.position, problem.champ) == (2, "csr")
    assert "PEM" in problem.texte


def test_an_xml_lot_keeps_its_own_reference(lot: Lot, tmp_path: Path) -> None:
    path = tmp_path / "lot.xml"
    write_lot(lot, path)
    assert read_lot(path, reference="essai-1") == lot
    assert "essai-1" in problems_of(path, reference="autre")[0].texte


def test_an_invalid_lot_is_not_written(lot: Lot, tmp_path: Path) -> None:
    path = tmp_path / "lot.xml"
    with pytest.raises(InvalidMessageError):
        write_lot(msgspec.structs.replace(lot, reference="R 1"), path)
    assert list(tmp_path.iterdir()) == []


def test_10_001_demandes_are_one_too_many(lot: Lot) -> None:
    small = DemandeCertificat(offre="PS", usage="AUTH", email_acteur="a@h.example", csr=b"0")
    check_lot(Lot(reference="R", demande=(small,) * 10_000))
    with pytest.raises(InvalidMessageError, match="10001 demandes"):
        check_lot(Lot(reference="R", demande=(small,) * 10_001))


def test_many_problems_are_summed_up(lot: Lot) -> None:
    bad = msgspec.structs.replace(lot.demande[0], offre="X")
    with pytest.raises(InvalidMessageError) as caught:
        check_lot(Lot(reference="R", demande=(bad,) * 60))
    assert len(caught.value.problems) == 60
    assert caught.value.problems[59].position == 60
    assert len(str(caught.value).splitlines()) == MAX_SHOWN + 2


def test_a_missing_file_is_a_problem_not_a_traceback(tmp_path: Path) -> None:
    assert "lu" in problems_of(tmp_path / "absent.xml")[0].texte
    assert "lu" in problems_of(tmp_path / "absent.csv")[0].texte


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=64))
def test_any_text_is_either_refused_or_read_back_exactly(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    item = DemandeCertificat(offre="ORG", usage="SIGN", service_applicatif=text, email_acteur="a@h.example", csr=b"\1")
    path = tmp_path_factory.mktemp("lot") / "lot.xml"
    try:
        write_lot(Lot(reference="R", demande=(item,)), path)
    except InvalidMessageError:
        return
    assert read_lot(path).demande[0].service_applicatif == text
