"""Acts of the operators' room of the portal: whose name stands on their lines was an operator then."""

from __future__ import annotations

import re
from functools import cached_property

from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.operators.administrateurs import OPERATOR_ACTES, Term, appointed
from audit.trail.told import Reading
from storage import tables

_AUTEUR = re.compile(r"operateur (\S+) \(portail\)")


class Room:
    """Looks at the author of every line; those of the room are few."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def check(self, line: tables.PisteAudit) -> None:
        """Name a line of the room by somebody who was no operator at that moment."""
        found = _AUTEUR.fullmatch(line.auteur)
        if found is None:
            return
        terms = self._terms.get(found[1], [])
        if not any(begins <= line.date and (ends is None or line.date <= ends) for _, begins, ends in terms):
            self._reading.found(line, f"{found[1]} n'était pas opérateur alors")

    @cached_property
    def _terms(self) -> dict[str, list[Term]]:
        """By national id, as the trail says."""
        told = appointed(self._reading.audit, OPERATOR_ACTES)
        acteur = tables.Acteur
        with snapshot(self._reading.audit.db) as session:
            rows = session.execute(select(acteur.id, acteur.id_national).where(acteur.id.in_({one[0] for one in told})))
            names = {ident: national for ident, national in rows if national is not None}
        found: dict[str, list[Term]] = {}
        for term in told:
            if term[0] in names:
                found.setdefault(names[term[0]], []).append(term)
        return found
