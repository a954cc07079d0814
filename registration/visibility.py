"""Who may follow and act on which demandes (guide §7, table 7, and §10.1.2), as conditions of queries."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, false, or_
from sqlalchemy.orm import Session

from registration.directory import load_rights, may_request_for_self
from registration.errors import AccessError, Code
from registration.values import Acteur
from registration.vocabulary import Offre, Role, TypeActeurInscrit
from storage import tables


def in_perimeter(acteur: Acteur) -> ColumnElement[bool]:
    """Demandes of the structures and offres the acteur administers; SERV implies ORG."""
    demande, habilitation = tables.Demande, tables.Habilitation
    return exists().where(
        habilitation.id_acteur == acteur.id,
        habilitation.role == Role.ADMINISTRATEUR_TECHNIQUE.value,
        habilitation.id_structure == demande.id_structure,
        or_(
            habilitation.offre == demande.offre,
            and_(habilitation.offre == Offre.SERV.value, demande.offre == Offre.ORG.value),
        ),
    )


def may_follow(acteur: Acteur) -> ColumnElement[bool]:
    """Suivre: his own demandes (so that a sender reads every verdict), his perimeter, those he is beneficiaire of."""
    demande = tables.Demande
    is_person = acteur.type_acteur is TypeActeurInscrit.PERSONNE and acteur.id_national is not None
    return and_(
        demande.plateforme == acteur.plateforme.value,
        or_(
            demande.id_acteur == acteur.id,
            in_perimeter(acteur),
            demande.id_beneficiaire == acteur.id_national if is_person else false(),
        ),
    )


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
    if demande.offre == Offre.PS.value:
        if may_request_for_self(acteur) and demande.id_beneficiaire == acteur.id_national:
            return
    elif load_rights(session, acteur).administers(Offre(demande.offre), demande.id_structure or ""):
        return
    raise AccessError(Code.HABILITATION_MISSING)
