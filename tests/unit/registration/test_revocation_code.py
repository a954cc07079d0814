"""The revocation code (guide §9.2): its rule, and how it is kept."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest

from registration.errors import Code, IgcError
from registration.rules.revocation_code import check_code, hash_code, verify_code
from tests.support.assertions import assert_refused

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


COMPOSED = "Éléphant-bleu"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.mark.parametrize("kept", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_a_code_is_the_same_however_its_accents_were_typed(kept: str, typed: str) -> None:
    check_code(kept, typed)
    assert verify_code(typed, hash_code(kept))


def test_a_code_is_counted_composed() -> None:
    """Eleven characters, and an accent that is none by itself."""
    code = unicodedata.normalize("NFD", "Éléphantblu")
    assert len(code) > 12
    with assert_refused(IgcError, Code.CODE_REVOCATION_WEAK):
        check_code(code, code)


def test_a_code_is_never_trimmed() -> None:
    for code in (f" {GOOD}", f"{GOOD} ", f" {GOOD} "):
        check_code(code, code)
        assert verify_code(code, hash_code(code))
        assert not verify_code(GOOD, hash_code(code))
        assert not verify_code(code, hash_code(GOOD))


def test_what_a_guess_costs() -> None:
    """As the product starts, untouched by what makes tests quick: RFC 7914, 16 MB and 2**14 rounds a guess at least."""
    program = "from registration.rules.revocation_code import hash_code; print(hash_code('x'))"
    kept = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    name, rounds, block, _parallel, *_ = kept.split("$")
    assert (name, int(rounds) >= 2**14, int(rounds) * int(block) * 128 >= 2**24) == ("scrypt", True, True)


@pytest.mark.parametrize(
    "odd",
    [
        "\ufeff", "\u200b", "\u200d", "\u200e", "\u00ad", "\u202e", "\u2060", "\u0000", "\t", "\n", "\r", "\u2028",
        "\u00a0", "\u202f", "\u2003", "\u3164", "\u115f", "\ufe0f", "\u034f", "\u2800", "\U000e0101", "\ue000", "\ud800",
    ],
)  # fmt: skip
def test_what_nobody_can_type_again_is_in_no_code(odd: str) -> None:
    for code in (odd + GOOD, GOOD + odd, GOOD[:6] + odd + GOOD[6:]):
        with assert_refused(IgcError, Code.CODE_REVOCATION_WEAK, "codeRevocation"):
            check_code(code, code)
        assert not verify_code(code, hash_code(GOOD))
