"""Who may follow and act on which demandes (guide §7, table 7, and §10.1.2), as conditions of queries."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import Session

from registration.acteurs.rights import in_force, load_rights
from registration.errors import AccessError, Code
from registration.rules.rights import IMPLIED, may_request_for_self
from registration.values import Acteur
from registration.vocabulary import Offre, Role, TypeActeurInscrit, offre_of
from runtime.clock import system_clock
from storage import tables


def in_perimeter(acteur: Acteur) -> ColumnElement[bool]:
    """Demandes of the structures and offres the acteur administers, implied ones included."""
    demande, habilitation = tables.Demande, tables.Habilitation
    implied = (
        and_(habilitation.offre == source.value, demande.offre == offre.value)
        for source, offres in IMPLIED.items()
        for offre in offres
    )
    return exists().where(
        habilitation.id_acteur == acteur.id,
        habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
        habilitation.id_structure == demande.id_structure,
        or_(habilitation.offre == demande.offre, *implied),
        in_force(system_clock()),
    )


def may_follow(acteur: Acteur) -> ColumnElement[bool]:
    """Suivre, with every detail: his perimeter and those he is beneficiaire of, as his rights are now (guide §10.1.2).

    What never passed validation only claims to concern a structure or a person: it is its sender's alone, and his only
    while he has the right on what it names, or as one that names nobody else. Having sent it gives no right
    (``may_know_of``).
    """
    demande = tables.Demande
    validated = demande.contenu.is_not(None)
    is_person = acteur.type_acteur is TypeActeurInscrit.PERSONNE and acteur.id_national is not None
    beneficiaire = and_(validated, demande.id_beneficiaire == acteur.id_national) if is_person else false()
    return and_(
        demande.plateforme == acteur.plateforme.value,
        or_(validated, demande.id_acteur == acteur.id),
        or_(in_perimeter(acteur), beneficiaire, _refused_for_self(acteur), _refused_outside_any_perimeter(acteur)),
    )


def _refused_for_self(acteur: Acteur) -> ColumnElement[bool]:
    demande = tables.Demande
    return and_(
        demande.contenu.is_(None),
        demande.offre == Offre.PS.value,
        or_(demande.id_beneficiaire.is_(None), demande.id_beneficiaire == acteur.id_national),
    )


def _refused_outside_any_perimeter(acteur: Acteur) -> ColumnElement[bool]:
    """Refused for want of an offre or of a structure, so that no perimeter can hold it.

    Without an offre, any habilitation on its structure will do. What names neither structure nor person hides nothing
    from its sender, as long as he has any right at all.
    """
    demande, habilitation = tables.Demande, tables.Habilitation
    held = exists().where(
        habilitation.id_acteur == acteur.id,
        habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
        in_force(system_clock()),
    )
    names_nobody = and_(
        demande.id_structure.is_(None),
        demande.id_beneficiaire.is_(None),
        demande.offre.is_distinct_from(Offre.PS.value),
    )
    return and_(
        demande.contenu.is_(None),
        or_(
            and_(demande.offre.is_(None), held.where(habilitation.id_structure == demande.id_structure)),
            and_(names_nobody, true() if may_request_for_self(acteur) else held),
        ),
    )


def may_know_of(acteur: Acteur) -> ColumnElement[bool]:
    """Demandes that exist for the acteur: those he may follow, and all he ever sent.

    Of what he only sent he is told numero, etat and verdict (``as_view``); an act on it is refused by the right that
    it needs, and not as an unknown one.
    """
    demande = tables.Demande
    sent = and_(demande.plateforme == acteur.plateforme.value, demande.id_acteur == acteur.id)
    return or_(sent, may_follow(acteur))


def may_act(acteur: Acteur) -> ColumnElement[bool]:
    """Retirer, annuler: in his perimeter, or for himself on offre PS. Judged at the time of the act."""
    demande = tables.Demande
    himself = (
        and_(demande.offre == Offre.PS.value, demande.id_beneficiaire == acteur.id_national)
        if may_request_for_self(acteur)
        else false()
    )
    return and_(demande.plateforme == acteur.plateforme.value, or_(in_perimeter(acteur), himself))


def check_may_act(session: Session, acteur: Acteur, demande: tables.Demande) -> None:
    """``may_act`` for one row: AccessError ERR_IHM_026 when the right is not there (any more)."""
    offre = offre_of(demande.offre)
    if offre is Offre.PS:
        if may_request_for_self(acteur) and demande.id_beneficiaire == acteur.id_national:
            return
    elif offre is not None and load_rights(session, acteur).administers(offre, demande.id_structure or ""):
        return
    raise AccessError(Code.HABILITATION_MISSING)
