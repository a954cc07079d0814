"""What the rules need to know of the acteur, the structures and the persons, read in bulk for many forms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeGuard

from sqlalchemy import and_, select, tuple_
from sqlalchemy.orm import Session

from registration.rules.domains import normalize_pattern
from registration.slicing import slices
from registration.values import Acteur, DemandeForm
from registration.vocabulary import Offre, Plateforme, Role, TypeActeurInscrit, TypePersonne
from storage import tables


@dataclass(frozen=True, slots=True)
class Rights:
    """The explicit habilitations of an acteur: domain patterns by (offre, structure); see guide §7, table 6."""

    patterns: dict[tuple[Offre, str], frozenset[str]] = field(default_factory=dict)

    def administers(self, offre: Offre, structure: str) -> bool:
        """Administrateur technique for this offre; SERV implies ORG on the same structure."""
        return (offre, structure) in self.patterns or (offre is Offre.ORG and (Offre.SERV, structure) in self.patterns)

    def domains(self, offre: Offre, structure: str) -> frozenset[str]:
        """The domain patterns of one habilitation."""
        return self.patterns.get((offre, structure), frozenset())

    @property
    def perimeter(self) -> frozenset[tuple[Offre, str]]:
        """Every (offre, structure) the acteur administers, implied ones included."""
        implied = {(Offre.ORG, structure) for offre, structure in self.patterns if offre is Offre.SERV}
        return frozenset(self.patterns) | implied


@dataclass(frozen=True, slots=True)
class DirectoryView:
    """The rights of an acteur and the directory entries that some forms name."""

    acteur: Acteur
    rights: Rights
    structures: dict[str, tables.Structure]
    personnes: dict[str, tables.Personne]
    rattachements: frozenset[tuple[str, str]]


def load_rights(session: Session, acteur: Acteur) -> Rights:
    """Read at each act: a right withdrawn a second ago no longer counts.

    Of the explicit roles only administrateur technique gives rights over a structure (guide §7, table 6).
    """
    patterns: dict[tuple[Offre, str], set[str]] = {}
    rows = session.execute(
        select(tables.Habilitation.offre, tables.Habilitation.id_structure, tables.Habilitation.domaine).where(
            tables.Habilitation.id_acteur == acteur.id,
            tables.Habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
        )
    )
    for offre, structure, domaine in rows:
        known = patterns.setdefault((Offre(offre), structure), set())
        pattern = normalize_pattern(domaine) if domaine is not None else None
        if pattern is not None:
            known.add(pattern)
    return Rights({key: frozenset(value) for key, value in patterns.items()})


def may_request_for_self(acteur: Acteur) -> bool:
    """Demandeur à titre personnel: a PS or PF, for offre PS (guide §7, table 6)."""
    return acteur.type_acteur is TypeActeurInscrit.PERSONNE and acteur.type_personne in {
        TypePersonne.PS,
        TypePersonne.PF,
    }


def load_view(session: Session, acteur: Acteur, forms: Iterable[DemandeForm]) -> DirectoryView:
    """One query a kind of entry, whatever the number of forms."""
    forms = list(forms)
    structures = {form.structure for form in forms if _is_askable(form.structure)}
    personnes = {form.beneficiaire for form in forms if _is_askable(form.beneficiaire)}
    if acteur.id_national is not None and acteur.type_acteur is TypeActeurInscrit.PERSONNE:
        personnes.add(acteur.id_national)
    pairs = {
        (form.structure, form.beneficiaire)
        for form in forms
        if form.offre is Offre.PRO and _is_askable(form.structure) and _is_askable(form.beneficiaire)
    }
    return DirectoryView(
        acteur=acteur,
        rights=load_rights(session, acteur),
        structures=_structures(session, acteur.plateforme, structures),
        personnes=_personnes(session, acteur.plateforme, personnes),
        rattachements=_rattachements(session, acteur.plateforme, pairs),
    )


def _is_askable(value: str | None) -> TypeGuard[str]:
    """PostgreSQL cannot even be asked for a text with a zero byte or half a character in it."""
    return value is not None and value.isprintable()


def _structures(session: Session, plateforme: Plateforme, ids: set[str]) -> dict[str, tables.Structure]:
    table = tables.Structure
    return {
        row.id_national: row
        for part in slices(ids)
        for row in session.scalars(select(table).where(table.plateforme == plateforme, table.id_national.in_(part)))
    }


def _personnes(session: Session, plateforme: Plateforme, ids: set[str]) -> dict[str, tables.Personne]:
    table = tables.Personne
    return {
        row.id_national: row
        for part in slices(ids)
        for row in session.scalars(select(table).where(table.plateforme == plateforme, table.id_national.in_(part)))
    }


def _rattachements(session: Session, plateforme: Plateforme, pairs: set[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    table = tables.Rattachement
    found: set[tuple[str, str]] = set()
    for part in slices(pairs):
        rows = session.execute(
            select(table.id_structure, table.id_personne).where(
                and_(table.plateforme == plateforme, tuple_(table.id_structure, table.id_personne).in_(part))
            )
        )
        found.update((structure, personne) for structure, personne in rows)
    return frozenset(found)
