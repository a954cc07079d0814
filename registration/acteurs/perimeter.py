"""The structures that operators name: in the directory, or refused with what is near."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.acteurs.refusals import ActeurRefusedError, near
from registration.rules.limits import is_structure
from registration.vocabulary import Plateforme
from registration.wording import moment
from storage import tables

_SAME_BEGINNING = 3
_LOOKED_AT = 2_000


def get_structure(session: Session, plateforme: Plateforme, id_structure: str) -> tables.Structure:
    """A structure of the directory; ActeurRefusedError when it has gone, or, with ids that look like it, never was."""
    if not is_structure(id_structure):
        raise ActeurRefusedError(f"« {id_structure} » n'est pas l'identifiant national d'une structure", "structure")
    found = session.get(tables.Structure, (plateforme.value, id_structure))
    if found is None:
        text = f"structure {id_structure} absente de l'annuaire{_near(session, plateforme, id_structure)}"
        raise ActeurRefusedError(text, "structure")
    if found.disparu_le is not None:
        text = f"structure {id_structure} disparue de l'annuaire le {moment(found.disparu_le)}"
        raise ActeurRefusedError(text, "structure")
    return found


def _near(session: Session, plateforme: Plateforme, id_structure: str) -> str:
    """Ids begin with what kind they are: what begins otherwise is another thing."""
    structure = tables.Structure
    known = session.scalars(
        select(structure.id_national)
        .where(
            structure.plateforme == plateforme.value,
            structure.id_national.startswith(id_structure[:_SAME_BEGINNING], autoescape=True),
            structure.disparu_le.is_(None),
        )
        .order_by(structure.id_national)
        .limit(_LOOKED_AT)
    )
    return near(id_structure, known)
