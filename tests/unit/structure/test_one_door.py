"""One door for each kind of change: who else touches a table that has a door is named here, or breaks the build."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("audit", "batch", "clients", "commands", "pki", "portal_ihm", "publication", "registration", "runtime", "ws")

# A table, the module that is its door and, where only some columns have one, those columns.
DOORS: dict[str, tuple[str, set[str] | None]] = {
    "Outbox": ("registration/life/outbox.py", None),
    "Demande": ("registration/life/transitions.py", {"etat", "etat_produit", "produit_emis_le", "produit_fin_le"}),
    "Historique": ("registration/life/history.py", None),
    "Habilitation": ("registration/acteurs/habilitations.py", None),
    "Identite": ("registration/acteurs/habilitations.py", None),
    "Arret": ("batch/past/guard.py", None),
    "Fermeture": ("registration/life/fermetures.py", None),
    "Administrateur": ("registration/acteurs/administrateurs.py", None),
    "Operateur": ("registration/acteurs/operateurs.py", None),
    "SigneDeVie": ("registration/life/signs.py", None),
    "DemandeRevocation": ("registration/life/revocations.py", None),
    "EssaiCode": ("registration/revocation/tries.py", None),
    "JetonServi": ("registration/life/jetons.py", None),
}
# Reading is free for the auditor, who checks, and for those who only ask.
READERS = {
    "Outbox": {"audit", "registration/life/owed.py"},
    "Historique": {
        "audit",
        "registration/demandes/queries.py",
        "registration/notices/contents.py",
        "registration/notices/scope.py",
        "batch/delegates/seals.py",
        "registration/exploitation/trail.py",
    },
    "Habilitation": {
        "audit",
        "registration/acteurs/rights.py",
        "registration/acteurs/visibility.py",
        "registration/acteurs/listing.py",
    },
    "Identite": {
        "audit",
        "registration/acteurs/identity.py",
        "registration/acteurs/listing.py",
        "registration/acteurs/sujets.py",
    },
    "Fermeture": {"audit"},
    "Administrateur": {"audit"},
    "Operateur": {"audit"},
    "DemandeRevocation": {
        "registration/demandes/possible.py",
        "audit",
        "registration/demandes/renewals.py",
        "registration/demandes/revocations.py",
        "registration/notices/owing.py",
        "registration/life/history.py",
        "registration/lots/listing.py",
        "registration/lots/waiting.py",
        "registration/revocation/targets.py",
    },
    "Arret": {
        "audit",
        "registration/acteurs/identity.py",
        "registration/acteurs/sujets.py",
        "registration/revocation/by_code.py",
        "registration/life/readiness.py",
        "publication/statuses.py",
    },
}


def product_files() -> list[Path]:
    return [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]


@cache
def tree_of(file: Path) -> ast.AST:
    """Read once, for every table."""
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def attributes(tree: ast.AST) -> frozenset[str]:
    return frozenset(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def named(tree: ast.AST, table: str) -> bool:
    return table in attributes(tree)


@cache
def written_columns(tree: ast.AST) -> set[str]:
    """Columns that ``update(...).values(column=...)`` or ``row.column = ...`` write."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            found |= {keyword.arg or "**" for keyword in node.keywords}
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.attr for target in targets if isinstance(target, ast.Attribute)}
    return found


@pytest.mark.parametrize("table", DOORS)
def test_nobody_goes_around(table: str) -> None:
    door, columns = DOORS[table]
    around = []
    for file in product_files():
        name = file.relative_to(ROOT).as_posix()
        if name == door or any(name == reader or name.startswith(f"{reader}/") for reader in READERS.get(table, ())):
            continue
        tree = tree_of(file)
        if named(tree, table) if columns is None else written_columns(tree) & columns:
            around.append(name)
    assert around == []


def test_the_doors_are_where_they_are_said_to_be() -> None:
    assert [door for door, _ in DOORS.values() if not (ROOT / door).is_file()] == []


def test_the_look_sees_who_goes_around() -> None:
    tree = ast.parse(
        "session.execute(update(tables.Demande).where(x).values(etat='CLOSE'))\nrow.etat_produit = 'ACTIF'"
    )
    assert written_columns(tree) == {"etat", "etat_produit"}
    assert named(ast.parse("delete(tables.Outbox)"), "Outbox")
