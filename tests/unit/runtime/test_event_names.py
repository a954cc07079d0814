"""The first word of a log line is its event: written out where it is logged, never put together from what is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("audit", "batch", "clients", "commands", "pki", "portal_ihm", "publication", "registration", "runtime",
            "storage", "ws")  # fmt: skip
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
LOGGERS = {"log"}
EVENT = re.compile(r"[a-z]+(,? [A-Za-z]+|: [a-z]+)*")


TELLER = ROOT / "runtime" / "listening" / "tally.py"
"""Tells events counted elsewhere: their names are looked at where they are counted."""


def logged(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of a logger, by its name or right where it is made, and of a tally of events."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("tally.count"):
            yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            owner = node.func.value
            made = isinstance(owner, ast.Call) and ast.unparse(owner.func).endswith(("get_logger", "getLogger", "bind"))
            if made or (isinstance(owner, ast.Name) and owner.id in LOGGERS):
                yield node


def calls() -> list[tuple[str, ast.Call]]:
    return [
        (f"{path.relative_to(ROOT)}:{call.lineno}", call)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != TELLER
        for call in logged(ast.parse(path.read_text("utf-8")))
    ]


def test_every_event_is_written_out() -> None:
    found = calls()
    assert len(found) > 30
    put_together = [
        place
        for place, call in found
        if not call.args or not isinstance(call.args[0], ast.Constant) or not isinstance(call.args[0].value, str)
    ]
    assert put_together == []


def test_an_event_carries_its_data_in_keywords() -> None:
    assert [place for place, call in calls() if len(call.args) != 1 or "%" in str(ast.unparse(call.args[0]))] == []


def test_every_logger_has_one_name_and_event_names_one_form() -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text("utf-8")
            made = [line for line in text.splitlines() if "= structlog.get_logger(" in line]
            assert made in ([], ["log = structlog.get_logger()"]), path
    names = {call.args[0].value for _, call in calls() if isinstance(call.args[0], ast.Constant)}
    assert [name for name in names if not EVENT.fullmatch(str(name))] == []


@pytest.mark.parametrize(
    "line", ["log.info(f'lot {n}')", "log.error('lot %s' % n)", "structlog.get_logger().info(text)"]
)
def test_one_that_is_put_together_would_be_seen(line: str) -> None:
    (call,) = logged(ast.parse(line))
    assert not isinstance(call.args[0], ast.Constant)
