"""Read-only queries of both canals on produits: search, count, read one, download one. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, false, or_, select
from sqlalchemy.orm import Session

from pki.certificates.content import subject_fields
from pki.containers.pkcs7 import certs_only
from registration.acteurs.sight import Sight
from registration.demandes.criteria import Conditions, between, common, is_narrow, of_produit
from registration.demandes.newest import WALK, Selected
from registration.demandes.queries import RENEWED_BY, history_of, names_of, produit
from registration.errors import Code, ConflictError, NotFoundError
from registration.rules.validation import content_of
from registration.values import Acteur
from registration.views import ProduitCriteria, ProduitDetail, ProduitPage, ProduitView, Telechargement
from registration.vocabulary import Canal, EtatProduit, Offre, Usage
from registration.wording import moment
from storage import tables
from storage.database import Database

Names = Mapping[str, str]
"""The common name of each issuing authority, by its short name."""

_demande, _certificat = tables.Demande, tables.Certificat


def search(
    db: Database,
    names: Names,
    acteur: Acteur,
    criteria: ProduitCriteria,
    now: datetime,
    *,
    after: int | None,
    limit: int,
) -> ProduitPage:
    """Produits that the acteur may follow, newest demande first; ``after`` is the last numero of the page before.

    ERR_IHM_025 when the criteria are too wide, ERR_WS_038 for a name that cannot be looked for.
    """
    conditions = _conditions(acteur, criteria, now)
    with db.read() as session:
        rows = _selected(session, acteur, criteria, conditions).page(
            session, _view_query(), after=after, limit=limit + 1
        )
    views = tuple(_as_view(names, row, now) for row in rows[:limit])
    return ProduitPage(produits=views, next_after=views[-1].numero if len(rows) > limit else None)


def count(db: Database, acteur: Acteur, criteria: ProduitCriteria, now: datetime) -> int:
    """How many produits ``search`` gives in all, with its refusals."""
    conditions = _conditions(acteur, criteria, now)
    with db.read() as session:
        return _selected(session, acteur, criteria, conditions).count(session)


def _selected(session: Session, acteur: Acteur, criteria: ProduitCriteria, conditions: Conditions) -> Selected:
    sight = Sight(session, acteur)
    return Selected(
        source=select(_demande.id),
        numero=_demande.id,
        parts=sight.products(),
        conditions=conditions,
        walk=WALK if sight.is_administrator and not is_narrow(criteria) else 0,
    )


def read_produit(db: Database, names: Names, acteur: Acteur, numero: int, now: datetime) -> ProduitDetail:
    """One produit with the history of its demande; NotFoundError ERR_WS_032 when not visible."""
    with db.read() as session:
        row = _one(session, acteur, numero)
        more = session.execute(
            select(_demande.contenu, _demande.email_acteur, _demande.email_informe).where(_demande.id == numero)
        ).one()
        lines = history_of(session, numero)
    content = content_of(more.contenu) if more.contenu else None
    return ProduitDetail(
        produit=_as_view(names, row, now),
        subject=subject_fields(content) if content else (),
        alternatives=names_of(content) if content else (),
        email_acteur=more.email_acteur,
        email_informe=more.email_informe,
        historique=lines,
    )


def download(
    db: Database, names: Names, chains: Mapping[str, tuple[bytes, ...]], acteur: Acteur, numero: int, now: datetime
) -> Telechargement:
    """The certificate of a produit that is Actif, for whoever may follow it (guide §10.2.2): a bearer may, too.

    NotFoundError as ``read_produit``; ERR_WS_034 for one that is À retirer, Expiré or Révoqué.
    """
    with db.read() as session:
        row = _one(session, acteur, numero)
        der = session.scalar(select(_certificat.der).where(_certificat.id_demande == numero))
    view = _as_view(names, row, now)
    if view.etat is not EtatProduit.ACTIF or der is None:
        raise ConflictError(Code.NOT_ACTIVE, raison=_why_not(view))
    return Telechargement(produit=view, der=der, pkcs7=certs_only(der, chains[row.autorite]))


def _why_not(view: ProduitView) -> str:
    if view.revoque_le is not None:
        return f"celui-ci est révoqué depuis le {moment(view.revoque_le)}."
    if view.etat is EtatProduit.EXPIRE:
        return f"celui-ci a expiré le {moment(view.not_after)}."
    return "celui-ci est à retirer, par l'acteur qui l'a demandé."


def _signed() -> ColumnElement[bool]:
    return and_(_certificat.id_demande == _demande.id, _certificat.emis_le.is_not(None))


def _one(session: Session, acteur: Acteur, numero: int) -> Row[Any]:
    query = _view_query().where(_demande.id == numero, or_(false(), *Sight(session, acteur).products()))
    row = session.execute(query).first()
    if row is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)
    return row


def _conditions(acteur: Acteur, criteria: ProduitCriteria, now: datetime) -> Conditions:
    return [
        *common(acteur, criteria),
        _of_etat(criteria.etat, now),
        _demande.produit_emis_le.is_not(None),
        *between(_demande.produit_emis_le, emisDepuis=criteria.issued_since, emisJusqua=criteria.issued_until),
        *between(_demande.produit_fin_le, finDepuis=criteria.ends_since, finJusqua=criteria.ends_until),
    ]


def _of_etat(etat: EtatProduit | None, now: datetime) -> ColumnElement[bool]:
    if etat is None:
        return _demande.etat_produit.in_([EtatProduit.ACTIF.value, EtatProduit.REVOQUE.value])
    return of_produit(etat, now)


def _view_query() -> Any:  # noqa: ANN401 -- a Select of many columns
    sender, structure, personne = tables.Acteur, tables.Structure, tables.Personne
    return (
        select(
            _demande.id, _demande.canal, _demande.id_lot, _demande.position, _demande.reference, _demande.offre,
            _demande.usage, _demande.etat_produit, _demande.id_structure, _demande.id_beneficiaire,
            _demande.service_applicatif, _demande.adresse_email, _demande.fqdns, _certificat.emis_le,
            _certificat.not_before, _certificat.not_after, _certificat.revoque_le, _certificat.autorite,
            _certificat.serial, structure.raison_sociale, personne.nom, personne.prenom, sender.libelle,
            _demande.renouvelle, RENEWED_BY,
        )
        .join(_certificat, _signed())
        .join(sender, sender.id == _demande.id_acteur)
        .outerjoin(
            structure,
            (structure.plateforme == _demande.plateforme) & (structure.id_national == _demande.id_structure),
        )
        .outerjoin(
            personne,
            (personne.plateforme == _demande.plateforme) & (personne.id_national == _demande.id_beneficiaire),
        )
    )  # fmt: skip


def _as_view(names: Names, row: Any, now: datetime) -> ProduitView:  # noqa: ANN401 -- a Row of _view_query
    etat = produit(row.etat_produit, row.not_after, now)
    if etat is None:
        raise RuntimeError(f"demande {row.id} is signed and has no produit")
    return ProduitView(
        numero=row.id,
        canal=Canal(row.canal),
        index_lot=row.id_lot,
        position=row.position,
        reference=row.reference,
        offre=Offre(row.offre),
        usage=Usage(row.usage),
        etat=etat,
        emis_le=row.emis_le,
        not_before=row.not_before,
        not_after=row.not_after,
        revoque_le=row.revoque_le,
        autorite=names.get(row.autorite, row.autorite),
        serial=row.serial,
        structure=row.id_structure,
        raison_sociale=row.raison_sociale,
        beneficiaire=row.id_beneficiaire,
        beneficiaire_libelle=f"{row.nom} {row.prenom}" if row.nom else None,
        demandeur=row.libelle,
        service_applicatif=row.service_applicatif,
        adresse_email=row.adresse_email,
        fqdns=tuple(json.loads(row.fqdns)) if row.fqdns else (),
        renouvelle=row.renouvelle,
        renouvelee_par=row.renouvelee_par,
    )
