"""Agir pour un tiers: who may acts with the rights of the third party, and not with his own or with the sum of both.

The history names both. Everything is asked at each request, so that an operator who ends it ends it at once.
"""

from __future__ import annotations

import msgspec
from sqlalchemy.orm import Session

from registration.acteurs.administrateurs import is_administrateur
from registration.acteurs.habilitations import LIBELLE_LENGTH
from registration.acteurs.reading import personne_by_national_id
from registration.errors import AccessError, Code, IgcError
from registration.rules.limits import is_personne
from registration.values import UNSEEN, Acteur, Caller
from registration.vocabulary import TypeActeurInscrit
from storage import tables
from storage.database import Database

_CHAMP = "pourLeCompteDe"


def may_act_for_others(db: Database, acteur: Acteur) -> bool:
    """Whether to offer it to him at all; one short statement, and none for who has never acted."""
    with db.read() as session:
        return is_administrateur(session, acteur)


def act_for(db: Database, caller: Caller, id_national: str) -> Caller:
    """The caller in the place of a third party of his plateforme: its rights, and both names in the history.

    AccessError (ERR_IHM_026) when the caller may not act for others (any more). ERR_IHM_018 for what is no person's
    national id that is known here, for himself, and for another one who may act for others.
    """
    holder = caller.acteur
    with db.read() as session:
        if caller.administrateur is not None or not is_administrateur(session, holder):
            raise AccessError(Code.HABILITATION_MISSING, champ=_CHAMP)
        tiers = _find(session, holder, id_national)
        if tiers is None or tiers.key == holder.key or is_administrateur(session, tiers):
            raise IgcError(Code.TIERS_UNKNOWN, champ=_CHAMP)
    return msgspec.structs.replace(
        caller, acteur=tiers, administrateur=holder, to_enter=caller.to_enter or tiers.id == UNSEEN
    )


def _find(session: Session, holder: Acteur, id_national: str) -> Acteur | None:
    """A person who has acted or has been given something; else one of the directory, with the type that it knows."""
    if not is_personne(id_national):
        return None
    known = personne_by_national_id(session, holder.plateforme, id_national)
    if known is not None and known.type_personne is not None:
        return known
    personne = session.get(tables.Personne, (holder.plateforme.value, id_national))
    if personne is None or personne.disparu_le is not None:
        return known
    return Acteur(
        id=UNSEEN if known is None else known.id,
        plateforme=holder.plateforme,
        type_acteur=TypeActeurInscrit.PERSONNE,
        id_national=id_national,
        libelle=f"{personne.nom} {personne.prenom}"[:LIBELLE_LENGTH],
        type_personne=personne.type_personne,
    )
