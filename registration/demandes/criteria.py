"""The criteria of the searches of the follow-up (guide §10) as conditions of a query on demandes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from registration.directory.tables import matches
from registration.errors import Code, IgcError
from registration.rules.fields import email_key, normalize_domain
from registration.rules.names import read_pattern
from registration.values import Acteur
from registration.views import CommonCriteria, PersonneCriteria, SearchCriteria
from registration.vocabulary import EtatProduit, TypeActeurInscrit
from storage import tables

Conditions = list[ColumnElement[bool]]
_demande = tables.Demande


def of_demandes(acteur: Acteur, criteria: SearchCriteria, now: datetime) -> Conditions:
    """What the criteria name among demandes; ERR_IHM_025 when they are too wide, ERR_WS_038 for a name that is none."""
    found = common(acteur, criteria)
    if criteria.etat is not None:
        found.append(_demande.etat == criteria.etat.value)
    if criteria.etat_produit is not None:
        found.append(of_produit(criteria.etat_produit, now))
    return found + between(_demande.cree_le, depuis=criteria.since, jusqua=criteria.until)


def of_produit(etat: EtatProduit, now: datetime) -> ColumnElement[bool]:
    """Demandes whose certificate is in this state; expiry follows the date alone, as ``queries.produit`` has it."""
    stored = _demande.etat_produit
    match etat:
        case EtatProduit.ACTIF:
            return and_(stored == EtatProduit.ACTIF.value, _demande.produit_fin_le > now)
        case EtatProduit.EXPIRE:
            return and_(stored == EtatProduit.ACTIF.value, _demande.produit_fin_le <= now)
        case _:
            return stored == etat.value


def common(acteur: Acteur, criteria: CommonCriteria, asked_by: Any = _demande.id_acteur) -> Conditions:  # noqa: ANN401 -- a column of acteurs
    """What every search may name, with the same refusals; ``asked_by`` is whom its ``demandeur`` is compared with."""
    if criteria.numero is None and criteria.index_lot is None and criteria.offre is None and not criteria.all_offres:
        raise IgcError(Code.SEARCH_TOO_WIDE)
    exact = (
        (_demande.id, criteria.numero),
        (_demande.id_lot, criteria.index_lot),
        (_demande.offre, criteria.offre),
        (_demande.usage, criteria.usage),
        (_demande.id_structure, criteria.structure),
        (_demande.adresse_cle, _canonical(email_key, criteria.adresse_email)),
    )
    found: Conditions = [column == value for column, value in exact if value is not None]
    if criteria.raison_sociale is not None:
        found.append(_of_structure(acteur, criteria.raison_sociale))
    found += _of_beneficiaire(acteur, criteria.beneficiaire) + _of_demandeur(acteur, criteria.demandeur, asked_by)
    if criteria.service_applicatif is not None:
        found.append(_text_match(_demande.service_applicatif, criteria.service_applicatif))
    if criteria.fqdn is not None:
        # The column holds a JSON list of A-labels: the quotes make the match exact.
        quoted = json.dumps(_canonical(normalize_domain, criteria.fqdn), ensure_ascii=False)
        found.append(_demande.fqdns.contains(quoted, autoescape=True))
    return found


def is_narrow(criteria: CommonCriteria) -> bool:
    """Whether they name one thing, of which there is little whoever asks."""
    one = (criteria.numero, criteria.index_lot, criteria.structure, criteria.adresse_email, criteria.fqdn)
    return any(value is not None for value in (*one, criteria.beneficiaire.id_national))


def between(column: Any, **bounds: datetime | None) -> Conditions:  # noqa: ANN401 -- a column of instants
    """From the first bound to before the second, each by the name of its member; ERR_WS_010 without a time zone."""
    for name, instant in bounds.items():
        if instant is not None and instant.tzinfo is None:
            raise IgcError(Code.DATETIME_ZONE, champ=name)
    since, until = bounds.values()
    found = [] if since is None else [column >= since]
    return found if until is None else [*found, column < until]


def _of_structure(acteur: Acteur, raison_sociale: str) -> ColumnElement[bool]:
    table = tables.Structure
    named = select(table.id_national).where(
        table.plateforme == acteur.plateforme.value,
        *matches(table.raison_pliee, read_pattern(raison_sociale, "raisonSociale")),
    )
    return _demande.id_structure.in_(named)


def _of_beneficiaire(acteur: Acteur, wanted: PersonneCriteria) -> Conditions:
    found: Conditions = []
    if wanted.id_national is not None:
        found.append(_demande.id_beneficiaire == wanted.id_national)
    named = _named(acteur, wanted, "Beneficiaire")
    return found if named is None else [*found, _demande.id_beneficiaire.in_(named)]


def _of_demandeur(acteur: Acteur, wanted: PersonneCriteria, asked_by: Any) -> Conditions:  # noqa: ANN401 -- as above
    """Who asked, when he is a person; an application has no name of this kind (guide §10.1.1, Acteur)."""
    named = _named(acteur, wanted, "Demandeur")
    if wanted.id_national is None and named is None:
        return []
    table = tables.Acteur
    asked = select(table.id).where(
        table.plateforme == acteur.plateforme.value, table.type_acteur == TypeActeurInscrit.PERSONNE.value
    )
    if wanted.id_national is not None:
        asked = asked.where(table.id_national == wanted.id_national)
    if named is not None:
        asked = asked.where(table.id_national.in_(named))
    return [asked_by.in_(asked)]


def _named(acteur: Acteur, wanted: PersonneCriteria, role: str) -> Select[str] | None:
    """The persons of these names, who may have left the directory since; None when no name is asked for."""
    table = tables.Personne
    conditions = [
        condition
        for column, text, champ in ((table.nom_plie, wanted.nom, "nom"), (table.prenom_plie, wanted.prenom, "prenom"))
        if text is not None
        for condition in matches(column, read_pattern(text, champ + role))
    ]
    if not conditions:
        return None
    return select(table.id_national).where(table.plateforme == acteur.plateforme.value, *conditions)


def _canonical(form: Callable[[str], str | None], value: str | None) -> str | None:
    """The stored form of a value; one that has none is looked for as it is, and not found."""
    return None if value is None else form(value) or value


def _text_match(column: Any, value: str) -> Any:  # noqa: ANN401 -- SQLAlchemy's column expressions
    return column.startswith(value[:-1], autoescape=True) if value.endswith("*") else column == value
