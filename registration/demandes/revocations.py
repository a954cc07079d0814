"""Read-only queries of demandes de révocation (guide §10.3): search, read one with its history, list those of a lot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, literal, literal_column, or_, select, true
from sqlalchemy.orm import Session

from registration.acteurs.sight import Sight
from registration.acteurs.visibility import may_follow
from registration.demandes.criteria import Conditions, between, common, is_narrow
from registration.demandes.newest import WALK, Selected
from registration.demandes.queries import history_of
from registration.errors import Code, NotFoundError, text_without_data
from registration.revocation_views import RevocationCriteria, RevocationDetail, RevocationPage, RevocationView
from registration.values import Acteur
from registration.views import Refusal
from registration.vocabulary import Canal, EtatRevocation, Motif, ResultatRevocation, Role, offre_of, usage_of
from storage import tables
from storage.counts import NO_PRODUIT
from storage.database import Database

_row, _demande, _certificat = tables.DemandeRevocation, tables.Demande, tables.Certificat
# Each needs its demande, which stands elsewhere.
_WALK = WALK // 4
# In the words of their index, which PostgreSQL does not find by a parameter.
_PENDING = _row.etat == literal_column(f"'{EtatRevocation.VALIDEE.value}'")
_SHOWN = (
    *_row.__table__.columns,
    _certificat.autorite, _certificat.serial, _certificat.revoque_le, _certificat.raison_crl,
    _demande.offre, _demande.usage, _demande.id_structure, _demande.id_beneficiaire, _demande.service_applicatif,
    _demande.adresse_email, _demande.fqdns, tables.Structure.raison_sociale, tables.Personne.nom,
    tables.Personne.prenom, tables.Acteur.libelle,
)  # fmt: skip


def search_revocations(
    db: Database, acteur: Acteur, criteria: RevocationCriteria, *, after: int | None, limit: int
) -> RevocationPage:
    """Those of certificates that the acteur may follow, newest first; ``after`` is the last numero of the page before.

    ERR_WS_010 for an interval without a zone, ERR_WS_038 for a name that is none.
    """
    conditions = _conditions(acteur, criteria)
    with db.read() as session:
        selected = _selected(session, acteur, criteria, conditions)
        rows = selected.page(session, _view_query(true()), after=after, limit=limit + 1)
    views = tuple(_as_view(row) for row in rows[:limit])
    return RevocationPage(revocations=views, next_after=views[-1].numero if len(rows) > limit else None)


def count_revocations(db: Database, acteur: Acteur, criteria: RevocationCriteria) -> int:
    """How many ``search_revocations`` gives in all, with its refusals."""
    conditions = _conditions(acteur, criteria)
    with db.read() as session:
        return _selected(session, acteur, criteria, conditions).count(session)


def _conditions(acteur: Acteur, criteria: RevocationCriteria) -> Conditions:
    conditions = common(acteur, criteria.produit, asked_by=_row.id_acteur)
    conditions += [
        column == value
        for column, value in (
            (_row.id, criteria.numero),
            (_row.id_demande, criteria.numero_produit),
            (_row.id_lot, criteria.index_lot),
            (_row.etat, criteria.etat),
            (_row.motif, criteria.motif),
        )
        if value is not None
    ]
    conditions += between(_row.cree_le, depuis=criteria.since, jusqua=criteria.until)
    return conditions + between(_row.effet_le, effetDepuis=criteria.effet_since, effetJusqua=criteria.effet_until)


def _selected(session: Session, acteur: Acteur, criteria: RevocationCriteria, conditions: Conditions) -> Selected:
    sight = Sight(session, acteur)
    named = (criteria.numero, criteria.numero_produit, criteria.index_lot) != (None, None, None)
    return Selected(
        source=select(_row.id).join(_demande, _demande.id == _row.id_demande),
        numero=_row.id,
        parts=sight.demandes(),
        conditions=conditions,
        walk=_WALK if sight.is_administrator and not named and not is_narrow(criteria.produit) else 0,
    )


def read_revocation(db: Database, acteur: Acteur, numero: int) -> RevocationDetail:
    """One with its history, of a certificate that the acteur may follow; else ERR_WS_064."""
    with db.read() as session:
        row = session.execute(_view_query(may_follow(acteur)).where(_row.id == numero, may_follow(acteur))).first()
        if row is None:
            raise NotFoundError(Code.REVOCATION_UNKNOWN)
        lines = history_of(session, numero)
    return RevocationDetail(revocation=_as_view(row), historique=lines)


def list_of_lot(
    session: Session, acteur: Acteur, index: int, *, mine: bool, etat: EtatRevocation | None, after: int, limit: int
) -> RevocationPage:
    """Those of a lot by position: of his own every one, in outline where he may not follow the certificate."""
    # Any xs:long may be asked for: as the column's own type it would overflow.
    query = _view_query(may_follow(acteur)).where(_row.id_lot == index, _row.position > literal(after, BigInteger))
    if not mine:
        query = query.where(may_follow(acteur))
    if etat is not None:
        query = query.where(_row.etat == etat.value)
    rows = session.execute(query.order_by(_row.position).limit(limit + 1)).all()
    views = tuple(_as_view(row) for row in rows[:limit])
    return RevocationPage(revocations=views, next_after=views[-1].position if len(rows) > limit else None)


def due_first(session: Session, condition: ColumnElement[bool], *, limit: int) -> tuple[RevocationView, ...]:
    """Of those that wait for their day, about demandes that meet a condition by which one follows them: the next."""
    query = _view_query(true()).where(_PENDING, condition).order_by(_row.effet_le, _row.id).limit(limit)
    return tuple(_as_view(row) for row in session.execute(query))


def count_due(session: Session, condition: ColumnElement[bool], *, most: int) -> int:
    """How many they are, ``most`` at the most."""
    found = select(_row.id).join(_demande, _demande.id == _row.id_demande).where(_PENDING, condition).limit(most)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _view_query(followed: ColumnElement[bool]) -> Any:  # noqa: ANN401 -- a Select of many columns
    """Each row says whether the acteur may follow its certificate now."""
    structure, personne, sender = tables.Structure, tables.Personne, tables.Acteur
    return (
        select(*_SHOWN, followed.label("followed"))
        .outerjoin(sender, sender.id == _row.id_acteur)
        .outerjoin(_demande, _demande.id == _row.id_demande)
        .outerjoin(_certificat, _certificat.id == _row.id_certificat)
        .outerjoin(
            structure,
            (structure.plateforme == _demande.plateforme) & (structure.id_national == _demande.id_structure),
        )
        .outerjoin(
            personne,
            (personne.plateforme == _demande.plateforme) & (personne.id_national == _demande.id_beneficiaire),
        )
    )


def _as_view(row: Any) -> RevocationView:  # noqa: ANN401 -- a row of _view_query
    """Begins with what every sender is told and adds the rest for who may follow it."""
    texte = row.texte_erreur if row.followed or row.id_demande is None else text_without_data(row.code_erreur or "")
    shown: dict[str, Any] = {
        "numero": row.id,
        "canal": Canal(row.canal),
        "etat": EtatRevocation(row.etat),
        "resultat": ResultatRevocation(row.resultat),
        "index_lot": row.id_lot,
        "position": row.position,
        "reference": row.reference,
        "cree_le": row.cree_le,
        "modifie_le": row.modifie_le,
        "refusal": row.code_erreur and Refusal(code=row.code_erreur, texte=texte, champ=row.champ_erreur),
    }
    return RevocationView(**(shown | _details(row)) if row.followed else shown)


def _details(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- as above
    return {
        "motif": row.motif and Motif(row.motif),
        "autre_motif": row.autre_motif,
        "effet_le": row.effet_le,
        "differee": row.differee,
        "role": row.role and Role(row.role),
        "remplacee_par": row.remplacee_par,
        "demandeur": row.libelle,
        "numero_produit": row.id_demande,
        "autorite": row.autorite,
        "serial": row.serial,
        "revoque_le": row.revoque_le,
        "raison": row.raison_crl,
        "offre": offre_of(row.offre),
        "usage": usage_of(row.usage),
        "structure": row.id_structure,
        "raison_sociale": row.raison_sociale,
        "beneficiaire": row.id_beneficiaire,
        "beneficiaire_libelle": f"{row.nom} {row.prenom}" if row.nom else None,
        "service_applicatif": row.service_applicatif,
        "adresse_email": row.adresse_email,
        "fqdns": tuple(json.loads(row.fqdns)) if row.fqdns else (),
    }


def count_known(session: Session, acteur: Acteur, index: int) -> int:
    """How many of a lot the acteur knows of: of what he sent, every one."""
    query = select(func.count()).select_from(_row).outerjoin(_demande, _demande.id == _row.id_demande)
    return session.scalar(query.where(_row.id_lot == index, or_(_row.id_acteur == acteur.id, may_follow(acteur)))) or 0


def count_of_lot(session: Session, acteur: Acteur, index: int) -> Sequence[Any]:
    """(etat, no produit, how many, last change) of those of a lot whose certificates the acteur may follow."""
    return session.execute(
        select(_row.etat, literal(NO_PRODUIT), func.count(), func.max(_row.modifie_le))
        .join(_demande, _demande.id == _row.id_demande)
        .where(_row.id_lot == index, may_follow(acteur))
        .group_by(_row.etat)
    ).all()
