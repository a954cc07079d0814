"""Tables as spreadsheets write them: what they add is taken away, what cannot have been meant is refused by line."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import pytest

from clients.contract.schema_check import InvalidMessageError
from clients.lots.file import read_lot
from clients.lots.preparation import prepare_lot
from clients.lots.table import COLUMNS, read_rows

Write = Callable[..., Path]
"""Writes a table: its content, and its name if that matters."""

HEADER = "reference;offre;usage;structure;serviceApplicatif;emailActeur"
LINE = "a;ORG;SIGN;1750140014;Accueil;si@h.example"
CELLS = dict(zip(HEADER.split(";"), LINE.split(";"), strict=True))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def table(content: str | bytes, name: str = "lot.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return table


def problems_of(path: Path) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InvalidMessageError) as caught:
        read_rows(path)
    return [(problem.ligne, problem.champ, problem.texte) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\r\n{LINE}\r\n",
        f"\ufeff{HEADER}\n{LINE}\n",
        f"{HEADER}\n{LINE}\n".encode("utf-16"),
        f"sep=;\r\n{HEADER}\r\n{LINE}\r\n",
        f"{HEADER}\r{LINE}\r",
        f"{HEADER};;;\n{LINE};;;\n;;;;;;;;\n",
        f"\n;;\n{HEADER}\n\n{LINE}\n;;;;;\n \n",
        f"{HEADER}\n{LINE}\n".replace(";", ","),
        f"sep=,\n{HEADER}\n{LINE}\n".replace(";", ",").replace("sep=,", "sep=,", 1),
        f"{HEADER}\n{LINE}\n".replace(";", "\t"),
        f"{HEADER}\n{LINE}\n".replace("reference", "Référence").replace("emailActeur", " EMAIL ACTEUR "),
        f"{HEADER}\n{LINE}\n".replace("Accueil", '"Accueil"').replace("reference", '"reference"'),
        f"{HEADER}\n{LINE}\n".replace("Accueil", " \u00a0Accueil\u202f "),
        f";{HEADER};\n;{LINE};\n",
    ],
)
def test_whatever_a_spreadsheet_adds_is_no_trouble(write: Write, content: str | bytes) -> None:
    (row,) = read_rows(write(content))
    assert row.cells == CELLS


def test_lines_are_those_of_the_file_even_below_blank_ones_and_cells_of_two_lines(write: Write) -> None:
    header = HEADER.replace("emailActeur", "fqdn;emailActeur")
    content = f'{header}\n\na;SERV;SSL_SERV;1750140014;;"x.example\ny.example";si@h.example\n;;;;;;\nb;ORG;;;;;\n'
    assert [row.line for row in read_rows(write(content))] == [3, 6]


def test_a_value_below_no_title_is_refused_with_its_place(write: Write) -> None:
    ((line, champ, texte),) = problems_of(write(f"{HEADER};;\n{LINE};;\n{LINE.replace('a;', 'b;', 1)};;perdu\n"))
    assert (line, champ) == (3, None)
    assert "« perdu »" in texte
    assert "colonne 8" in texte


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (f"{HEADER}\n{LINE}\n".replace("Accueil", "Médecine").encode("cp1252"), None, "Windows-1252"),
        (b"PK\x03\x04et la suite", None, "classeur"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", None, "classeur"),
        ("", None, "vide"),
        ("\ufeff\n;;\n", None, "vide"),
        (f"{HEADER}\n{LINE}\n\n" + LINE.replace("Accueil", '"Accueil'), 4, "guillemet"),
        (f"{HEADER}\n;;;;;\n", 1, "aucune demande"),
        (f"{HEADER};usage\n{LINE};SIGN\n", 1, "usage est en double"),
        (f"{HEADER};couleur\n{LINE};rouge\n", 1, "couleur"),
        ("offre;usage\nORG;SIGN\n", 1, "emailActeur"),
    ],
)
def test_a_file_that_cannot_be_what_was_meant_is_told_for_what_it_is(
    write: Write, content: str | bytes, line: int | None, words: str
) -> None:
    ((found, _, texte),) = problems_of(write(content))
    assert found == line
    assert words in texte


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u00ad", "\u202e", "\x00", "\x07"])
def test_an_invisible_character_is_named_with_its_line_and_field(write: Write, hidden: str) -> None:
    ((line, champ, texte),) = problems_of(write(f"{HEADER}\n{LINE}\n".replace("si@h", f"si{hidden}@h")))
    assert (line, champ) == (2, "emailActeur")
    assert f"U+{ord(hidden):04X}" in texte


def test_combining_accents_become_the_composed_ones(write: Write) -> None:
    apart = unicodedata.normalize("NFD", "Réanimation")
    (row,) = read_rows(write(f"{HEADER}\n{LINE}\n".replace("Accueil", apart)))
    assert row.cells["serviceApplicatif"] == "Réanimation"


def test_the_same_line_and_the_same_reference_are_refused_with_both_lines(write: Write) -> None:
    nameless = LINE.replace("a;", ";", 1)
    content = "\n".join(
        (HEADER, LINE, LINE.replace("Accueil", "Autre"), nameless, "", LINE, nameless, nameless.replace("Acc", "B"))
    )
    assert [(line, champ, texte.partition(" ;")[0]) for line, champ, texte in problems_of(write(content))] == [
        (3, "reference", "même référence que la ligne 2."),
        (6, None, "même ligne que la ligne 2"),
        (7, None, "même ligne que la ligne 4"),
    ]


def test_one_csr_file_serves_one_line_however_it_is_written(write: Write, tmp_path: Path, csr_pem: bytes) -> None:
    (tmp_path / "une.csr").write_bytes(csr_pem)
    (tmp_path / "lien.csr").symlink_to("une.csr")
    lines = [
        f"{LINE.replace('a;', f'{rank};', 1)};{name}" for rank, name in enumerate(("une.csr", "./une.csr", "lien.csr"))
    ]
    with pytest.raises(InvalidMessageError) as caught:
        read_lot(write("\n".join((f"{HEADER};csr", *lines))))
    assert [(problem.ligne, problem.champ) for problem in caught.value.problems] == [(3, "csr"), (4, "csr")]
    assert all("ligne 2" in problem.texte for problem in caught.value.problems)


@pytest.mark.parametrize(("kept", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_csr_is_found_whichever_form_its_name_is_kept_in(
    write: Write, tmp_path: Path, csr_pem: bytes, csr: bytes, kept: Literal["NFC", "NFD"], asked: Literal["NFC", "NFD"]
) -> None:
    (tmp_path / unicodedata.normalize(kept, "clé.csr")).write_bytes(csr_pem)
    lot = read_lot(write(f"{HEADER};csr\n{LINE};{unicodedata.normalize(asked, 'clé.csr')}\n"))
    assert lot.demande[0].csr == csr


def test_a_csr_of_another_version_is_one_problem_among_the_others(write: Write, tmp_path: Path, csr: bytes) -> None:
    at = csr.index(b"\x02\x01\x00")
    (tmp_path / "v1.csr").write_bytes(csr[: at + 2] + b"\1" + csr[at + 3 :])
    content = f"{HEADER};csr\n{LINE};v1.csr\n{LINE.replace('a;', 'b;', 1)};{'x' * 300}\n"
    with pytest.raises(InvalidMessageError) as caught:
        read_lot(write(content))
    first, second = caught.value.problems
    assert (first.ligne, first.champ) == (2, "csr")
    assert "version" in first.texte
    assert (second.ligne, second.champ) == (3, "csr")


def test_a_table_without_any_csr_says_what_to_do(write: Write) -> None:
    with pytest.raises(InvalidMessageError, match="igc-client cles"):
        read_lot(write(f"{HEADER}\n{LINE}\n{LINE.replace('a;', 'b;', 1)}\n"))


def test_a_table_for_keys_is_checked_by_line_before_the_first_key(write: Write, tmp_path: Path) -> None:
    path = write(f"{HEADER}\n{LINE}\n\n{LINE.replace('a;ORG', 'b;XXX')}\n")
    with pytest.raises(InvalidMessageError) as caught:
        prepare_lot(path, tmp_path / "cles")
    (problem,) = caught.value.problems
    assert (problem.ligne, problem.position, problem.champ) == (4, 2, "offre")
    assert not (tmp_path / "cles").exists()


def test_reading_grows_with_the_table_and_no_faster(write: Write) -> None:
    """Twice the lines, at most about twice the work: counted in lines of Python run, not in seconds."""

    def cost(lines: int) -> int:
        body = "\n".join(LINE.replace("a;", f"a{rank};", 1) for rank in range(lines))
        path = write(f"{HEADER}\n{body}\n", name=f"lot-{lines}.csv")
        count = 0

        def trace(_frame: FrameType, _event: str, _argument: Any) -> Any:
            nonlocal count
            count += 1
            return trace

        sys.settrace(trace)
        try:
            read_rows(path)
        finally:
            sys.settrace(None)
        return count

    assert cost(400) < 2.5 * cost(200)


def test_columns_are_those_of_the_contract() -> None:
    assert set(COLUMNS) == {
        *("renouvelle", "renouvelleAutorite", "renouvelleSerie"),
        *("reference", "offre", "usage", "structure", "beneficiaire", "serviceApplicatif"),
        *("adresseEmail", "fqdn", "upn", "emailActeur", "emailInforme", "csr"),
    }
