"""The rule of the revocation code, as the service applies it: said whole, without ever showing the code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.secrets import weakness_of
from clients.text import composed
from registration.errors import IgcError
from registration.rules.revocation_code import check_code

_LONGEST = 128


@pytest.mark.parametrize(
    ("code", "strong"),
    [
        ("Un-Code-Assez-Long", True),
        (" Un Code Assez ", True),
        ("Médecine-2026", True),
        ("É" + "é" * 10 + "!", True),
        ("Court-1", False),
        ("sans-majuscule-ici", False),
        ("SANS-MINUSCULE-ICI", False),
        ("SansSigneParticulier1", False),
        ("Un-Code\u200b-Assez-Long", False),
        ("Un-Code\u00a0Assez-Long", False),
        ("Un-Code-" + "x" * 121, False),
        ("Un-Code-" + "x" * 120, True),
        ("", False),
    ],
)
def test_a_code_is_strong_or_told_why_without_being_shown(code: str, strong: bool) -> None:
    weakness = weakness_of(code)
    assert (weakness is None) is strong
    assert not code or code not in (weakness or "")


SIGNS = st.sampled_from("aA1-é \u00a0\u200bÉ\u0301\u3164\ue000\tœŒ日")


@given(st.text(SIGNS, max_size=20).map(composed))
def test_what_the_client_lets_through_the_service_takes_and_the_reverse(code: str) -> None:
    try:
        check_code(code, code)
    except IgcError:
        assert weakness_of(code) is not None
    else:
        assert weakness_of(code) is None or len(code) > _LONGEST
