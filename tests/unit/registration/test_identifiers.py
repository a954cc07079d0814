"""National identifiers: their forms and keys, against the library where it knows them, and real numbers of the public."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from registration.rules.identifiers import (
    IdentifierError,
    check_adeli,
    check_finess,
    check_personne,
    check_rpps,
    check_siren,
    check_siret,
    check_structure,
    luhn_sum,
)


@given(st.text("0123456789", min_size=2, max_size=20))
def test_our_luhn_says_what_the_library_says(digits: str) -> None:
    assert (luhn_sum(digits) % 10 == 0) is luhn.is_valid(digits)


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (check_rpps, "10100271385"),
        (check_finess, "750140014"),
        (check_finess, "010002350"),
        (check_finess, "0B0039137"),
        (check_finess, "2A0000014"),
        (check_adeli, "0B0168811"),
        (check_siren, "732829320"),
        (check_siret, "73282932000074"),
        (check_siret, "35600000000048"),
        (check_siret, "35600000049837"),
        (check_structure, "1750140014"),
        (check_structure, "10B0039137"),
        (check_structure, "2732829320"),
        (check_structure, "373282932000074"),
        (check_structure, "410100271385001"),
        (check_structure, "00B016881101"),
        (check_personne, "810100271385"),
        (check_personne, "00B0168811"),
        (check_personne, "30B0057881/CPET0002"),
        (check_personne, "573282932000074/12"),
        (check_personne, "4732829320/AB"),
        (check_personne, "610100271385/1"),
        (check_personne, "10B0168811/1"),
    ],
)
def test_a_good_number_passes(check: object, number: str) -> None:
    check(number)  # type: ignore[operator]  # one of the functions


@pytest.mark.parametrize(
    ("check", "number", "told"),
    [
        (check_rpps, "10100271386", "clé de contrôle"),
        (check_rpps, "1010027138", "11 chiffres"),
        (check_rpps, "1010027138٣", "11 chiffres"),
        (check_finess, "750140015", "clé de contrôle"),
        (check_finess, "75014001", "9 chiffres"),
        (check_finess, "75014001a", "9 chiffres"),
        (check_siren, "732829321", "clé de contrôle"),
        (check_siren, "732 829 320", "9 chiffres"),
        (check_siret, "73282932000075", "clé de contrôle"),
        (check_siret, "35600000049838", "clé de contrôle"),
        (check_structure, "", "identifiant de structure"),
        (check_structure, "5750140014", "identifiant de structure"),
        (check_structure, "1750140015", "clé de contrôle"),
        (check_structure, "41010027138500A", "rang"),
        (check_personne, "810100271386", "clé de contrôle"),
        (check_personne, "910100271385", "identifiant de personne"),
        (check_personne, "30B0057881", "identifiant de personne"),
        (check_personne, "30B0057881/", "barre oblique"),
        (check_personne, "30B0057881/cpet", "barre oblique"),
        (check_personne, "3750140015/1", "clé de contrôle"),
    ],
)
def test_a_bad_number_is_refused_in_words(check: object, number: str, told: str) -> None:
    with pytest.raises(IdentifierError) as caught:
        check(number)  # type: ignore[operator]  # one of the functions
    assert told in caught.value.raison


@given(st.text(max_size=25))
def test_whatever_stands_there_is_refused_by_its_own_error(text: str) -> None:
    for check in (check_structure, check_personne, check_siret):
        with contextlib.suppress(IdentifierError):
            check(text)
