"""Persons by the national id that a card, or a certificate PS AUTH or PRO AUTH of ours, certifies (guide §7).

Nobody registers them: what of them must stand in the tables is entered at their first act (``enter``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from cryptography import x509
from sqlalchemy.orm import Session

from pki.authority import Authority
from pki.certificates.holders import read_holder
from registration.acteurs.habilitations import LIBELLE_LENGTH, Profile, enter_personne, note_identity
from registration.rules.limits import is_personne
from registration.values import UNSEEN, Acteur, Origin
from registration.vocabulary import Plateforme, TypeActeurInscrit, TypePersonne
from storage.database import Database

_FAMILIES: Mapping[str, TypePersonne] = {
    "CPS_AUTH": TypePersonne.PS,
    "CPF_AUTH": TypePersonne.PF,
    "CPA_AUTH": TypePersonne.PA,
    "CPE_AUTH": TypePersonne.PE,
}
"""The type of a person is that of his card, whatever a row says: who has another card has other rights at once."""


class Porteur(msgspec.Struct, frozen=True, kw_only=True):
    """A person as his certificate names him; ``type_personne`` where the certificate is a card, None elsewhere."""

    id_national: str
    libelle: str
    type_personne: TypePersonne | None

    def as_acteur(self, plateforme: Plateforme, ident: int = UNSEEN, libelle: str | None = None) -> Acteur:
        """The acteur that he is, under the name that his row has, if that has one."""
        return Acteur(
            id=ident,
            plateforme=plateforme,
            type_acteur=TypeActeurInscrit.PERSONNE,
            id_national=self.id_national,
            libelle=self.libelle if libelle is None or libelle == self.id_national else libelle,
            type_personne=None if self.type_personne is None else self.type_personne.value,
        )


def read_porteur(authority: Authority, certificate: x509.Certificate) -> Porteur | None:
    """Whose certificate of ``authority`` this is; None where its form or its national id leaves any doubt.

    It says what the authority certifies, and neither that the certificate is in force nor, for one that is not in
    a card, that the person himself has its key.
    """
    holder = read_holder(authority, certificate)
    if holder is None or not is_personne(holder.common_name):
        return None
    return Porteur(
        id_national=holder.common_name,
        libelle=f"{holder.surname} {holder.given_name}"[:LIBELLE_LENGTH],
        type_personne=_FAMILIES[holder.product] if holder.is_card else None,
    )


def enter(db: Database, origin: Origin, now: datetime) -> Origin:
    """The origin of an act, whose acteurs stand in the tables now with what they presented; unchanged when they did.

    Safe when several acts of one person begin at once, on whatever processes: there is one row of him, and one line of
    the trail that says so.
    """
    if not origin.to_enter:
        return origin
    with db.write() as session:
        acteur = _entered(session, origin.acteur, now)
        administrateur = None if origin.administrateur is None else _entered(session, origin.administrateur, now)
        if origin.identite is not None:
            note_identity(session, (administrateur or acteur).id, origin.identite, now)
    return msgspec.structs.replace(origin, acteur=acteur, administrateur=administrateur, to_enter=False)


def _entered(session: Session, acteur: Acteur, now: datetime) -> Acteur:
    if acteur.id_national is None or acteur.type_acteur is not TypeActeurInscrit.PERSONNE:
        return acteur
    profile = Profile(
        id_national=acteur.id_national,
        libelle=acteur.libelle,
        type_acteur=acteur.type_acteur,
        type_personne=acteur.type_personne,
    )
    return msgspec.structs.replace(acteur, id=enter_personne(session, acteur.plateforme, profile, now))
