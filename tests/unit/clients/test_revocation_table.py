"""The table of certificates to revoke: what spreadsheets add is no trouble, what cannot have been meant is told by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.contract.revocations import DemandeRevocation
from clients.contract.schema_check import InvalidMessageError
from clients.lots.revocations import read_revocations

HEADER = "reference;numeroProduit;motif;dateEffet"
LINE = "a;12;VOL;2027-03-31"
DEFAULTS = DemandeRevocation(motif="FIN_ACTIVITE", email_acteur="si@h.example", confirmation=True)


def read(folder: Path, content: str | bytes) -> list[tuple[object, ...]]:
    table = folder / "departs.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    lot = read_revocations(table, reference=None, defaults=DEFAULTS)
    assert lot.reference == "departs"
    return [(one.reference, one.numero_produit, one.motif, one.date_effet) for one in lot.revocation]


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\r\n{LINE}\r\n",
        f"\ufeff{HEADER}\n{LINE}\n",
        f"{HEADER}\n{LINE}\n".encode("utf-16"),
        f"sep=;\r\n{HEADER}\r\n{LINE}\r\n",
        f"\n;;\n{HEADER};;\n\n{LINE};;\n;;;\n",
        f"{HEADER}\n{LINE}\n".replace(";", ","),
        f"{HEADER}\n{LINE}\n".replace("reference", "Référence").replace("numeroProduit", "Numéro produit"),
        f"{HEADER}\n{LINE}\n".replace("VOL", " VOL\u00a0"),
    ],
)
def test_whatever_a_spreadsheet_adds_is_no_trouble(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) == [("a", 12, "VOL", "2027-03-31")]


def test_what_a_line_leaves_empty_comes_from_the_command(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEADER}\na;12;;\n;13;VOL;\n") == [("a", 12, "FIN_ACTIVITE", None), (None, 13, "VOL", None)]


@pytest.mark.parametrize(
    ("content", "line", "field", "words"),
    [
        (f"{HEADER}\n{LINE}\n".replace("a;12", "é;12").encode("cp1252"), None, None, "Windows-1252"),
        (b"PK\x03\x04et la suite", None, None, "classeur"),
        ("", None, None, "vide"),
        (f"{HEADER}\n", 1, None, "aucune révocation"),
        (f"{HEADER};motif\n{LINE};VOL\n", 1, None, "motif est en double"),
        (f"{HEADER};couleur\n{LINE};rouge\n", 1, None, "couleur"),
        (f"{HEADER}\n{LINE};perdu\n", 2, None, "sans titre"),
        (f"{HEADER}\n{LINE}\n\n{LINE}\n", 4, None, "même ligne que la ligne 2"),
        (f"{HEADER}\n{LINE}\na;13;;\n", 3, "reference", "même référence que la ligne 2"),
        (f"{HEADER}\na;douze;;\n", 2, "numeroProduit", "pas un numéro"),
        (f"{HEADER}\na;1\u200b2;;\n", 2, "numeroProduit", "invisible"),
        ("autorite;numeroSerie\nACI;1,23E+25\n", 2, "numeroSerie", "tableur"),
        ("numeroProduit\n" + "".join(f"{rank}\n" for rank in range(1, 10_002)), None, None, "10000 au plus"),
    ],
)
def test_what_cannot_have_been_meant_is_refused_with_its_place(
    tmp_path: Path, content: str | bytes, line: int | None, field: str | None, words: str
) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        read(tmp_path, content)
    problem = caught.value.problems[0]
    assert (problem.ligne, problem.champ) == (line, field)
    assert words in problem.texte


def test_a_serial_of_digits_and_an_e_is_a_serial(tmp_path: Path) -> None:
    table = tmp_path / "departs.csv"
    table.write_text("autorite;numeroSerie\nACI;1E25\n", encoding="utf-8")
    (one,) = read_revocations(table, reference="r", defaults=DEFAULTS).revocation
    assert one.numero_serie == "1E25"
