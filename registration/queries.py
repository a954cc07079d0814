"""Read-only queries of both canals: follow a lot, list it, search, read one with its history. Nothing is written."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki.content import subject_fields
from registration.criteria import filtered
from registration.directory import load_rights
from registration.errors import Code, IgcError, NotFoundError
from registration.validation import content_of
from registration.values import Acteur
from registration.views import (
    DemandeDetail,
    DemandePage,
    DemandeView,
    HistoriqueLine,
    LotFollowUp,
    Refusal,
    SearchCriteria,
)
from registration.visibility import may_follow
from registration.vocabulary import Canal, EtatDemande, EtatLot, EtatProduit, Offre, Usage
from storage import tables
from storage.database import Database

Counts = dict[tuple[EtatDemande, EtatProduit | None], int]


def follow_lot(db: Database, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
    """Progress of a lot, by exactly one of index and reference; counts only what the acteur may follow."""
    if (index is None) == (reference is None):
        raise IgcError(Code.CRITERIA_INVALID, raison="indiquez soit indexLot, soit reference.")
    with db.read() as session:
        lot = _find_lot(session, acteur, index, reference)
        counts, modified = _counts(session, acteur, lot)
        registered = sum(counts.values())
        if lot.id_acteur == acteur.id:
            nombre, waiting = lot.nombre, lot.nombre - registered
        else:
            nombre, waiting = registered, 0
    if nombre == 0:
        raise NotFoundError(Code.LOT_UNKNOWN)
    return _follow_up(lot, counts, nombre, waiting, modified or lot.depose_le)


def _find_lot(session: Session, acteur: Acteur, index: int | None, reference: str | None) -> tables.Lot:
    lot = tables.Lot
    query = select(lot).where(lot.plateforme == acteur.plateforme.value)
    if index is not None:
        query = query.where(lot.id == index)
    else:
        query = query.where(lot.id_acteur == acteur.id, lot.reference == reference)
    found = session.scalar(query)
    if found is None:
        raise NotFoundError(Code.LOT_UNKNOWN)
    return found


def _counts(session: Session, acteur: Acteur, lot: tables.Lot) -> tuple[Counts, datetime | None]:
    demande = tables.Demande
    query = (
        select(demande.etat, demande.etat_produit, func.count(), func.max(demande.modifie_le))
        .where(demande.id_lot == lot.id)
        .group_by(demande.etat, demande.etat_produit)
    )
    if lot.id_acteur != acteur.id:
        query = query.where(may_follow(acteur))
    counts: Counts = {}
    latest: datetime | None = None
    for etat, produit, count, modified in session.execute(query):
        counts[EtatDemande(etat), EtatProduit(produit) if produit else None] = count
        latest = modified if latest is None else max(latest, modified)
    return counts, latest


def _follow_up(lot: tables.Lot, counts: Counts, nombre: int, waiting: int, modified: datetime) -> LotFollowUp:
    by_etat = dict.fromkeys(EtatDemande, 0)
    for (etat, _), count in counts.items():
        by_etat[etat] += count
    by_etat[EtatDemande.ENREGISTREE] += waiting
    unsigned = counts.get((EtatDemande.TRANSMISE, None), 0)
    pending = by_etat[EtatDemande.ENREGISTREE] + by_etat[EtatDemande.VALIDEE] + unsigned
    stamp = repr((waiting, sorted((etat, produit or "", count) for (etat, produit), count in counts.items())))
    return LotFollowUp(
        index=lot.id,
        reference=lot.reference,
        etat=EtatLot.EN_COURS if pending else EtatLot.TERMINE,
        nombre=nombre,
        counts=by_etat,
        a_retirer=counts.get((EtatDemande.TRANSMISE, EtatProduit.A_RETIRER), 0),
        depose_le=lot.depose_le,
        modifie_le=modified,
        version=hashlib.sha256(stamp.encode()).hexdigest()[:16],
    )


def list_lot(
    db: Database, acteur: Acteur, index: int, now: datetime, *, etat: EtatDemande | None, after: int, limit: int
) -> DemandePage:
    """The demandes of a lot by position; those of a large lot appear as the batch registers them."""
    demande = tables.Demande
    with db.read() as session:
        lot = _find_lot(session, acteur, index, None)
        query = _view_query().where(demande.id_lot == lot.id, demande.position > after)
        if lot.id_acteur != acteur.id:
            query = query.where(may_follow(acteur))
        if etat is not None:
            query = query.where(demande.etat == etat.value)
        rows = session.execute(query.order_by(demande.position).limit(limit + 1)).all()
        if not rows and lot.id_acteur != acteur.id:
            _check_any_visible(session, acteur, lot)
    views = tuple(_as_view(row, now) for row in rows[:limit])
    return DemandePage(demandes=views, next_after=views[-1].position if len(rows) > limit else None)


def _check_any_visible(session: Session, acteur: Acteur, lot: tables.Lot) -> None:
    """Whatever the page and the etat asked for, a lot of which nothing is visible does not exist."""
    demande = tables.Demande
    if session.scalar(select(demande.id).where(demande.id_lot == lot.id, may_follow(acteur)).limit(1)) is None:
        raise NotFoundError(Code.LOT_UNKNOWN)


def search(
    db: Database, acteur: Acteur, criteria: SearchCriteria, now: datetime, *, after: int | None, limit: int
) -> DemandePage:
    """Demandes that the acteur may follow, newest first; ``after`` is the last numero of the page before."""
    query = filtered(_view_query(), acteur, criteria)
    if after is not None:
        query = query.where(tables.Demande.id < after)
    with db.read() as session:
        rows = session.execute(query.order_by(tables.Demande.id.desc()).limit(limit + 1)).all()
    views = tuple(_as_view(row, now) for row in rows[:limit])
    return DemandePage(demandes=views, next_after=views[-1].numero if len(rows) > limit else None)


def count(db: Database, acteur: Acteur, criteria: SearchCriteria) -> int:
    """How many demandes the criteria select."""
    with db.read() as session:
        return session.scalar(filtered(select(func.count()).select_from(tables.Demande), acteur, criteria)) or 0


def read_demande(db: Database, acteur: Acteur, numero: int, now: datetime) -> DemandeDetail:
    """One demande, the subject of its certificate, its history in order."""
    demande, historique = tables.Demande, tables.Historique
    with db.read() as session:
        row = session.execute(_view_query().where(demande.id == numero, may_follow(acteur))).first()
        if row is None:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        contenu = session.scalar(select(demande.contenu).where(demande.id == numero))
        lines = session.scalars(select(historique).where(historique.id_demande == numero).order_by(historique.id)).all()
    return DemandeDetail(
        demande=_as_view(row, now),
        subject=subject_fields(content_of(contenu)) if contenu else (),
        historique=tuple(_as_line(line) for line in lines),
    )


def _as_line(row: tables.Historique) -> HistoriqueLine:
    return HistoriqueLine(
        numero=row.id,
        numero_demande=row.id_demande,
        canal=Canal(row.canal),
        date=row.date,
        code_action=row.code_action,
        etat=EtatDemande(row.etat),
        type_acteur=row.type_acteur,
        acteur=row.acteur,
        habilitations_acteur=row.habilitations_acteur,
        administrateur=row.administrateur,
        habilitations_administrateur=row.habilitations_administrateur,
    )


def _view_query() -> Any:  # noqa: ANN401 -- a Select of seven columns
    demande, certificat, acteur = tables.Demande, tables.Certificat, tables.Acteur
    structure, personne = tables.Structure, tables.Personne
    return (
        select(
            demande,
            certificat.serial,
            certificat.not_after,
            structure.raison_sociale,
            personne.nom,
            personne.prenom,
            acteur.libelle,
        )
        .join(acteur, acteur.id == demande.id_acteur)
        .outerjoin(certificat, (certificat.id_demande == demande.id) & certificat.emis_le.is_not(None))
        .outerjoin(
            structure,
            (structure.plateforme == demande.plateforme) & (structure.id_national == demande.id_structure),
        )
        .outerjoin(
            personne,
            (personne.plateforme == demande.plateforme) & (personne.id_national == demande.id_beneficiaire),
        )
    )


def _as_view(row: Any, now: datetime) -> DemandeView:  # noqa: ANN401 -- a Row of _view_query
    demande, serial, not_after, raison_sociale, nom, prenom, libelle = row
    refusal = None
    if demande.code_erreur is not None:
        refusal = Refusal(code=demande.code_erreur, texte=demande.texte_erreur or "", champ=demande.champ_erreur)
    return DemandeView(
        numero=demande.id,
        canal=Canal(demande.canal),
        offre=Offre(demande.offre),
        usage=Usage(demande.usage),
        etat=EtatDemande(demande.etat),
        index_lot=demande.id_lot,
        position=demande.position,
        reference=demande.reference,
        etat_produit=_produit(demande.etat_produit, not_after, now),
        structure=demande.id_structure,
        raison_sociale=raison_sociale,
        beneficiaire=demande.id_beneficiaire,
        beneficiaire_libelle=f"{nom} {prenom}" if nom else None,
        demandeur=libelle,
        service_applicatif=demande.service_applicatif,
        adresse_email=demande.adresse_email,
        fqdns=tuple(json.loads(demande.fqdns)) if demande.fqdns else (),
        cree_le=demande.cree_le,
        modifie_le=demande.modifie_le,
        serial=serial,
        not_after=not_after,
        refusal=refusal,
    )


def _produit(stored: str | None, not_after: datetime | None, now: datetime) -> EtatProduit | None:
    """Active certificates expire by the date alone; nobody has to write it."""
    if stored is None:
        return None
    if stored == EtatProduit.ACTIF.value and not_after is not None and not_after <= now:
        return EtatProduit.EXPIRE
    return EtatProduit(stored)


def allowed_structures(db: Database, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
    """(offre, id of the structure, raison sociale) of the acteur's perimeter, sorted by offre and name."""
    structure = tables.Structure
    with db.read() as session:
        perimeter = load_rights(session, acteur).perimeter
        ids = {id_structure for _, id_structure in perimeter}
        names = dict(
            session.execute(
                select(structure.id_national, structure.raison_sociale).where(
                    structure.plateforme == acteur.plateforme.value, structure.id_national.in_(ids)
                )
            ).all()
        )
    found = [(offre.value, ident, names[ident]) for offre, ident in perimeter if ident in names]
    return tuple(sorted(found, key=lambda entry: (entry[0], entry[2], entry[1])))
