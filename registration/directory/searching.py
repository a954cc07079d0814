"""Who and what an acteur may choose for a demande (guide §8.1.2, §8.3.2): the directory inside his perimeter."""

from __future__ import annotations

from registration.acteurs.rights import load_rights
from registration.directory.port import Directory, Wanted
from registration.directory.reading import is_known_structure
from registration.errors import AccessError, Code, IgcError
from registration.policy import DEFAULT_PAGE
from registration.rules.limits import is_personne
from registration.rules.names import Pattern, read_pattern
from registration.values import Acteur
from registration.views import (
    PersonneCriteria,
    PersonnePage,
    PersonneView,
    StructureCriteria,
    StructurePage,
    StructureView,
)
from registration.vocabulary import Offre
from storage.database import Database


def search_structures(
    db: Database,
    directory: Directory,
    acteur: Acteur,
    criteria: StructureCriteria,
    *,
    offre: Offre | None = None,
    limit: int = DEFAULT_PAGE,
) -> StructurePage:
    """Structures that the acteur administers, for one offre or for any, as his rights are now.

    Without criteria all of them, ``limit`` at the most. ERR_WS_038 for a raison sociale that cannot be looked for,
    ERR_IHM_024 when the directory does not answer. What is outside the perimeter is as if it were not there.
    """
    pattern = _pattern(criteria.raison_sociale, "raisonSociale")
    with db.read() as session:
        perimeter = load_rights(session, acteur).perimeter
    among = {structure for held, structure in perimeter if offre is None or held is offre}
    if criteria.id_national is not None:
        among &= {criteria.id_national}
    found = directory.find_structures(among, pattern, limit + 1) if among else []
    return StructurePage(
        structures=tuple(StructureView(**entry._asdict()) for entry in found[:limit]), more=len(found) > limit
    )


def search_personnes(
    db: Database,
    directory: Directory,
    acteur: Acteur,
    structure: str,
    criteria: PersonneCriteria,
    *,
    limit: int = DEFAULT_PAGE,
) -> PersonnePage:
    """Persons attached to a structure for which the acteur may ask for certificates PRO, as his rights are now.

    AccessError ERR_IHM_026 for any other structure, ERR_IHM_005 for one that nobody knows; ERR_IHM_021 when nobody is
    attached to it; ERR_WS_038 for a name that cannot be looked for; ERR_IHM_024 when the directory does not answer.
    """
    wanted = Wanted(criteria.id_national, _pattern(criteria.nom, "nom"), _pattern(criteria.prenom, "prenom"))
    with db.read() as session:
        if not load_rights(session, acteur).administers(Offre.PRO, structure):
            if not is_known_structure(session, acteur.plateforme, structure):
                raise IgcError(Code.STRUCTURE_UNKNOWN, champ="structure")
            raise AccessError(Code.HABILITATION_MISSING, champ="structure")
    # What has not the form of an id is nobody's, and not every database can be asked for it.
    askable = criteria.id_national is None or is_personne(criteria.id_national)
    found = directory.find_personnes(structure, wanted, limit + 1) if askable else []
    if not found and (wanted == Wanted() or not directory.find_personnes(structure, Wanted(), 1)):
        raise IgcError(Code.NOBODY_IN_STRUCTURE, champ="structure")
    personnes = tuple(
        PersonneView(
            id_national=entry.id_national,
            type_personne=entry.type_personne,
            nom=entry.nom,
            prenom=entry.prenom,
            titre=entry.titre,
        )
        for entry in found[:limit]
    )
    return PersonnePage(personnes=personnes, more=len(found) > limit)


def _pattern(text: str | None, champ: str) -> Pattern | None:
    return None if text is None else read_pattern(text, champ)
