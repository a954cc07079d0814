"""What the product does not do yet is promised nowhere without the words « à venir »; whoever builds it takes them out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.structure.test_one_door import ROOT

PAGES = [*(ROOT / "docs").glob("*.md"), *(ROOT / "portal_ihm" / "templates").rglob("*.html"), ROOT / "README.md"]
# Searches of the directory: nothing in the code does it.
PROMISES = re.compile(r"recherches des (?:utilisateurs|deux canaux)", re.IGNORECASE)
MARK = re.compile("à venir", re.IGNORECASE)


def unmarked(text: str) -> list[str]:
    sentences = re.split(r"(?<=[.;])\s+|\n\s*\n", text)
    return [
        sentence
        for before, sentence in zip(["", *sentences], sentences, strict=False)
        if PROMISES.search(sentence) and not MARK.search(f"{before} {sentence}")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_promised_that_nothing_keeps(page: Path) -> None:
    assert unmarked(page.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "Les recherches des utilisateurs se font chez lui.",
    ],
)
def test_a_bare_promise_is_seen(text: str) -> None:
    assert unmarked(text) == [text]
    assert unmarked(f"À venir : {text}") == []
