"""Entering structures, persons, and who works where, without a file: the invented world of a TEST plateforme."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.directory.storing import Batch, Comparing
from registration.vocabulary import Plateforme, SourceAnnuaire
from storage import tables
from storage.database import Database


def fill_directory(
    db: Database,
    plateforme: Plateforme,
    structures: Iterable[StructureEntry],
    personnes: Iterable[PersonneEntry],
    rattachements: Iterable[RattachementEntry],
) -> bool:
    """Enter what an empty directory shall hold; False when the plateforme has a structure already."""
    comparing = Comparing(plateforme, SourceAnnuaire.INITIAL)
    with db.write() as session:
        if session.scalar(select(tables.Structure.id_national).where(tables.Structure.plateforme == plateforme)):
            return False
        described = Batch()
        comparing.structures(session, list(structures), described)
        comparing.personnes(session, list(personnes), described)
        described.write(session)
        attached = Batch()
        comparing.rattachements(session, list(rattachements), attached)
        attached.write(session)
        return True
