"""The page of settings says what the model says, its example loads, and no setting is there for nobody."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from runtime.settings.model import Settings
from runtime.settings.reference import render

_ROOT = Path(__file__).parents[3]
_PAGE = _ROOT / "docs" / "reglages.md"
_CODE = ("batch", "commands", "portal_ihm", "publication", "registration", "runtime", "ws")


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.default, BaseModel):
            yield from _names(type(field.default))


def test_the_page_is_the_models() -> None:
    assert _PAGE.read_text(encoding="utf-8") == render(), "python -m runtime.settings.reference > docs/reglages.md"


def test_every_setting_has_a_french_sentence() -> None:
    def missing(model: type[BaseModel]) -> Iterator[str]:
        for name, field in model.model_fields.items():
            if not (field.description or "").endswith("."):
                yield name
            if isinstance(field.default, BaseModel):
                yield from missing(type(field.default))

    assert list(missing(Settings)) == []


def test_the_example_is_accepted(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    settings = Settings.from_mapping(tomllib.loads(example), base=tmp_path)
    assert settings.plateforme == "PRODUCTION"


def test_every_setting_is_read_somewhere() -> None:
    read = {
        node.attr
        for folder in _CODE
        for path in (_ROOT / folder).rglob("*.py")
        if path.name != "settings_sections.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    # ``workers`` is read by the model's own ``worker_count``.
    assert set(_names(Settings)) - read - {"workers"} == set()
