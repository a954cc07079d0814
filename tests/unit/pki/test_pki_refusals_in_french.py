"""Every text of a lint and of a profile that may reach a person has its French one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pki.errors import CeremonyError, LintError, ProfileError
from pki.refusals_in_french import finding_told, reason_told, told

PKI = Path(__file__).parents[3] / "pki"
# What one of the parts of a text may stand for.
PARTS = {
    "settings.validity_years": "3",
    "field": "surname",
    "name": "key_usage",
    "case.name": "key_usage",
    "prepared.issuer": "ACI-EL-ORG",
    "bound": "64",
    "MAX_DNS_NAMES": "5",
    "authority.short_name": "ACI-EL-ORG",
    "described.finding.severity.name.lower()": "warning",
    "described.finding.code": "pkix.some_code",
}


def text_of(node: ast.expr) -> str | None:
    """A literal, its parts filled in; None for anything that is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (
            str(part.value) if isinstance(part, ast.Constant) else PARTS[ast.unparse(part.value)]
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
        return "".join(parts)
    return None


def trees(*folders: str) -> Iterator[ast.Module]:
    for folder in folders:
        for file in sorted((PKI / folder).rglob("*.py")):
            yield ast.parse(file.read_text("utf-8"))


def findings() -> set[str]:
    """Texts that the lints yield, collect and return, and those that a LintError is made of."""
    found: list[ast.expr] = []
    for tree in trees("lint"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Yield) and node.value:
                found.append(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "findings.append":
                found.append(node.args[0])
            elif isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "findings":
                found.append(node.value.elt if isinstance(node.value, ast.ListComp) else node.value)
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                found += node.value.elts
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and node.value.args:
                first = node.value.args[0]
                found += [first.elt] if isinstance(first, ast.GeneratorExp) else []
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.JoinedStr | ast.IfExp):
                found += [node.value.orelse if isinstance(node.value, ast.IfExp) else node.value]
    for call in raised("LintError"):
        found += call.args[0].elts if isinstance(call.args[0], ast.Tuple) else []
    return {text for node in found if (text := text_of(node))}


def raised(kind: str) -> Iterator[ast.Call]:
    for tree in trees("certificates", "issuing", "lint"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == kind:
                yield node


FINDINGS = sorted(findings())
REASONS = sorted({text for call in raised("ProfileError") if (text := text_of(call.args[1]))})


def test_the_look_finds_them() -> None:
    assert len(FINDINGS) > 40, FINDINGS
    assert len(REASONS) > 18, REASONS
    assert {"not linted", "key_usage: malformed", "warning: pkix.some_code", "key_usage: missing"} <= set(FINDINGS)


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_finding_is_told_in_french(finding: str) -> None:
    french = finding_told(finding)
    assert french != finding
    assert not re.search(r"\b(not|the|an|is|of|in|or|one|out|that)\b", french)
    assert finding_told(f"ORG_AUTH_CLI: {finding}") == f"ORG_AUTH_CLI : {french}"
    for clause in re.findall(r"\(.*§.*\)", finding):
        assert clause in french


@pytest.mark.parametrize("reason", REASONS)
def test_a_misfit_is_told_in_french(reason: str) -> None:
    french = reason_told(ProfileError("upn", reason))
    assert french != reason
    assert told(ProfileError("upn", reason)) == f"upn : {french}"


def test_a_lint_error_is_one_line_and_others_stay_as_they_are() -> None:
    error = LintError(("ORG_SIGN: key: the authority's own", "error: pkix.some_code"))
    assert told(error) == "ORG_SIGN : clé : celle de l'AC elle-même ; erreur : pkix.some_code"
    assert told(CeremonyError("déjà français")) == "déjà français"
