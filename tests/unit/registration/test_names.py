"""Names as they are looked for, and the départements as certificates write them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registration.errors import Code, IgcError
from registration.rules import departements
from registration.rules.names import Pattern, fold, read_pattern


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("LEROUX", "leroux"),
        ("Hélène", "helene"),
        ("He\u0301le\u0300ne", "helene"),
        ("D'ALMÉIDA-ROUSSEAU", "d almeida rousseau"),
        ("Œuvre de la Pitié", "oeuvre de la pitie"),
        ("  LE   GALL ", "le gall"),
        ("Łódź", "lodz"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("", ""),
        ("'-.", ""),
    ],
)
def test_spellings_of_one_name_fold_alike(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text(max_size=40))
@example("🄐")  # holds a capital, which shows when it is taken apart
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text("abéÉ -'œz", min_size=2, max_size=12), st.text("abéÉ -'œz", max_size=12))
def test_a_beginning_stands_between_its_bounds_and_nothing_else_does(begin: str, rest: str) -> None:
    pattern = Pattern(fold(begin), is_prefix=True)
    first, after = pattern.bounds
    assert (first <= fold(rest) < after) is fold(rest).startswith(pattern.folded)


def test_a_star_at_the_end_is_a_beginning_and_a_name_without_is_whole() -> None:
    assert read_pattern("LER*", "nom").matches("Léroux")
    assert not read_pattern("LER", "nom").matches("Leroux")
    assert read_pattern("leroux", "nom").matches("LÉROUX")
    assert read_pattern("de la *", "nom").matches("De La Tour")


@pytest.mark.parametrize("text", ["*", " * ", "L*", "é*", "'*", "L*R*", "*roux", "LE*ROUX", "**", "", "-"])
def test_what_would_go_through_half_the_directory_is_refused(text: str) -> None:
    with pytest.raises(IgcError) as caught:
        read_pattern(text, "nom")
    assert (caught.value.code, caught.value.champ) == (Code.CRITERIA_INVALID, "nom")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("75", "Paris (75)"),
        ("1", None),
        ("2A", "Corse-du-Sud (2A)"),
        ("974", "La Réunion (974)"),
        ("9D", "La Réunion (974)"),
        ("075", "Paris (75)"),
        ("Paris (75)", "Paris (75)"),
        ("COTE D'OR", "Côte-d'Or (21)"),
        ("La Réunion", "La Réunion (974)"),
        ("REUNION", "La Réunion (974)"),
        ("", None),
        ("99", None),
    ],
)
def test_a_departement_is_read_however_it_is_written(text: str, written: str | None) -> None:
    assert departements.read(text) == written


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("25462", "Doubs (25)"),
        ("97411", "La Réunion (974)"),
        ("20090", "Corse-du-Sud (2A)"),
        ("20200", "Haute-Corse (2B)"),
        ("2B033", "Haute-Corse (2B)"),
        ("7500", None),
        ("99123", None),
        ("75A01", None),
    ],
)
def test_a_commune_lies_in_its_departement(code: str, written: str | None) -> None:
    assert departements.of_commune(code) == written


def test_a_finess_begins_with_its_departement() -> None:
    assert departements.of_finess("250000700") == "Doubs (25)"
    assert departements.of_finess("970100012") is None
    assert departements.of_finess("9D0000012") == "La Réunion (974)"
