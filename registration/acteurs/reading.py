"""Registered acteurs, as values."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from registration.values import Acteur
from registration.vocabulary import Plateforme, TypeActeurInscrit
from storage import tables


def as_value(row: Any) -> Acteur:  # noqa: ANN401 -- the entity, or a Row of its columns
    """The value of a row of ``acteur``."""
    return Acteur(
        id=row.id,
        plateforme=Plateforme(row.plateforme),
        type_acteur=TypeActeurInscrit(row.type_acteur),
        id_national=row.id_national,
        libelle=row.libelle,
        type_personne=row.type_personne,
    )


def acteur_by_id(session: Session, id_acteur: int) -> Acteur:
    """The acteur of a row that refers to it; NoResultFound would be a broken foreign key."""
    return as_value(session.get_one(tables.Acteur, id_acteur))
