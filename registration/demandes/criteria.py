"""The criteria of the search of demandes (guide §10.1.1) as conditions of a query."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from registration.acteurs.visibility import may_follow
from registration.errors import Code, IgcError
from registration.rules.fields import email_key, normalize_domain
from registration.values import Acteur
from registration.views import SearchCriteria
from storage import tables


def filtered(query: Any, acteur: Acteur, criteria: SearchCriteria) -> Any:  # noqa: ANN401 -- any Select on demande
    """``query`` narrowed to what the acteur may follow and the criteria name; ERR_IHM_025 when they are too wide.

    What he sent and may not follow is left out: a criterion would tell of the fields that are not shown to him.
    """
    if criteria.numero is None and criteria.index_lot is None and criteria.offre is None and not criteria.all_offres:
        raise IgcError(Code.SEARCH_TOO_WIDE)
    for name, instant in (("depuis", criteria.since), ("jusqua", criteria.until)):
        if instant is not None and instant.tzinfo is None:
            raise IgcError(Code.DATETIME_ZONE, champ=name)
    demande = tables.Demande
    query = query.where(may_follow(acteur))
    exact = (
        (demande.id, criteria.numero),
        (demande.id_lot, criteria.index_lot),
        (demande.offre, criteria.offre),
        (demande.usage, criteria.usage),
        (demande.etat, criteria.etat),
        (demande.id_structure, criteria.structure),
        (demande.id_beneficiaire, criteria.beneficiaire),
        (demande.adresse_cle, _canonical(email_key, criteria.adresse_email)),
    )
    for column, value in exact:
        if value is not None:
            query = query.where(column == value)
    if criteria.service_applicatif is not None:
        query = query.where(_text_match(demande.service_applicatif, criteria.service_applicatif))
    if criteria.fqdn is not None:
        # The column holds a JSON list of A-labels: the quotes make the match exact.
        quoted = json.dumps(_canonical(normalize_domain, criteria.fqdn), ensure_ascii=False)
        query = query.where(demande.fqdns.contains(quoted, autoescape=True))
    if criteria.since is not None:
        query = query.where(demande.cree_le >= criteria.since)
    if criteria.until is not None:
        query = query.where(demande.cree_le < criteria.until)
    return query


def _canonical(form: Callable[[str], str | None], value: str | None) -> str | None:
    """The stored form of a value; one that has none is looked for as it is, and not found."""
    return None if value is None else form(value) or value


def _text_match(column: Any, value: str) -> Any:  # noqa: ANN401 -- SQLAlchemy's column expressions
    return column.startswith(value[:-1], autoescape=True) if value.endswith("*") else column == value
