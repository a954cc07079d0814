"""The revocation code (guide §9.2): its rule, and how it is kept."""

from __future__ import annotations

import pytest

from registration.errors import Code, IgcError
from registration.rules.revocation_code import check_code, hash_code, verify_code

GOOD = "Sesame-ouvre1"


@pytest.mark.parametrize(
    "code", [GOOD, "aB3456789012.", "Éléphant-bleu", "A" * 60 + "b ", "Aaaaaaaaaa€€", "abcdefghiJ k"]
)
def test_twelve_characters_upper_lower_and_one_sign_are_enough(code: str) -> None:
    check_code(code, code)


@pytest.mark.parametrize(
    ("code", "confirmation", "expected", "champ"),
    [
        ("", "", Code.CODE_REVOCATION_MISSING, "codeRevocation"),
        (GOOD, "", Code.CODE_REVOCATION_MISSING, "codeRevocation"),
        ("", GOOD, Code.CODE_REVOCATION_MISSING, "codeRevocation"),
        (GOOD, GOOD + " ", Code.CODE_REVOCATION_MISMATCH, "confirmation"),
        (GOOD, GOOD.lower(), Code.CODE_REVOCATION_MISMATCH, "confirmation"),
        ("faible", "autre", Code.CODE_REVOCATION_MISMATCH, "confirmation"),
        ("Sesame-ouvr", "Sesame-ouvr", Code.CODE_REVOCATION_WEAK, "codeRevocation"),
        ("sesame-ouvre1", "sesame-ouvre1", Code.CODE_REVOCATION_WEAK, "codeRevocation"),
        ("SESAME-OUVRE1", "SESAME-OUVRE1", Code.CODE_REVOCATION_WEAK, "codeRevocation"),
        ("SesameOuvre12", "SesameOuvre12", Code.CODE_REVOCATION_WEAK, "codeRevocation"),
        ("SésameOuvreé2", "SésameOuvreé2", Code.CODE_REVOCATION_WEAK, "codeRevocation"),
    ],
)
def test_what_is_refused(code: str, confirmation: str, expected: Code, champ: str) -> None:
    with pytest.raises(IgcError) as caught:
        check_code(code, confirmation)
    assert (caught.value.code, caught.value.champ) == (expected, champ)
    assert GOOD not in repr(caught.value)


def test_a_code_is_kept_as_a_salted_hash_only() -> None:
    first, second = hash_code(GOOD), hash_code(GOOD)
    assert first != second
    assert GOOD not in first
    assert len(first) <= 255
    assert verify_code(GOOD, first)
    assert verify_code(GOOD, second)
    assert not verify_code(GOOD + "x", first)
    assert not verify_code("", first)


def test_codes_beyond_ascii_are_verified() -> None:
    assert verify_code("Éléphant-bleu", hash_code("Éléphant-bleu"))
