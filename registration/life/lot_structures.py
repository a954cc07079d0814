"""Which structures the demandes of a lot concern (table lot_structure): what finds a lot for who did not send it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from registration.vocabulary import Plateforme
from storage import tables
from storage.bulk import insert_rows


def note(
    session: Session, plateforme: Plateforme, id_lot: int, concerned: Iterable[tuple[str | None, str | None]]
) -> None:
    """Remember each pair that is whole; in one order, so that two transactions never wait for each other."""
    pairs = sorted({(structure, str(offre)) for structure, offre in concerned if structure and offre})
    rows = [
        {"plateforme": plateforme.value, "id_structure": structure, "offre": offre, "id_lot": id_lot}
        for structure, offre in pairs
    ]
    insert_rows(session, tables.LotStructure, rows, ignore_conflicts=True)
