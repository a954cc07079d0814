"""Registered acteurs, as values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
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


def personne_by_national_id(session: Session, plateforme: Plateforme, id_national: str) -> Acteur | None:
    """The person who has acted, or has been given something, on this plateforme; however he is made known."""
    acteur = tables.Acteur
    row = session.scalar(
        select(acteur).where(
            acteur.plateforme == plateforme.value,
            acteur.type_acteur == TypeActeurInscrit.PERSONNE.value,
            acteur.id_national == id_national,
        )
    )
    return None if row is None else as_value(row)


def acteur_by_id(session: Session, id_acteur: int) -> Acteur:
    """The acteur of a row that refers to it; NoResultFound would be a broken foreign key."""
    return as_value(session.get_one(tables.Acteur, id_acteur))
