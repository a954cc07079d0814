"""Rows are held in the weakest way that keeps others from changing them.

Whoever inserts a row that refers to a held one waits for FOR UPDATE, but not for FOR NO KEY UPDATE (PostgreSQL §13.3.2):
a count of a lot, inserted at the end of a transaction that holds demandes, once met a cancellation that held the lot and
waited for these demandes. Nobody changes a key.
"""

from __future__ import annotations

import ast

from tests.unit.structure.test_one_door import product_files


def locks(tree: ast.AST) -> list[ast.expr | None]:
    """What ``key_share`` is in each lock of rows, None where it is not said."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr == "with_for_update":
            found.append(next((one.value for one in node.keywords if one.arg == "key_share"), None))
        for keyword in node.keywords:
            if keyword.arg == "with_for_update":
                value = keyword.value
                keys = value.keys if isinstance(value, ast.Dict) else []
                found.append(
                    value if any(isinstance(k, ast.Constant) and k.value == "key_share" for k in keys) else None
                )
    return found


def test_every_lock_of_rows_lets_others_refer_to_them() -> None:
    said = {str(file): locks(ast.parse(file.read_text(encoding="utf-8"))) for file in product_files()}
    assert [name for name, found in said.items() if None in found] == []
    assert sum(map(len, said.values())) > 20


def test_the_look_sees_what_it_looks_for() -> None:
    assert locks(ast.parse("select(x).with_for_update(of=x)")) == [None]
    assert locks(ast.parse("session.get_one(x, 1, with_for_update=True)")) == [None]
    assert None not in locks(ast.parse("select(x).with_for_update(key_share=True)"))
