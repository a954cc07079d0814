"""Every regular expression of the product, with growing hostile texts: none may cost the square of what it reads.

The expressions are found in the imported modules and in the source; for each, texts are made of its own parts: what
leads up to a repetition, then the repeated many times, then something that does not fit.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wtforms
from lxml import etree

from runtime.errors import OperatorError
from tests.support.growth import by_four, cpu_seconds, grows_too_fast
from ws.contract.files import SCHEMA_FILE

ROOT = Path(__file__).parents[2]
ROOMS = (
    "audit", "batch", "clients", "commands", "pki", "portal_ihm", "publication", "registration", "runtime", "schemas",
    "storage", "ws",
)  # fmt: skip
WITH_MORE = {"batch.directory.ldap"}
METHODS = ("search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split")
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
SIZE = 3_000
SUSPICIOUS = 0.0015  # seconds; an honest expression reads 3 000 characters in a tenth of that


def modules() -> Iterator[ModuleType]:
    for room in ROOMS:
        package = importlib.import_module(room)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not found.name.endswith("__main__") and ".migrations." not in found.name:
                try:
                    yield importlib.import_module(found.name)
                except OperatorError:  # needs a package that only `make ldap` brings; its source is read all the same
                    assert found.name in WITH_MORE


def patterns_in(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, tuple | list | set | frozenset):
        for part in value:
            yield from patterns_in(part, depth + 1)
    elif depth < 3 and isinstance(value, Mapping):
        for part in value.values():
            yield from patterns_in(part, depth + 1)
    elif isinstance(value, type) and issubclass(value, wtforms.Form):
        for name in dir(value):
            field = getattr(value, name)
            for validator in [*getattr(field, "args", [[]])[1:], *getattr(field, "kwargs", {}).values()]:
                yield from patterns_in(
                    [getattr(one, "regex", None) for one in (validator if isinstance(validator, list) else [])]
                )


def uses() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Methods called on a name anywhere, and on any name of a module: whether its use anchors an expression."""
    by_name: dict[str, set[str]] = defaultdict(set)
    by_module: dict[str, set[str]] = defaultdict(set)
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
                    by_name[node.value.id].add(node.attr)
                    if node.value.id != "re":
                        by_module[module].add(node.attr)
    return by_name, by_module


def written_in_place() -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """``re.sub("...", ...)`` and the like, and the patterns of pydantic fields."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if not isinstance(node, ast.Call):
                    continue
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                for keyword in node.keywords:
                    if keyword.arg == "pattern" and isinstance(keyword.value, ast.Constant):
                        yield where, re.compile(keyword.value.value), "search"
                called = node.func
                if not (isinstance(called, ast.Attribute) and called.attr in METHODS):
                    continue
                if isinstance(called.value, ast.Name) and called.value.id == "re":
                    for number, text in enumerate(_texts(node.args[0], tree)):
                        yield f"{where}[{number}]", re.compile(text), called.attr


def of_the_schema() -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Those of the XSD, which are asked again of what it refuses (``ws.contract.forms``)."""
    for facet in etree.parse(SCHEMA_FILE).iter("{*}pattern"):
        yield f"{SCHEMA_FILE.name}:{facet.sourceline}", re.compile(facet.get("value", ""), re.ASCII), "fullmatch"


def _texts(first: ast.expr, tree: ast.Module) -> list[Any]:
    """The expression that is handed to a function of ``re``; of a name, every first of a pair in its module's tables."""
    if isinstance(first, ast.Constant):
        return [first.value]
    assert isinstance(first, ast.Name), f"line {first.lineno}: an expression that is put together on the spot"
    pairs = [node.elts[0] for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) == 2]
    return [one.value for one in pairs if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def all_expressions() -> dict[str, tuple[re.Pattern[Any], set[str]]]:
    by_name, by_module = uses()
    found: dict[str, tuple[re.Pattern[Any], set[str]]] = {}
    for module in modules():
        for name, value in vars(module).items():
            if getattr(value, "__module__", module.__name__) != module.__name__ and not isinstance(value, re.Pattern):
                continue
            for number, pattern in enumerate(patterns_in(value)):
                form = isinstance(value, type)
                # One in a table is called by the name of a loop.
                methods = {"match"} if form else by_name[name] or by_module[module.__name__] or {"search"}
                found.setdefault(f"{module.__name__}.{name}[{number}]", (pattern, methods))
    for where, pattern, method in (*written_in_place(), *of_the_schema()):
        found[where] = (pattern, {method})
    return found


EXPRESSIONS = all_expressions()


def sample(node: Any) -> str:
    """A text that fits the parsed expression, as short as may be, but once where it may be missing."""
    return "".join(_one(op, argument) for op, argument in node)


def _one(op: Any, argument: Any) -> str:
    how: dict[str, Callable[[Any], str]] = {
        "LITERAL": chr,
        "NOT_LITERAL": lambda sign: "b" if sign == ord("a") else "a",
        "ANY": lambda _: "a",
        "IN": lambda items: next(iter(_members(items)), "a"),
        "BRANCH": lambda branches: sample(branches[1][0]),
        "SUBPATTERN": lambda group: sample(group[3]),
        "ATOMIC_GROUP": sample,
        "ASSERT": lambda group: sample(group[1]),
    }
    if str(op) in REPEATS:
        low, _, inner = argument
        return str(sample(inner) * max(1, low))
    return how.get(str(op), lambda _: "")(argument)  # nothing for anchors, negative assertions and references


_CLASSES = {
    "CATEGORY_DIGIT": "7", "CATEGORY_NOT_DIGIT": "a", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a", "CATEGORY_NOT_WORD": "-",
}  # fmt: skip


def _members(items: Any) -> Iterator[str]:
    negated = any(str(op) == "NEGATE" for op, _ in items)
    inside = []
    for op, argument in items:
        if str(op) == "LITERAL":
            inside.append(chr(argument))
        elif str(op) == "RANGE":
            inside += [chr(argument[0]), chr(argument[1])]
        elif str(op) == "CATEGORY":
            inside.append(_CLASSES.get(str(argument), "a"))
    if not negated:
        yield from inside
    else:
        yield from (sign for sign in "aA0:.-/ \"'=" if sign not in inside)


def ways(node: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """What leads to a repetition, and what it repeats, at any depth; each sign of a class for itself."""
    for op, argument in node:
        name = str(op)
        if name in REPEATS:
            inner = argument[2]
            yield before, sample(inner)
            for part, what in inner:
                if str(part) == "IN":
                    yield from ((before, sign) for sign in _members(what))
            yield from ways(inner, before)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from ways(branch, before)
        elif name == "SUBPATTERN":
            yield from ways(argument[3], before)
        elif name == "ATOMIC_GROUP":
            yield from ways(argument, before)
        before += _one(op, argument)
        yield "", before


def hostile(pattern: re.Pattern[Any]) -> set[tuple[str, str, str]]:
    """Beginnings, pumps and ends."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = re._parser.parse(text, pattern.flags & ~re.UNICODE)  # type: ignore[attr-defined]  # not public
    found = set(ways(tree))
    signs = {sign for sign in text if not sign.isalnum()} | set("aA0 \n:/@-=.")
    heads = {head for head, _ in found} | {""}
    found |= {(head, sign) for head in heads for sign in signs}
    return {(head, pump, end) for head, pump in found if pump for end in ("", "\0", "!\n")}


def runner(pattern: re.Pattern[Any], method: str, text: str) -> Any:
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")
    empty: Any = "" if isinstance(pattern.pattern, str) else b""
    if method in {"sub", "subn"}:
        return getattr(pattern, method)(empty, subject)
    if method == "finditer":
        return list(pattern.finditer(subject))
    return getattr(pattern, method)(subject)


def too_slow(pattern: re.Pattern[Any], methods: set[str]) -> str | None:
    """The first text that is, and what it cost."""
    for head, pump, end in sorted(hostile(pattern)):
        for method in methods:

            def attack(size: int, method: str = method, parts: tuple[str, str, str] = (head, pump, end)) -> Any:
                return runner(pattern, method, parts[0] + parts[1] * (size // len(parts[1])) + parts[2])

            seen = measured(attack)
            if seen:
                return f"{method} of {head!r} + {pump!r} * n + {end!r}: {seen}"
    return None


def measured(attack: Callable[[int], object]) -> str | None:
    for size in (20, 24, 28, 32, 64):  # what doubles with each sign is seen here, and would not end further up
        if cpu_seconds(partial(attack, size), 1) > SUSPICIOUS and cpu_seconds(partial(attack, size), 2) > SUSPICIOUS:
            return f"{size} signs are too many"
    if cpu_seconds(partial(attack, SIZE), 2) < SUSPICIOUS:
        return None
    return grows_too_fast(attack, by_four(190, SIZE * 17))


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_no_expression_costs_the_square_of_its_text(where: str) -> None:
    assert too_slow(*EXPRESSIONS[where]) is None


def test_the_walk_finds_what_it_should() -> None:
    names = " ".join(EXPRESSIONS)
    for expected in ("registration.rules.fields._UPN", "CriteresForm", "runtime.logs", "portal_ihm/shell/fields.py:"):
        assert expected in names
    assert len(EXPRESSIONS) > 30


@pytest.mark.parametrize(
    ("expression", "method"),
    [(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)", "sub"), (r"(a+)+b", "match"), (r"\[p: .*?\](?=\n|\Z)", "search")],
)
def test_the_walk_knows_a_bad_one(expression: str, method: str) -> None:
    assert too_slow(re.compile(expression, re.DOTALL), {method}) is not None


XSD_TYPES = etree.parse(ROOT / "schemas" / "igc-lots-1.0.xsd").findall(".//{*}simpleType[@name]")


@pytest.mark.parametrize("name", [node.get("name") for node in XSD_TYPES if node.find(".//{*}pattern") is not None])
def test_no_pattern_of_the_schema_does(name: str) -> None:
    schema = ROOT / "schemas" / "igc-lots-1.0.xsd"
    wrapper = etree.fromstring(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:l="urn:igc-exemple:lots:1.0">'
        f'<xs:import namespace="urn:igc-exemple:lots:1.0" schemaLocation="{schema.as_uri()}"/>'
        f'<xs:element name="v" type="l:{name}"/></xs:schema>'.encode()
    )
    compiled = etree.XMLSchema(wrapper)
    for sign in "aA0 .:-/@":
        for end in ("", "é", "!"):

            def check(size: int, sign: str = sign, end: str = end) -> bool:
                element = etree.Element("v")
                element.text = sign * size + end
                return bool(compiled.validate(element))

            assert grows_too_fast(check, by_four(256, 20_000)) is None
