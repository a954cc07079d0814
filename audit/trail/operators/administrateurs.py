"""Who may act for others, and who may enter the operators' room: what the lines say and the rows are the same."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec
from sqlalchemy import select

from audit.context import Audit
from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

ACTES = ("ADMINISTRATEUR", "FIN_ADMINISTRATEUR")
OPERATOR_ACTES = ("OPERATEUR", "FIN_OPERATEUR")
_ENDS = {ACTES[1], OPERATOR_ACTES[1]}
_line = tables.PisteAudit

Term = tuple[int, datetime, datetime | None]


class _Term(msgspec.Struct):
    acteur: int
    debut: datetime
    fin: datetime | None


class Named:
    """Follows the lines in their order; what is right at the end is compared with the table at one moment."""

    def __init__(
        self,
        reading: Reading,
        table: type[tables.Administrateur | tables.Operateur],
        actes: tuple[str, str],
        what: str,
    ) -> None:
        """``what`` follows « la base et la piste ne disent pas la même chose »."""
        self._reading, self._row, self._actes, self._what = reading, table, actes, what
        self._told: Counter[Term] = Counter()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        _follow(self._told, line.acte, line.contenu)

    def conclude(self) -> None:
        """See Part."""
        row = self._row
        with snapshot(self._reading.audit.db) as session:
            later = select(_line).where(_line.acte.in_(self._actes), _line.numero > self._reading.read)
            for line in session.scalars(later.order_by(_line.numero)):
                self.check(line)
            rows = session.execute(select(row.id_acteur, row.debut_le, row.fin_le))
            there: Counter[Term] = Counter((ident, begins, ends) for ident, begins, ends in rows)
        for term in sorted(there.keys() | self._told.keys(), key=str):
            if there[term] != self._told[term]:
                text = f"la base et la piste ne disent pas la même chose {self._what}"
                self._reading.found_at(f"acteur {term[0]}", text)


def _follow(terms: Counter[Term], acte: str, contenu: str) -> None:
    told = msgspec.json.decode(contenu, type=_Term)
    if acte in _ENDS:
        # Of those that begin then, the one that had not ended before.
        before = next((term for term in +terms if _is_ended_by(term, told)), None)
        if before is not None:
            terms[before] -= 1
    terms[told.acteur, told.debut, told.fin] += 1


def _is_ended_by(term: Term, told: _Term) -> bool:
    ident, begins, ends = term
    return (ident, begins) == (told.acteur, told.debut) and (ends is None or told.fin is None or ends > told.fin)


def appointed(audit: Audit, actes: tuple[str, str] = ACTES) -> list[Term]:
    """Who might act for others (or, by other acts, enter the room), from when until when, as the trail says."""
    terms: Counter[Term] = Counter()
    with snapshot(audit.db) as session:
        lines = session.execute(select(_line.acte, _line.contenu).where(_line.acte.in_(actes)).order_by(_line.numero))
        for acte, contenu in lines:
            try:
                _follow(terms, acte, contenu)
            except msgspec.MsgspecError:
                continue  # the check of the trail names it
    return [*+terms]
