"""The explicit habilitations of an acteur, read at each act: a right withdrawn a second ago no longer counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, case, func, literal, or_, select
from sqlalchemy.orm import Session

from registration.rules.domains import normalize_pattern
from registration.rules.rights import Perimeter, Rights, implied_by, may_request_for_self
from registration.values import Acteur
from registration.vocabulary import Offre, Role
from runtime.clock import system_clock
from storage import tables
from storage.among import SEPARATOR, joined
from storage.database import Database
from storage.moments import Prepared


def in_force(moment: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Of an habilitation: it has begun, its term has not ended, and nobody has taken it back.

    Rights are asked on the clock of the machine, whatever the moment of the act that asks: they are those of now. What
    was taken back is over even where that clock is behind.
    """
    begins = tables.Habilitation.debut_le
    return and_(or_(begins.is_(None), begins <= moment), not_over(moment))


def not_over(moment: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """As ``in_force``, also for one that is still to begin."""
    row = tables.Habilitation
    return and_(row.motif_fin.is_(None), or_(row.fin_le.is_(None), row.fin_le > moment))


_OF_ACTEUR = (
    tables.Habilitation.id_acteur == bindparam("acteur"),
    tables.Habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
    in_force(bindparam("now", type_=tables.Habilitation.debut_le.type)),
)
# Made once: it is asked at every act.
_ADMINISTERED = Prepared(
    select(tables.Habilitation.offre, tables.Habilitation.id_structure, tables.Habilitation.domaine).where(*_OF_ACTEUR)
)
_BITS = {offre: 1 << place for place, offre in enumerate(Offre)}


def _grouped() -> Prepared:
    """The structures of an acteur in one text for each set of offres: a line for each habilitation costs too much."""
    row = tables.Habilitation
    bits = (func.max(case((row.offre == offre.value, bit), else_=0)) for offre, bit in _BITS.items())
    held = select(row.id_structure, sum(bits, start=literal(0)).label("offres")).where(*_OF_ACTEUR)
    of_structure = held.group_by(row.id_structure).subquery()
    return Prepared(
        select(of_structure.c.offres, joined(of_structure.c.id_structure).label("structures")).group_by(
            of_structure.c.offres
        )
    )


_GROUPED = _grouped()


def load_rights(session: Session, acteur: Acteur) -> Rights:
    """What the acteur administers now.

    Of the explicit roles only administrateur technique gives rights over a structure (guide §7, table 6).
    """
    patterns: dict[tuple[Offre, str], set[str]] = {}
    for offre, structure, domaine in _ADMINISTERED.within(session, acteur=acteur.id, now=system_clock()):
        known = patterns.setdefault((Offre(offre), structure), set())
        pattern = normalize_pattern(domaine) if domaine is not None else None
        if pattern is not None:
            known.add(pattern)
    return Rights({key: frozenset(value) for key, value in patterns.items()})


def load_perimeter(session: Session, acteur: Acteur) -> Perimeter:
    """As ``load_rights``, of the structures alone and for thousands of them: what searches ask."""
    found: dict[frozenset[Offre], list[str]] = {}
    structures: set[str] = set()
    for bits, texts in _GROUPED.within(session, acteur=acteur.id, now=system_clock()):
        held = texts.split(SEPARATOR)
        structures.update(held)
        found.setdefault(implied_by(offre for offre, bit in _BITS.items() if bits & bit), []).extend(held)
    return Perimeter(found, structures)


def load_patterns_of_others(session: Session, acteur: Acteur) -> frozenset[tuple[Offre, str]]:
    """The domain patterns, each with its offre, by which others administer persons and servers on this plateforme.

    The whole table is read, so that a pattern counts however it was written; each pattern comes once.
    """
    habilitation, other = tables.Habilitation, tables.Acteur
    rows = session.execute(
        select(habilitation.offre, habilitation.domaine)
        .join(other, other.id == habilitation.id_acteur)
        .where(
            other.plateforme == acteur.plateforme.value,
            other.id != acteur.id,
            habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
            habilitation.offre.in_([Offre.PRO.value, Offre.SERV.value]),
            habilitation.domaine.is_not(None),
            in_force(system_clock()),
        )
        .distinct()
    )
    patterns = ((Offre(offre), normalize_pattern(domaine)) for offre, domaine in rows if domaine is not None)
    return frozenset((offre, pattern) for offre, pattern in patterns if pattern is not None)


def offres(db: Database, acteur: Acteur) -> frozenset[Offre]:
    """The offres for which he may request something, somewhere (guide figure 69); one short statement, for menus."""
    habilitation, structure = tables.Habilitation, tables.Structure
    held = select(habilitation.id).where(
        habilitation.id_acteur == acteur.id,
        habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
        structure.plateforme == acteur.plateforme.value,
        structure.id_national == habilitation.id_structure,
        structure.disparu_le.is_(None),
        in_force(system_clock()),
    )
    # One of each is looked for: whoever administers thousands of structures has no longer a statement.
    found = [held.where(habilitation.offre == offre.value).exists().label(offre.value) for offre in Offre]
    with db.read() as session:
        row = session.execute(select(*found)).one()
    own = {Offre.PS} if may_request_for_self(acteur) else set()
    return implied_by(offre for offre in Offre if offre is not Offre.PS and getattr(row, offre.value)) | own


def allowed_structures(db: Database, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
    """(offre, id of the structure, raison sociale) of the acteur's perimeter, sorted by offre and name."""
    structure = tables.Structure
    with db.read() as session:
        perimeter = load_rights(session, acteur).perimeter
        ids = {id_structure for _, id_structure in perimeter}
        names = dict(
            session.execute(
                select(structure.id_national, structure.raison_sociale).where(
                    structure.plateforme == acteur.plateforme.value,
                    structure.id_national.in_(ids),
                    structure.disparu_le.is_(None),
                )
            ).all()
        )
    found = [(offre.value, ident, names[ident]) for offre, ident in perimeter if ident in names]
    return tuple(sorted(found, key=lambda entry: (entry[0], entry[2], entry[1])))
