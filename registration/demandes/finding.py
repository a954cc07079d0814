"""Demandes for who runs the plateforme: by what somebody on the telephone has at hand; no perimeter is asked."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from registration.rules.fields import email_key
from registration.vocabulary import Plateforme
from storage import tables


class Clue(NamedTuple):
    """What is known; every clue that is given must fit.

    ``email`` is that of the certificate, of who asked or of who is told; ``serial`` is as it is stored (serial_hex).
    """

    numero: int | None = None
    serial: str | None = None
    email: str | None = None
    structure: str | None = None
    beneficiaire: str | None = None
    lot: int | None = None


class FoundDemande(NamedTuple):
    """One demande with its certificate, if it has one. Neither key nor code of revocation."""

    numero: int
    cree_le: datetime
    canal: str
    lot: int | None
    offre: str | None
    usage: str | None
    etat: str
    etat_produit: str | None
    limite_retrait: datetime | None
    structure: str | None
    beneficiaire: str | None
    service: str | None
    email: str | None
    email_acteur: str | None
    acteur: str
    autorite: str | None
    serie: str | None
    fin_validite: datetime | None
    revoque_le: datetime | None
    raison: str | None
    erreur: str | None


def find_demandes(session: Session, plateforme: Plateforme, clue: Clue, limit: int) -> list[FoundDemande]:
    """The newest first, ``limit`` at most."""
    demande, certificat, acteur = tables.Demande, tables.Certificat, tables.Acteur
    rows = session.execute(
        select(
            demande.id, demande.cree_le, demande.canal, demande.id_lot, demande.offre, demande.usage, demande.etat,
            demande.etat_produit, demande.limite_retrait, demande.id_structure, demande.id_beneficiaire,
            demande.service_applicatif, demande.adresse_email, demande.email_acteur, acteur.libelle,
            certificat.autorite, certificat.serial, certificat.not_after, certificat.revoque_le, certificat.raison_crl,
            demande.code_erreur,
        )
        .join(acteur, acteur.id == demande.id_acteur)
        .outerjoin(certificat, certificat.id_demande == demande.id)
        .where(demande.plateforme == plateforme.value, *_conditions(clue))
        .order_by(demande.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [FoundDemande._make(row) for row in rows]


def _conditions(clue: Clue) -> list[ColumnElement[bool]]:
    demande, certificat = tables.Demande, tables.Certificat
    exact = (
        (demande.id, clue.numero),
        (certificat.serial, clue.serial),
        (demande.id_structure, clue.structure),
        (demande.id_beneficiaire, clue.beneficiaire),
        (demande.id_lot, clue.lot),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in exact if value is not None]
    if clue.email is not None:
        found.append(
            or_(
                demande.adresse_cle == (email_key(clue.email) or clue.email),
                demande.email_acteur == clue.email,
                demande.email_informe == clue.email,
            )
        )
    return found
