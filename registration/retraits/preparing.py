"""Read-only: what waits for its requester, one withdrawal before and after, the keys that were made in browsers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import load_only

from registration.acteurs.visibility import check_may_act, may_act, may_know_of
from registration.demandes.queries import as_view, produit, view_query
from registration.errors import AccessError, Code, IgcError, NotFoundError
from registration.retrait_views import CleNavigateur, RetraitCriteria, RetraitEnCours, RetraitPret, RetraitsPrets
from registration.retraits.withdrawable import check_state, in_force
from registration.values import Acteur
from registration.vocabulary import EtatDemande, offre_of, usage_of
from storage import tables
from storage.database import Database
from storage.planning import plan_by_values
from storage.tables.demandes import WAITING

_demande, _certificat, _cle = tables.Demande, tables.Certificat, tables.ClePublique
_STATE = (
    _demande.id,
    _demande.etat,
    _demande.etat_produit,
    _demande.code_erreur,
    _demande.limite_retrait,
    _demande.id_acteur,
    _demande.offre,
    _demande.id_structure,
    _demande.id_beneficiaire,
    _demande.csr_assistee,
)
_OF_CERTIFICAT = (_certificat.retire_le, _certificat.revoque_le, _certificat.not_after)
MOST_KEYS = 200


def list_waiting(
    db: Database, acteur: Acteur, criteria: RetraitCriteria, now: datetime, *, after: int, limit: int
) -> RetraitsPrets:
    """What he asked for, may withdraw now and has not; what others asked for is theirs (ERR_IHM_017)."""
    waiting = [text(f"demande.{part}") for part in WAITING.split(" AND ")]
    query = (
        view_query(acteur)
        .add_columns(_demande.csr_assistee)
        .where(*waiting, _demande.id_acteur == acteur.id, may_act(acteur), in_force(now), *_asked(criteria))
        .order_by(_demande.limite_retrait, _demande.id)
        .offset(after)
        .limit(limit + 1)
    )
    with db.read() as session:
        plan_by_values(session)  # who has asked for much, or waits for little, is found by another index
        rows = session.execute(query).all()
    retraits = tuple(RetraitPret(demande=as_view(row, now), csr_assistee=row.csr_assistee) for row in rows[:limit])
    return RetraitsPrets(retraits=retraits, next_after=after + limit if len(rows) > limit else None)


def _asked(criteria: RetraitCriteria) -> list[ColumnElement[bool]]:
    pairs = (
        (_demande.offre, criteria.offre),
        (_demande.id_structure, criteria.structure),
        (_demande.id_lot, criteria.index_lot),
    )
    return [column == value for column, value in pairs if value is not None]


def look_up(db: Database, acteur: Acteur, numero: int, now: datetime) -> RetraitEnCours:
    """One withdrawal, judged as the act itself will judge it.

    NotFoundError for a demande that does not exist for him, ERR_IHM_017 for one that another one asked for, ERR_IHM_026
    when his right is gone. Whatever else is in the way stands in ``empechement``.
    """
    with db.read() as session:
        row = session.execute(view_query(acteur).where(_demande.id == numero, may_know_of(acteur))).first()
        if row is None:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        demande, certificat, spki = session.execute(_one(numero)).one()
        if demande.id_acteur != acteur.id:
            raise AccessError(Code.RETRAIT_NOT_REQUESTER)
        check_may_act(session, acteur, demande)
        return RetraitEnCours(
            demande=as_view(row, now),
            csr_assistee=demande.csr_assistee,
            empreinte="" if spki is None else spki.hex(),
            retire_le=None if certificat is None else certificat.retire_le,
            empechement=_in_the_way(demande, certificat, now),
        )


def _one(numero: int) -> Any:  # noqa: ANN401 -- a Select of rows and of columns
    return (
        select(_demande, _certificat, _cle.spki_sha256)
        .outerjoin(_certificat, _certificat.id_demande == _demande.id)
        .outerjoin(_cle, _cle.id_demande == _demande.id)
        .where(_demande.id == numero)
        .options(load_only(*_STATE), load_only(*_OF_CERTIFICAT))
    )


def _in_the_way(demande: tables.Demande, certificat: tables.Certificat | None, now: datetime) -> IgcError | None:
    try:
        check_state(demande, certificat, now)
    except IgcError as error:
        return error
    return None


def keys_in_browsers(db: Database, acteur: Acteur, now: datetime, limit: int = MOST_KEYS) -> tuple[CleNavigateur, ...]:
    """His latest demandes whose key was made in a browser, whatever became of them."""
    query = (
        select(
            _cle.spki_sha256, _demande.id, _demande.offre, _demande.usage, _demande.etat, _demande.etat_produit,
            _demande.produit_fin_le,
        )
        .join(_cle, _cle.id_demande == _demande.id)
        .where(
            _demande.id_acteur == acteur.id,
            _demande.plateforme == acteur.plateforme.value,
            text("demande.csr_assistee"),
        )
        .order_by(_demande.id.desc())
        .limit(limit)
    )  # fmt: skip
    with db.read() as session:
        rows = session.execute(query).all()
    return tuple(
        CleNavigateur(
            empreinte=row.spki_sha256.hex(),
            numero=row.id,
            offre=offre_of(row.offre),
            usage=usage_of(row.usage),
            etat=EtatDemande(row.etat),
            etat_produit=produit(row.etat_produit, row.produit_fin_le, now),
        )
        for row in rows
    )
