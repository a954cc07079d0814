"""The topic pages say what the code says: history, states, errors, and the words that are never translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from registration import vocabulary
from registration.errors import TEXTS, Caution, Code
from registration.reference import acts, erreurs, etats
from registration.reference.entry import WHERE
from registration.reference.guide_codes import GUIDE
from registration.reference.own_codes import OWN
from registration.rules import states
from registration.vocabulary import Acte, CodeAction, EtatDemande, EtatProduit

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "audit",
    "batch",
    "bench",
    "clients",
    "commands",
    "pki",
    "portal_ihm",
    "registration",
    "runtime",
    "storage",
    "ws",
)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def tables(text: str, first_header: str) -> list[list[str]]:
    """The rows of every table of a page whose first column is called so."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_header:
            inside = True
        elif inside and not set(cells[0]) <= {"-"}:
            rows.append(cells)
    return rows


# --- historique.md ---


def test_every_code_action_is_described() -> None:
    described = {row[0]: row[1] for row in tables(page("historique.md"), "code")}
    assert described == {action.value: action.name for action in CodeAction}


def test_the_etats_of_the_code_actions_exist() -> None:
    for row in tables(page("historique.md"), "code"):
        assert {EtatDemande(etat.strip()) for etat in row[3].split(",")}, row


# --- etats.md ---


def test_the_page_of_states_is_that_of_the_tables() -> None:
    assert page("etats.md") == etats.render(), "python -m registration.reference.etats > docs/etats.md"


def test_every_arrow_has_its_sentence_and_no_other_has_one() -> None:
    machines = list(etats._machines())
    assert {id(machine.table) for machine in machines} == {
        id(table)
        for name, table in vars(states).items()
        if name in {"DEMANDE", "PRODUIT", "REVOCATION", "AVIS", "IMPORT"}
    }
    for machine in machines:
        drawn = {(source, target) for source, targets in machine.table.items() for target in targets}
        assert set(machine.sentences) == drawn
        # Whoever takes a step of the history takes an arrow that is drawn, and every arrow is taken by one.
        if machine.actions:
            assert drawn - {(EtatProduit.ACTIF, EtatProduit.EXPIRE)} == set(machine.actions)


def test_the_acts_are_asked_in_every_state() -> None:
    assert list(acts.missing()) == []
    assert len(set(acts.SITUATIONS)) == len(acts.SITUATIONS)
    answers = {situation: acts.withdraw(situation) for situation in acts.SITUATIONS}
    # A gift of a certificate that nobody may have would stand in the table: what is handed out is in force.
    handed_out = {(one.etat, one.produit) for one, answer in answers.items() if answer == acts.YES}
    assert handed_out == {
        (EtatDemande.TRANSMISE, EtatProduit.A_RETIRER),
        (EtatDemande.CLOSE, EtatProduit.ACTIF),
    }


# --- erreurs.md ---


def test_the_page_of_errors_is_that_of_the_catalogue() -> None:
    assert page("erreurs.md") == erreurs.render(), "python -m registration.reference.erreurs > docs/erreurs.md"


def test_every_code_says_where_when_and_what_to_do() -> None:
    assert set(erreurs.ENTRIES) == set(Code)
    assert list(GUIDE) == sorted(code for code in Code if code.startswith("ERR_IHM"))
    assert list(OWN) == sorted(code for code in Code if code.startswith("ERR_WS"))
    for code, entry in erreurs.ENTRIES.items():
        assert set(entry.where.split(", ")) <= set(WHERE), code
        assert entry.advice, code
        assert "|" not in entry.advice + TEXTS[code], code


GUIDE_CODES = (
    "001 002 003 004 005 006 007 008 009 010 011 012 013 015 016 017 018 019 020 021 024 025 026 027 028 030 031 032 033 "
    "034 043 044 045 047 049 050 051 054 056 057 058 060 061 062 062_2 063 064 080"
)


def test_all_codes_of_the_guide_have_a_line() -> None:
    """Its section 13 has 48 of them: each is given, or the page says why not."""
    wanted = {f"ERR_IHM_{number}" for number in GUIDE_CODES.split()}
    given = {code.value for code in GUIDE}
    assert len(wanted) == 48
    assert given | erreurs.NOT_GIVEN.keys() == wanted
    assert given & erreurs.NOT_GIVEN.keys() == set()
    assert all(re.match(r"(à venir|sans objet)\b", why) for _, why in erreurs.NOT_GIVEN.values())


def test_every_warning_has_its_line() -> None:
    assert set(erreurs.WARNINGS) == set(Caution)


def test_a_canal_without_a_code_says_why() -> None:
    for code, entry in erreurs.ENTRIES.items():
        assert all(re.match(r"(à venir|sans objet)\b", why) for why in entry.absent.values()), code


# --- glossary.md ---


def words(name: str) -> list[str]:
    """The words of an identifier, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def contains(name: str, phrase: list[str]) -> bool:
    found = words(name)
    return any(found[at : at + len(phrase)] == phrase for at in range(len(found) - len(phrase) + 1))


@cache
def identifiers() -> tuple[tuple[str, str], ...]:
    """(place, name) of every module, class, function, field and column of the product."""
    return tuple(_identifiers())


def _identifiers() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            yield place, path.stem
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{place}:{node.lineno}", node.name
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    yield f"{place}:{node.lineno}", node.target.id


GLOSSARY = [
    (row[1], row[2], [word.strip() for word in row[3].split(",")]) for row in tables(page("glossary.md"), "atom")
]


def test_no_name_holds_a_forbidden_translation() -> None:
    forbidden = [(atom, translation.split()) for atom, _, translations in GLOSSARY for translation in translations]
    assert len(forbidden) > len(GLOSSARY)
    wrong = [
        f"{place}: {name} (write {atom})"
        for place, name in identifiers()
        for atom, phrase in forbidden
        if contains(name, phrase)
    ]
    assert wrong == []


def test_the_check_of_names_can_fail() -> None:
    assert contains("BeneficiaryForm", ["beneficiary"])
    assert contains("find_certificate_request", ["certificate", "request"])
    assert contains("LotWithdrawalError", ["withdrawal"])
    assert not contains("withdraw_lot", ["withdrawal"])
    assert not contains("request_certificate", ["certificate", "request"])


def test_every_atom_is_in_use() -> None:
    unused = [atom for atom, _, _ in GLOSSARY if not any(contains(name, words(atom)) for _, name in identifiers())]
    assert unused == []


def test_identifiers_are_ascii() -> None:
    assert [entry for entry in identifiers() if not entry[1].isascii()] == []


# --- the contract ---


def test_the_vocabulary_is_that_of_the_contract() -> None:
    schema = etree.parse(ROOT / "schemas" / "igc-lots-1.0.xsd")
    space = {"xs": "http://www.w3.org/2001/XMLSchema"}
    compared = 0
    for name in ("Offre", "Usage", "Canal", "Plateforme", "EtatDemande", "EtatProduit", "EtatLot"):
        published: Any = schema.xpath(f"//xs:simpleType[@name='{name}']//xs:enumeration/@value", namespaces=space)
        enum: type[StrEnum] = getattr(vocabulary, name)
        assert [str(value) for value in published] == [member.value for member in enum], name
        compared += 1
    assert compared == 7


def test_the_page_of_the_audit_trail_lists_every_act() -> None:
    rows = {row[0] for row in tables(page("piste-audit.md"), "acte")}
    assert {acte.value for acte in Acte} <= rows
