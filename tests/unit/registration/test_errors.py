"""The catalogue of errors: complete, well formed, and every refusal in the code gives what its text needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from registration.errors import (
    DETAIL_WITHHELD,
    TEXTS,
    AccessError,
    Code,
    ConflictError,
    IgcError,
    NotFoundError,
    text_without_data,
)

ROOT = Path(__file__).parents[3]
_ERRORS = {"IgcError", "AccessError", "NotFoundError", "ConflictError", "DirectoryAwayError"}


def names_in(code: Code) -> set[str]:
    """The data a text needs."""
    return {name for _, name, _, _ in Formatter().parse(TEXTS[code]) if name is not None}


def test_every_code_has_one_text() -> None:
    assert set(TEXTS) == set(Code)
    assert len({code.value for code in Code}) == len(Code)


@pytest.mark.parametrize("code", Code)
def test_each_entry_is_well_formed(code: Code) -> None:
    # The pattern of CodeErreur in the contract.
    assert re.fullmatch(r"ERR_(IHM|WS)_[0-9]{3}(_[0-9])?", code.value)
    text = TEXTS[code]
    assert text[0].isupper()
    assert text.rstrip()[-1] in ".}"
    assert not re.search(r"\bANS\b|esante|asip", text, re.IGNORECASE)
    # Only plain names: no attribute, index or conversion may be reached from a text.
    assert all(name.isidentifier() for name in names_in(code))


@pytest.mark.parametrize("code", Code)
def test_a_text_is_filled_or_the_error_cannot_be_made(code: Code) -> None:
    needed = names_in(code)
    data: dict[str, Any] = {name: f"<{name}>" for name in needed}
    champ = data.pop("champ", None)
    error = IgcError(code, champ=champ, **data)
    assert str(error) == error.text
    assert all(f"<{name}>" in error.text for name in needed)
    for name in data:
        with pytest.raises(KeyError):
            IgcError(code, champ=champ, **{other: value for other, value in data.items() if other != name})


def test_what_a_sender_wrote_is_never_read_as_a_format() -> None:
    error = IgcError(Code.FQDN_SYNTAX, champ="fqdn", valeur="{0.__class__} {raison} %s")
    assert "{0.__class__} {raison} %s" in error.text


@pytest.mark.parametrize("code", Code)
def test_who_may_not_read_a_demande_gets_a_text_only_where_it_names_nothing(code: Code) -> None:
    assert text_without_data(code.value) == (DETAIL_WITHHELD if names_in(code) else TEXTS[code])
    assert "{" not in text_without_data(code.value)


def test_a_code_that_the_catalogue_does_not_have_tells_nothing() -> None:
    assert text_without_data("ERR_WS_999") == text_without_data("") == DETAIL_WITHHELD


def test_place_and_kind_are_kept() -> None:
    for kind in (IgcError, AccessError, NotFoundError, ConflictError):
        error = kind(Code.NO_RIGHT, champ="x", position=7)
        assert (error.code, error.champ, error.position) == (Code.NO_RIGHT, "x", 7)
        assert isinstance(error, IgcError)


def calls() -> Iterator[tuple[str, Code, set[str], bool]]:
    """(place, code, keywords given, whether more come by ``**``) of every error made in the product."""
    for package in ("batch", "commands", "portal_ihm", "registration", "ws"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS):
                    continue
                given = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                more = any(keyword.arg is None for keyword in node.keywords)
                for part in ast.walk(node.args[0]) if node.args else ():
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "Code":
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", Code[part.attr], given, more


def test_every_refusal_in_the_code_gives_what_its_text_needs() -> None:
    found = list(calls())
    assert len(found) > 40
    wrong = [
        f"{place}: {code.name} needs {sorted(names_in(code) - given)}"
        for place, code, given, more in found
        if not more and not names_in(code) <= given
    ]
    assert wrong == []
