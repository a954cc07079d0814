"""Who may act for others: what the lines say and the rows are the same."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec
from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

APPOINTED, DISMISSED = "ADMINISTRATEUR", "FIN_ADMINISTRATEUR"
ACTES = (APPOINTED, DISMISSED)
_row, _line = tables.Administrateur, tables.PisteAudit

Term = tuple[int, datetime, datetime | None]


class _Term(msgspec.Struct):
    acteur: int
    debut: datetime
    fin: datetime | None


class Administrateurs:
    """Follows the lines in their order; what is right at the end is compared with the table at one moment."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: Counter[Term] = Counter()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Term)
        if line.acte == DISMISSED:
            # Of those that begin then, the one that had not ended before.
            before = next(
                (
                    term
                    for term in +self._told
                    if term[:2] == (told.acteur, told.debut)
                    and (term[2] is None or told.fin is None or term[2] > told.fin)
                ),
                None,
            )
            if before is not None:
                self._told[before] -= 1
        self._told[told.acteur, told.debut, told.fin] += 1

    def conclude(self) -> None:
        """See Part."""
        with snapshot(self._reading.audit.db) as session:
            later = select(_line).where(_line.acte.in_(ACTES), _line.numero > self._reading.read)
            for line in session.scalars(later.order_by(_line.numero)):
                self.check(line)
            rows = session.execute(select(_row.id_acteur, _row.debut_le, _row.fin_le))
            there: Counter[Term] = Counter((ident, begins, ends) for ident, begins, ends in rows)
        for term in sorted(there.keys() | self._told.keys(), key=str):
            if there[term] != self._told[term]:
                text = "la base et la piste ne disent pas la même chose de qui agit pour des tiers"
                self._reading.found_at(f"acteur {term[0]}", text)
