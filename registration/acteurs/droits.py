"""What an acteur may ask for, told to himself: offres, structures, domains and names in front of them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.rules.domains import offered
from registration.rules.names import fold
from registration.rules.rights import Rights, given_by, may_request_for_self
from registration.values import Acteur
from registration.views import DomaineOffert, Droit, DroitPage, PerimetrePage, StructureDroits
from registration.vocabulary import Offre
from storage import tables
from storage.among import among
from storage.database import Database


def read_droits(db: Database, acteur: Acteur, *, after: int, limit: int) -> DroitPage:
    """His rights as they are now (guide §7, tables 6 and 7), by structure and offre, from rank ``after`` on.

    Bearing a certificate gives a right that stands nowhere: to follow and revoke it; it is not told here. A structure
    that has left the directory has no raison sociale, and no demande on it is accepted.
    """
    with db.read() as session:
        rights = load_rights(session, acteur)
        perimeter = sorted(rights.perimeter, key=lambda pair: (pair[1], pair[0].value))
        shown = perimeter[max(after, 0) :][:limit]
        names = _names(session, acteur, {structure for _, structure in shown})
    told = max(after, 0) + len(shown)
    return DroitPage(
        pour_soi=may_request_for_self(acteur),
        droits=tuple(_droit(rights, offre, structure, names.get(structure)) for offre, structure in shown),
        next_after=told if told < len(perimeter) else None,
    )


def read_perimetre(db: Database, acteur: Acteur, texte: str | None, *, after: int, limit: int) -> PerimetrePage:
    """As ``read_droits``, a structure at a time, by raison sociale.

    With a ``texte``, those whose raison sociale holds it, whatever its case and accents, or whose id begins with it.
    """
    with db.read() as session:
        rights = load_rights(session, acteur)
        held: dict[str, list[Offre]] = {}
        for offre, structure in rights.perimeter:
            held.setdefault(structure, []).append(offre)
        names = _names(session, acteur, held)
    wanted = fold(texte or "")
    found = sorted(
        (structure for structure in held if _answers(structure, names.get(structure), wanted)),
        key=lambda structure: (fold(names.get(structure, "")), structure),
    )
    start = max(after, 0)
    shown = found[start:][:limit]
    told = start + len(shown)
    return PerimetrePage(
        pour_soi=may_request_for_self(acteur),
        structures=tuple(
            StructureDroits(
                structure=structure,
                raison_sociale=names.get(structure),
                droits=tuple(
                    _droit(rights, offre, structure, names.get(structure))
                    for offre in Offre
                    if offre in held[structure]
                ),
            )
            for structure in shown
        ),
        total=len(found),
        en_tout=len(held),
        next_after=told if told < len(found) else None,
    )


def _answers(structure: str, raison_sociale: str | None, wanted: str) -> bool:
    return wanted in fold(raison_sociale or "") or fold(structure).startswith(wanted)


def _names(session: Session, acteur: Acteur, structures: Collection[str]) -> dict[str, str]:
    """The raison sociale of each that is in the directory."""
    structure = tables.Structure
    return dict(
        session.execute(
            select(structure.id_national, structure.raison_sociale).where(
                structure.plateforme == acteur.plateforme.value,
                among(structure.id_national, structures),
                structure.disparu_le.is_(None),
            )
        ).all()
    )


def _droit(rights: Rights, offre: Offre, structure: str, raison_sociale: str | None) -> Droit:
    own = (offre, structure) in rights.patterns
    implying = next((source for source in given_by(offre) if (source, structure) in rights.patterns), None)
    return Droit(
        offre=offre,
        structure=structure,
        raison_sociale=raison_sociale,
        par=None if own else implying,
        domaines=tuple(
            DomaineOffert(domaine=domaine, saisie=saisie)
            for domaine, saisie in offered(rights.domains(offre, structure), offre)
        ),
    )
