"""Which products were closed and opened again: what the lines say and the rows are the same."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec
from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

CLOSED, OPENED = "PRODUIT_FERME", "PRODUIT_OUVERT"
ACTES = (CLOSED, OPENED)
_row, _line = tables.Fermeture, tables.PisteAudit

Closing = tuple[str, str, str, datetime, datetime | None]


class _Product(msgspec.Struct):
    plateforme: str
    offre: str
    usage: str
    debut: datetime
    fin: datetime | None


class Products:
    """Follows the lines in their order; what is right at the end is compared with the table at one moment."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: Counter[Closing] = Counter()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Product)
        if line.acte == OPENED:
            self._told[told.plateforme, told.offre, told.usage, told.debut, None] -= 1
        self._told[told.plateforme, told.offre, told.usage, told.debut, told.fin] += 1

    def conclude(self) -> None:
        """See Part."""
        with snapshot(self._reading.audit.db) as session:
            later = select(_line).where(_line.acte.in_(ACTES), _line.numero > self._reading.read)
            for line in session.scalars(later.order_by(_line.numero)):
                self.check(line)
            rows = session.execute(select(_row.plateforme, _row.offre, _row.usage, _row.debut_le, _row.fin_le))
            there: Counter[Closing] = Counter(
                (plateforme, offre, usage, begins, ends) for plateforme, offre, usage, begins, ends in rows
            )
        for closing in sorted(there.keys() | self._told.keys(), key=str):
            if there[closing] != self._told[closing]:
                _, offre, usage, _, _ = closing
                self._reading.found_at(f"fermeture de {offre} {usage}", "la base et la piste ne disent pas la même")
