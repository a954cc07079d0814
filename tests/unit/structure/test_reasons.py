"""A check that is passed over says why, in one form: ``noqa: CODE -- why`` and ``type: ignore[code]  # why``."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.unit.structure.test_one_door import ROOMS, ROOT

REASONED = re.compile(
    r"# type: ignore\[[a-z-]+(, [a-z-]+)*\]  # (noqa: [A-Z0-9, ]+ -- )?\S.*|# noqa: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* -- \S.*"
)
PASSED_OVER = re.compile(r"#\s*(noqa|type:\s*ignore)", re.IGNORECASE)


def unreasoned(source: str) -> list[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT and PASSED_OVER.search(token.string)]
    return [token.start[0] for token in comments if not REASONED.fullmatch(token.string)]


@pytest.mark.parametrize("room", [*ROOMS, "storage", "bench", "tests"])
def test_every_exception_has_its_reason(room: str) -> None:
    files = (ROOT / room).rglob("*.py")
    assert [f"{file.relative_to(ROOT)}:{line}" for file in files for line in unreasoned(_text(file))] == []


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: E731",
        "x = 1  # noqa: E731 - a",
        "x = 1  # noqa: E731  # a",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[misc]",
    ],
)
def test_the_walk_knows_a_bad_one(line: str) -> None:
    assert unreasoned(line + "\n") == [1]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
