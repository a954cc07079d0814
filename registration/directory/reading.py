"""What the rules need to know of the acteur, the structures and the persons, read in bulk for many forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

from sqlalchemy import RowMapping, Select, and_, bindparam, select, tuple_
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_patterns_of_others, load_rights
from registration.errors import Code, IgcError
from registration.life.fermetures import closed_products
from registration.rules.rights import Rights
from registration.rules.view import DirectoryView, Personne, Structure
from registration.values import Acteur, DemandeForm, Origin
from registration.vocabulary import Offre, Plateforme, TypeActeurInscrit
from runtime.clock import system_clock
from storage import tables
from storage.bulk import slices
from storage.database import Database

_structure, _personne = tables.Structure, tables.Personne
# Made once, and of columns only: they are asked for every single demande.
_STRUCTURES = select(_structure.id_national, _structure.raison_sociale, _structure.departement).where(
    _structure.plateforme == bindparam("plateforme"),
    _structure.id_national.in_(bindparam("ids", expanding=True)),
    _structure.disparu_le.is_(None),
)
_PERSONNES = select(
    _personne.id_national,
    _personne.nom,
    _personne.prenom,
    _personne.titre,
    _personne.code_profession,
    _personne.code_formation,
    _personne.savoir_faire,
    _personne.tableau_pharmacien,
).where(
    _personne.plateforme == bindparam("plateforme"),
    _personne.id_national.in_(bindparam("ids", expanding=True)),
    _personne.disparu_le.is_(None),
)


def load_view(
    session: Session,
    origin: Origin,
    forms: Iterable[DemandeForm],
    rights: Rights | None = None,
    *,
    is_whole: bool = True,
) -> DirectoryView:
    """One query a kind of entry, whatever the number of forms. Who has gone from the directory is not in it.

    ``rights`` when this transaction has read them; ``is_whole`` is what ``LotPolicy.complete`` said before it.
    """
    forms, acteur = list(forms), origin.acteur
    structures = {form.structure for form in forms if _is_askable(form.structure)}
    personnes = {form.beneficiaire for form in forms if _is_askable(form.beneficiaire)}
    if acteur.id_national is not None and acteur.type_acteur is TypeActeurInscrit.PERSONNE:
        personnes.add(acteur.id_national)
    pairs = {
        (form.structure, form.beneficiaire)
        for form in forms
        if form.offre == Offre.PRO and _is_askable(form.structure) and _is_askable(form.beneficiaire)
    }
    reservable = any(form.offre == Offre.PS and form.adresse_email is not None for form in forms)
    return DirectoryView(
        origin=origin,
        rights=load_rights(session, acteur) if rights is None else rights,
        patterns_of_others=load_patterns_of_others(session, acteur) if reservable else frozenset(),
        structures=_structures(session, acteur.plateforme, structures),
        personnes=_personnes(session, acteur.plateforme, personnes),
        rattachements=_rattachements(session, acteur.plateforme, pairs),
        is_whole=is_whole,
        closed=closed_products(session, acteur.plateforme, system_clock()),
    )


def check_known(db: Database, acteur: Acteur, structure: str) -> None:
    """Refuse (ERR_IHM_005) a structure that nobody here knows or ever knew: that of a search which found nothing.

    One of his own perimeter is known, also where the directory is elsewhere and was never asked for it.
    """
    with db.read() as session:
        if is_known_structure(session, acteur.plateforme, structure):
            return
        if structure not in {held for _, held in load_rights(session, acteur).perimeter}:
            raise IgcError(Code.STRUCTURE_UNKNOWN, champ="structure")


def is_known_structure(session: Session, plateforme: Plateforme, structure: str) -> bool:
    """Whether an entry of the directory has, or had, this id."""
    if not _is_askable(structure):
        return False
    known = select(_structure.id_national).where(
        _structure.plateforme == plateforme.value, _structure.id_national == structure
    )
    return session.scalar(known) is not None


def _is_askable(value: str | None) -> TypeGuard[str]:
    """PostgreSQL cannot even be asked for a text with a zero byte or half a character in it."""
    return value is not None and value.isprintable()


def _structures(session: Session, plateforme: Plateforme, ids: set[str]) -> dict[str, Structure]:
    return {row["id_national"]: Structure(**row) for row in _entries(session, _STRUCTURES, plateforme, ids)}


def _personnes(session: Session, plateforme: Plateforme, ids: set[str]) -> dict[str, Personne]:
    return {row["id_national"]: Personne(**row) for row in _entries(session, _PERSONNES, plateforme, ids)}


def _entries(
    session: Session, statement: Select[*tuple[Any, ...]], plateforme: Plateforme, ids: set[str]
) -> Iterator[RowMapping]:
    for part in slices(ids):
        yield from session.connection().execute(statement, {"plateforme": plateforme.value, "ids": part}).mappings()


def _rattachements(session: Session, plateforme: Plateforme, pairs: set[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    table = tables.Rattachement
    found: set[tuple[str, str]] = set()
    for part in slices(pairs):
        rows = session.execute(
            select(table.id_structure, table.id_personne).where(
                and_(
                    table.plateforme == plateforme,
                    tuple_(table.id_structure, table.id_personne).in_(part),
                    table.disparu_le.is_(None),
                )
            )
        )
        found.update((structure, personne) for structure, personne in rows)
    return frozenset(found)
