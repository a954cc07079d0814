"""Texts of editors and spreadsheets: encodings told apart, marks dropped, what nobody sees named."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from clients.text import (
    UnreadableTextError,
    composed,
    invisible_character,
    printable,
    read_text,
    spellings,
    untypable_character,
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_that_says_what_it_is_reads_the_same(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "texte"
    path.write_bytes("Médecine\r\nœuvre €".encode(encoding))
    assert read_text(path) == "Médecine\r\nœuvre €"


def test_windows_1252_is_told_with_its_line_and_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "texte"
    path.write_bytes("un\r\ndeux\r\ntroisième".encode("cp1252"))
    with pytest.raises(UnreadableTextError, match=r"ligne 3.*Windows-1252.*CSV UTF-8"):
        read_text(path)


@pytest.mark.parametrize("content", [b"\xff\xfea", b"\x00\x01\x80\xff", b"\xfe\xff\xd8\x00"])
def test_what_is_no_text_is_told_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "texte"
    path.write_bytes(content)
    with pytest.raises(UnreadableTextError):
        read_text(path)


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\ufeff", "U+FEFF"),
        ("\u200b", "U+200B"),
        ("\u00ad", "U+00AD"),
        ("\u202e", "U+202E"),
        ("\n", "retour à la ligne"),
        ("\x00", "U+0000"),
        ("\ue000", "U+E000"),
        ("\u3164", "U+3164"),
        ("\ufe0f", "U+FE0F"),
        ("\U000e0100", "U+E0100"),
        ("\udc80", "U+DC80"),
    ],
)
def test_what_nobody_sees_is_named(character: str, name: str) -> None:
    assert name in (invisible_character(f"a{character}b") or "")


def test_what_everybody_sees_is_left_alone() -> None:
    assert invisible_character("Médecine « d'urgence » \u00a0€ œ e\u0301 日本") is None


def test_what_cannot_be_typed_again_is_named() -> None:
    assert untypable_character("Mot de passe-1") is None
    for blank in ("\u00a0", "\u202f", "\u3000", "\t"):
        assert f"U+{ord(blank):04X}" in (untypable_character(f"Mot{blank}de") or "")


def test_forms_of_unicode() -> None:
    apart = unicodedata.normalize("NFD", "Clé")
    assert composed(apart) == "Clé"
    assert spellings("Clé") == ["Clé", apart]
    assert spellings(apart) == [apart, "Clé"]
    assert spellings("cle") == ["cle"]


def test_a_name_that_is_not_unicode_can_still_be_shown() -> None:
    assert printable("cl\udce9.pem") == "cl\\udce9.pem"
