"""Nothing stands ahead of its use: codes that nothing raises, members that nothing names, packages that nothing needs."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from registration.errors import Code

ROOT = Path(__file__).parents[3]
ROOMS = (
    "audit", "batch", "bench", "clients", "commands", "pki", "portal_ihm", "publication", "registration", "runtime", "storage", "ws",
)  # fmt: skip
CATALOGUE = ROOT / "registration" / "errors.py"

# A whole list that somebody else wrote, of which the product may use a part.
WHOLE_LISTS = {
    "Action": "guide §7, table 7: all six actions of a role, by which the table of rights is written",
    "TypePersonne": "guide §7: the types that a card may have",
    "OcspError": "RFC 6960 §4.2.1",
    "RevocationReason": "RFC 5280 §5.3.1",
    "Operation": "the operations of the contract, which are found by going through them",
}
MEMBERS_WITHOUT_USE = {
    ("Pkcs12Form", "LEGACY"): "the other branch of to_pkcs12, for a caller whose software knows nothing else",
}
_ENUMS = {"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag"}


@cache
def trees() -> dict[Path, ast.Module]:
    files = (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}


def raised(tree: ast.Module) -> Iterator[str]:
    """The codes that a module hands on; to compare with one, or to look something up by it, raises nothing."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"):
            continue
        parent = parents[node]
        looked_up = isinstance(parent, ast.Compare | ast.Set) or (isinstance(parent, ast.Dict) and node in parent.keys)
        if not looked_up:
            yield node.attr


def enum_members(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and {ast.unparse(base).split(".")[-1] for base in node.bases} & _ENUMS:
            for line in node.body:
                if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                    name = line.targets[0].id
                    if not name.startswith("__"):
                        yield node.name, name


def named_members(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            yield node.value.id if isinstance(node.value, ast.Name) else node.value.attr, node.attr


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level packages that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def distribution(requirement: str) -> str:
    """``psycopg[binary]>=3`` is the distribution psycopg."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def unexplained(pyproject: str, distributions: set[str]) -> list[str]:
    """The dependencies that are neither imported nor followed, on their line, by the reason why they are needed."""
    wanted = tomllib.loads(pyproject)["project"]["dependencies"]
    reasons = dict(re.findall(r'^  "([^"]+)",(.*)$', pyproject, re.MULTILINE))
    return [one for one in wanted if distribution(one) not in distributions and "# " not in reasons[one]]


def test_every_code_is_raised_somewhere() -> None:
    found = {code for file, tree in trees().items() if file != CATALOGUE for code in raised(tree)}
    assert {code.name for code in Code} - found == set()


def test_every_member_of_an_enum_is_used() -> None:
    named = {pair for tree in trees().values() for pair in named_members(tree)}
    members = [pair for tree in trees().values() for pair in enum_members(tree)]
    assert len(members) > 200
    unused = {pair for pair in members if pair not in named and pair[0] not in WHOLE_LISTS}
    assert unused - set(MEMBERS_WITHOUT_USE) == set()
    assert set(WHOLE_LISTS) <= {name for name, _ in members}, "exempt, and gone"


def test_every_dependency_is_imported_or_says_who_needs_it() -> None:
    known = packages_distributions()
    names = {name for tree in trees().values() for name in imported(tree)}
    distributions = {distribution(one) for name in names for one in known.get(name, ())}
    assert unexplained((ROOT / "pyproject.toml").read_text("utf-8"), distributions) == []


def test_the_looks_see_what_is_not_used() -> None:
    code = "if error.code is Code.A or error.code in {Code.B}: x = {Code.C: 1}\nraise IgcError(Code.D)\nf(1, Code.E)"
    assert set(raised(ast.parse(code))) == {"D", "E"}
    pyproject = '[project]\ndependencies = [\n  "a-b",\n  "c[d]>=1",\n  "e",  # f wants it\n]\n'
    assert unexplained(pyproject, {"a-b"}) == ["c[d]>=1"]
    assert list(enum_members(ast.parse("class A(StrEnum):\n    '''x'''\n    B = 'b'"))) == [("A", "B")]
