"""Rights as data (guide §7, tables 6 and 7): which role may do what on which offre, and what an habilitation implies.

Every place that asks for a right asks here: the rules, the conditions of queries, the menus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from registration.values import Acteur
from registration.vocabulary import Action, Offre, Role, TypeActeur, TypeActeurInscrit, TypePersonne

_ALL = frozenset(Action)

# Table 7: what each role may do, offre by offre. A pair that is not here has no action at all.
ACTIONS: dict[tuple[Role, Offre], frozenset[Action]] = {
    (Role.DEMANDEUR, Offre.PS): _ALL,
    (Role.PORTEUR_CL, Offre.PS): frozenset({Action.REVOQUER, Action.SUIVRE}),
    (Role.PORTEUR_CL, Offre.PRO): frozenset({Action.REVOQUER, Action.SUIVRE}),
    (Role.ADMINISTRATEUR_TECHNIQUE, Offre.PRO): _ALL,
    (Role.ADMINISTRATEUR_TECHNIQUE, Offre.ORG): _ALL,
    (Role.ADMINISTRATEUR_TECHNIQUE, Offre.SERV): _ALL,
}

# Table 6: an habilitation for the first offre is one for the second on the same structure too.
IMPLIED: dict[Offre, tuple[Offre, ...]] = {Offre.SERV: (Offre.ORG,)}

# Table 6: who requests in his own name, without any row.
REQUESTS_FOR_SELF = frozenset({TypePersonne.PS, TypePersonne.PF})


def given_by(offre: Offre) -> frozenset[Offre]:
    """The offres for which an habilitation gives the rights of ``offre``: itself, and those that imply it."""
    return frozenset({offre, *(source for source, implied in IMPLIED.items() if offre in implied)})


def implied_by(offres: Iterable[Offre]) -> frozenset[Offre]:
    """Habilitations for these offres on a structure, with those that they imply."""
    held = frozenset(offres)
    return held.union(*(IMPLIED.get(offre, ()) for offre in held))


def may_request_for_self(acteur: Acteur) -> bool:
    """Demandeur à titre personnel: a PS or PF, for offre PS (guide §7, table 6)."""
    return acteur.type_acteur is TypeActeurInscrit.PERSONNE and acteur.type_personne in REQUESTS_FOR_SELF


@dataclass(frozen=True, slots=True)
class Rights:
    """The explicit habilitations of an acteur: domain patterns by (offre, structure); see guide §7, table 6."""

    patterns: dict[tuple[Offre, str], frozenset[str]] = field(default_factory=dict)

    def administers(self, offre: Offre, structure: str) -> bool:
        """Administrateur technique for this offre on this structure, implied or not."""
        return any((source, structure) in self.patterns for source in given_by(offre))

    def domains(self, offre: Offre, structure: str) -> frozenset[str]:
        """The domain patterns of one habilitation."""
        return self.patterns.get((offre, structure), frozenset())

    def holds_any(self, structure: str) -> bool:
        """Whether there is a habilitation on this structure, for whatever offre."""
        return any(held == structure for _, held in self.patterns)

    @property
    def perimeter(self) -> frozenset[tuple[Offre, str]]:
        """Every (offre, structure) the acteur administers, implied ones included."""
        implied = {(other, structure) for offre, structure in self.patterns for other in IMPLIED.get(offre, ())}
        return frozenset(self.patterns) | implied


@dataclass(frozen=True, slots=True)
class Perimeter:
    """Where an acteur is administrateur technique: structures by the offres he has there, implied ones included."""

    by_offres: Mapping[frozenset[Offre], Sequence[str]]
    structures: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """In which role an acteur takes a step, as the history states it (guide figures 147, 167): what he has, then."""

    type_acteur: TypeActeur
    habilitation: str


def revoking_standings(
    acteur: Acteur, rights: Rights, offre: Offre, structure: str | None, beneficiaire: str | None
) -> dict[Role, Standing]:
    """The roles in which ``acteur`` may revoke such a certificate (guide §11.1.1), each with what the history says.

    Who bears a certificate PS or PRO may always; who has both roles chooses.
    """
    found: dict[Role, Standing] = {}
    is_porteur = (
        acteur.type_acteur is TypeActeurInscrit.PERSONNE
        and acteur.id_national is not None
        and acteur.id_national == beneficiaire
    )
    if is_porteur and _may_revoke(Role.PORTEUR_CL, offre):
        found[Role.PORTEUR_CL] = Standing(TypeActeur.BENEFICIAIRE, "Porteur CL")
    if _may_revoke(Role.ADMINISTRATEUR_TECHNIQUE, offre) and rights.administers(offre, structure or ""):
        found[Role.ADMINISTRATEUR_TECHNIQUE] = standing_of(acteur, rights, offre, structure, beneficiaire)
    return found


def _may_revoke(role: Role, offre: Offre) -> bool:
    return Action.REVOQUER in ACTIONS.get((role, offre), frozenset())


NO_STANDING = Standing(TypeActeur.MANDATAIRE, "aucune")


def standing_of(
    acteur: Acteur, rights: Rights, offre: Offre | None, structure: str | None, beneficiaire: str | None
) -> Standing:
    """The right by which ``acteur`` acts on such a demande: his own, the one that gives it, or none at all."""
    if offre is Offre.PS:
        own = may_request_for_self(acteur) and beneficiaire in {None, acteur.id_national}
        return Standing(TypeActeur.BENEFICIAIRE, "Demandeur à titre personnel") if own else NO_STANDING
    if offre is None or structure is None or not rights.administers(offre, structure):
        return NO_STANDING
    # The offre itself where there is a row for it, else the one that implies it.
    source = min(
        (given for given in given_by(offre) if (given, structure) in rights.patterns), key=lambda one: one is not offre
    )
    return Standing(TypeActeur.MANDATAIRE, f"Administrateur technique {source.value} {structure}")
