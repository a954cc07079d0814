"""Who may open each route of the portal, one module a family: ``ROWS`` maps (method, path) to who.

``test_walk.py`` goes to each of them as everybody. Who is one of ``WHO``; rights on the object that a path names are
asked by the act itself.
"""

from __future__ import annotations

import importlib
import pkgutil

WHO = {
    "public": "nobody need be known",
    "holder": "whoever is recognised",
    "offre": "who may request something",
    "administrator": "who administers a structure",
    "tiers": "who may act for others",
    "operateur": "who may enter the operators' room",
}


def all_rows() -> dict[tuple[str, str], str]:
    """The rows of all families; ValueError for one that stands twice or names nobody known."""
    rows: dict[tuple[str, str], str] = {}
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        for row, who in importlib.import_module(f"{__name__}.{module}").ROWS.items():
            if row in rows or who not in WHO:
                raise ValueError(f"{module}: {row} {who}")
            rows[row] = who
    return rows
