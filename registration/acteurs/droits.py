"""What an acteur may ask for, told to himself: offres, structures, domains and names in front of them."""

from __future__ import annotations

from sqlalchemy import select

from registration.acteurs.rights import load_rights
from registration.rules.domains import offered
from registration.rules.rights import Rights, given_by, may_request_for_self
from registration.values import Acteur
from registration.views import DomaineOffert, Droit, DroitPage
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
        names = dict(
            session.execute(
                select(tables.Structure.id_national, tables.Structure.raison_sociale).where(
                    tables.Structure.plateforme == acteur.plateforme.value,
                    among(tables.Structure.id_national, {structure for _, structure in shown}),
                    tables.Structure.disparu_le.is_(None),
                )
            ).all()
        )
    told = max(after, 0) + len(shown)
    return DroitPage(
        pour_soi=may_request_for_self(acteur),
        droits=tuple(_droit(rights, offre, structure, names.get(structure)) for offre, structure in shown),
        next_after=told if told < len(perimeter) else None,
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
