"""Which imports into the directory have ended, and how: the lines and the rows say the same."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

IMPORTED = "IMPORT_ANNUAIRE"
_UNDER_WAY = "EN_COURS"
_row = tables.ImportAnnuaire


class _Import(msgspec.Struct, frozen=True):
    id: int
    source: str
    etat: str
    sha256: str
    lignes: int
    rejets: int
    ajouts: int
    changements: int
    retours: int
    disparitions: int


class Imports:
    """Keeps what the lines say; what the directory holds by an import is not compared: a later one may change it."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: dict[int, _Import] = {}

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Import)
        if told.id in self._told:
            self._reading.found(line, f"l'import n° {told.id} finit une seconde fois")
        self._told[told.id] = told

    def conclude(self) -> None:
        """See Part."""
        with snapshot(self._reading.audit.db) as session:
            rows = session.scalars(select(_row).where(_row.etat != _UNDER_WAY)).all()
            there = {row.id: _of(row) for row in rows}
        later = {told.id: told for told in self._reading.later(IMPORTED, _Import)}
        for ident in sorted(there.keys() | self._told.keys()):
            if there.get(ident) != self._told.get(ident, later.get(ident)):
                self._reading.found_at(
                    f"import n° {ident} dans l'annuaire", "la base et la piste ne disent pas la même"
                )


def _of(row: tables.ImportAnnuaire) -> _Import:
    return _Import(
        id=row.id,
        source=row.source,
        etat=row.etat,
        sha256=bytes(row.empreinte).hex(),
        lignes=row.lignes,
        rejets=row.rejets,
        ajouts=row.ajouts,
        changements=row.changements,
        retours=row.retours,
        disparitions=row.disparitions,
    )
