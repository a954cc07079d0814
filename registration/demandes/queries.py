"""Read-only queries of both canals: search, count, read one with its history. Nothing is written."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, literal, select, true
from sqlalchemy.orm import Session, aliased

from pki.certificates.content import CertificateContent, subject_fields
from registration.acteurs.sight import Sight
from registration.acteurs.visibility import may_follow, may_know_of
from registration.demandes.criteria import Conditions, is_narrow, of_demandes
from registration.demandes.newest import WALK, Selected
from registration.demandes.renewals import renews_still
from registration.errors import AccessError, Code, NotFoundError, text_without_data
from registration.rules.preview import alternatives_of
from registration.rules.validation import content_of
from registration.values import Acteur
from registration.views import (
    Alternative,
    DemandeDetail,
    DemandePage,
    DemandeView,
    HistoriqueLine,
    Refusal,
    SearchCriteria,
)
from registration.vocabulary import Canal, EtatDemande, EtatProduit, offre_of, usage_of
from storage import tables
from storage.database import Database


def beyond(position: int) -> ColumnElement[bool]:
    """Places in a lot above this one. Any xs:long may be asked for: as the column's own type it would overflow."""
    return tables.Demande.position > literal(position, BigInteger)


# Nobody sees those of others.
_FEW = {EtatDemande.REJETEE}


def search(
    db: Database, acteur: Acteur, criteria: SearchCriteria, now: datetime, *, after: int | None, limit: int
) -> DemandePage:
    """Demandes that the acteur may follow, newest first; ``after`` is the last numero of the page before.

    What he sent and may not follow is left out: a criterion would tell of the fields that are not shown to him.
    """
    conditions = of_demandes(acteur, criteria, now)
    with db.read() as session:
        rows = _selected(session, acteur, criteria, conditions).page(
            session, followed_query(), after=after, limit=limit + 1
        )
    views = tuple(as_view(row, now) for row in rows[:limit])
    return DemandePage(demandes=views, next_after=views[-1].numero if len(rows) > limit else None)


def count(db: Database, acteur: Acteur, criteria: SearchCriteria, now: datetime) -> int:
    """How many demandes the criteria select."""
    conditions = of_demandes(acteur, criteria, now)
    with db.read() as session:
        return _selected(session, acteur, criteria, conditions).count(session)


def _selected(session: Session, acteur: Acteur, criteria: SearchCriteria, conditions: Conditions) -> Selected:
    sight = Sight(session, acteur)
    return Selected(
        source=select(tables.Demande.id),
        numero=tables.Demande.id,
        parts=sight.demandes(criteria.etat),
        conditions=conditions,
        walk=WALK if sight.is_administrator and not is_narrow(criteria) and criteria.etat not in _FEW else 0,
    )


def read_demande(db: Database, acteur: Acteur, numero: int, now: datetime) -> DemandeDetail:
    """One demande, the subject of its certificate, its history in order.

    Of one that the acteur sent without the right to follow it (any more) nothing is told: AccessError ERR_IHM_026.
    """
    demande = tables.Demande
    with db.read() as session:
        row = session.execute(view_query(acteur).where(demande.id == numero, may_know_of(acteur))).first()
        if row is None:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        if not row.followed:
            raise AccessError(Code.HABILITATION_MISSING)
        more = session.execute(select(*_READ_ALONE).where(demande.id == numero)).one()
        lines = history_of(session, numero)
    content = content_of(more.contenu) if more.contenu else None
    return DemandeDetail(
        demande=as_view(row, now),
        upn=more.upn,
        email_acteur=more.email_acteur,
        email_informe=more.email_informe,
        subject=subject_fields(content) if content else (),
        alternatives=names_of(content) if content else (),
        historique=lines,
        csr_assistee=more.csr_assistee,
    )


def names_of(content: CertificateContent) -> tuple[Alternative, ...]:
    """The names beside the subject, as they are shown."""
    return tuple(Alternative(nature=nature, valeur=value) for nature, value in alternatives_of(content))


def history_of(session: Session, numero: int) -> tuple[HistoriqueLine, ...]:
    """The history of a demande, in order; no right is asked."""
    row = tables.Historique
    lines = session.scalars(select(row).where(row.id_demande == numero).order_by(row.id))
    return tuple(_as_line(line) for line in lines)


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


_demande = tables.Demande
_READ_ALONE = (_demande.contenu, _demande.upn, _demande.email_acteur, _demande.email_informe, _demande.csr_assistee)
_renewal = aliased(tables.Demande)
RENEWED_BY = (
    select(_renewal.id)
    .where(_renewal.renouvelle == _demande.id, renews_still(_renewal))
    .correlate(_demande)
    .scalar_subquery()
    .label("renouvelee_par")
)
"""Of a demande, its renewal that is on its way, or withdrawn and active."""
_SHOWN = (
    _demande.id,
    _demande.canal,
    _demande.offre,
    _demande.usage,
    _demande.etat,
    _demande.etat_produit,
    _demande.id_lot,
    _demande.position,
    _demande.reference,
    _demande.id_structure,
    _demande.id_beneficiaire,
    _demande.service_applicatif,
    _demande.adresse_email,
    _demande.fqdns,
    _demande.code_erreur,
    _demande.champ_erreur,
    _demande.texte_erreur,
    _demande.cree_le,
    _demande.modifie_le,
    _demande.renouvelle,
    RENEWED_BY,
    _demande.limite_retrait,
    tables.Certificat.serial,
    tables.Certificat.not_after,
    tables.Structure.raison_sociale,
    tables.Personne.nom,
    tables.Personne.prenom,
    tables.Acteur.libelle,
)


def view_query(acteur: Acteur) -> Any:  # noqa: ANN401 -- a Select of many columns
    """The rows that ``as_view`` takes; narrow and order them. Each says whether the acteur may follow it now."""
    return _view_query(may_follow(acteur))


@cache
def followed_query() -> Any:  # noqa: ANN401 -- as above
    """As ``view_query``, of demandes that are known to be his to follow; made once."""
    return _view_query(true())


def _view_query(followed: ColumnElement[bool]) -> Any:  # noqa: ANN401 -- as above
    """Of columns only: what a certificate will say is larger than all the rest, and nobody looks at it here."""
    certificat, sender = tables.Certificat, tables.Acteur
    structure, personne = tables.Structure, tables.Personne
    return (
        select(*_SHOWN, followed.label("followed"))
        .join(sender, sender.id == _demande.id_acteur)
        .outerjoin(certificat, (certificat.id_demande == _demande.id) & certificat.emis_le.is_not(None))
        .outerjoin(
            structure,
            (structure.plateforme == _demande.plateforme) & (structure.id_national == _demande.id_structure),
        )
        .outerjoin(
            personne,
            (personne.plateforme == _demande.plateforme) & (personne.id_national == _demande.id_beneficiaire),
        )
    )


def as_view(row: Any, now: datetime) -> DemandeView:  # noqa: ANN401 -- a Row of view_query
    """A demande as the acteur of the query may see it; whether its certificate is expired follows from ``now``.

    Begins with what every sender is told and adds the rest for who may follow it: what is forgotten here is not shown.
    """
    shown = _outline(row, now)
    if row.followed:
        shown |= _details(row)
    return DemandeView(**shown)


def _outline(row: Any, now: datetime) -> dict[str, Any]:  # noqa: ANN401 -- as above
    return {
        "numero": row.id,
        "canal": Canal(row.canal),
        "offre": offre_of(row.offre),
        "usage": usage_of(row.usage),
        "etat": EtatDemande(row.etat),
        "index_lot": row.id_lot,
        "position": row.position,
        "reference": row.reference,
        "etat_produit": produit(row.etat_produit, row.not_after, now),
        "cree_le": row.cree_le,
        "modifie_le": row.modifie_le,
        "refusal": None if row.code_erreur is None else _refusal(row, text_without_data(row.code_erreur)),
    }


def _details(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- as above
    return {
        "structure": row.id_structure,
        "raison_sociale": row.raison_sociale,
        "beneficiaire": row.id_beneficiaire,
        "beneficiaire_libelle": f"{row.nom} {row.prenom}" if row.nom else None,
        "demandeur": row.libelle,
        "service_applicatif": row.service_applicatif,
        "adresse_email": row.adresse_email,
        "fqdns": tuple(json.loads(row.fqdns)) if row.fqdns else (),
        "serial": row.serial,
        "not_after": row.not_after,
        "renouvelle": row.renouvelle,
        "renouvelee_par": row.renouvelee_par,
        "limite_retrait": row.limite_retrait,
        "refusal": None if row.code_erreur is None else _refusal(row, row.texte_erreur or ""),
    }


def _refusal(row: Any, texte: str) -> Refusal:  # noqa: ANN401 -- as above
    return Refusal(code=row.code_erreur, texte=texte, champ=row.champ_erreur)


def produit(stored: str | None, not_after: datetime | None, now: datetime) -> EtatProduit | None:
    """The state of the certificate of a demande, None before the signature.

    Active certificates expire by the date alone; nobody has to write it.
    """
    if stored is None:
        return None
    if stored == EtatProduit.ACTIF.value and not_after is not None and not_after <= now:
        return EtatProduit.EXPIRE
    return EtatProduit(stored)
