"""A page of what a search finds, or its form with what is wrong at its field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from portal_ihm.shell.context import acteur_of, portal_of
from portal_ihm.shell.paging import SIZES, make_paging, read_place
from portal_ihm.shell.rendering import render
from portal_ihm.shell.searching.forms import OFFRES_OF_CRITERIA, Criteres
from portal_ihm.shell.searching.words import query_of, summary_of
from registration.errors import AccessError, IgcError
from registration.values import Acteur
from registration.vocabulary import Offre

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.ports import AuthorityPort

_F = TypeVar("_F", bound=Criteres)
_C = TypeVar("_C")
_C_contra = TypeVar("_C_contra", contravariant=True)
_P_co = TypeVar("_P_co", covariant=True)
_P = TypeVar("_P")


class Searched(Protocol[_C_contra, _P_co]):
    """The area of the registration authority that searches."""

    def search(self, acteur: Acteur, criteria: _C_contra, *, after: int | None = None, limit: int = ...) -> _P_co:
        """A page."""

    def count(self, acteur: Acteur, criteria: _C_contra) -> int:
        """How many in all."""

    def export(self, acteur: Acteur, criteria: _C_contra) -> Iterator[bytes]:
        """All of it as CSV."""


@dataclass(frozen=True)
class Recherche(Generic[_F, _C, _P]):
    """One search of a screen: its form, what it asks, and what is shown.

    ``rows`` gives the rows of a page and its cursor, ``produit`` the numero of the demande behind a row, for what may
    be done with it. ``path`` is where its form is sent to.
    """

    name: str
    path: str
    template: str
    form: type[_F]
    area: Callable[[AuthorityPort], Searched[_C, _P]]
    criteria: Callable[[_F, datetime], _C]
    rows: Callable[[_P], tuple[Sequence[Any], int | None]]
    produit: Callable[[Any], int | None]


def results_page(request: Request, recherche: Recherche[_F, _C, _P], **context: Any) -> Response:  # noqa: ANN401 -- of a template
    """What is found, newest first, twenty at a time; the latest where nothing is asked for."""
    form = recherche.form(request.query_params)
    if not form.validate():
        return _form_page(request, recherche, form, **context)
    portal, acteur = portal_of(request), acteur_of(request)
    now, place = portal.clock(), read_place(request.query_params)
    criteria = recherche.criteria(form, now)
    area = recherche.area(portal.authority)
    try:
        with portal.authority.view():
            rows, following = recherche.rows(area.search(acteur, criteria, after=place.after, limit=place.size))
            # The last page says itself how many there are.
            total = area.count(acteur, criteria) if following else len(place.trail) * place.size + len(rows)
            numeros = {numero for row in rows if (numero := recherche.produit(row)) is not None}
            possible = portal.authority.demandes.possible(acteur, numeros)
    except AccessError:
        raise
    except IgcError as refusal:
        form.place(refusal)
        return _form_page(request, recherche, form, **context)
    return _render(
        request,
        recherche,
        form,
        rows=rows,
        possible=possible,
        paging=make_paging(place, len(rows), total, following),
        **context,
    )


def export_of(request: Request, recherche: Recherche[_F, _C, _P]) -> Iterator[bytes] | Response:
    """Every row as CSV, page by page; refusals come before the answer begins, as the form with what is wrong."""
    form = recherche.form(request.query_params)
    if not form.validate():
        return _form_page(request, recherche, form)
    portal = portal_of(request)
    try:
        criteria = recherche.criteria(form, portal.clock())
        return recherche.area(portal.authority).export(acteur_of(request), criteria)
    except AccessError:
        raise
    except IgcError as refusal:
        form.place(refusal)
        return _form_page(request, recherche, form)


def _form_page(request: Request, recherche: Recherche[_F, _C, _P], form: _F, **context: Any) -> Response:  # noqa: ANN401 -- of a template
    return _render(request, recherche, form, status=422, rows=None, possible={}, paging=None, **context)


def _render(
    request: Request, recherche: Recherche[_F, _C, _P], form: _F, *, status: int = 200, **context: object
) -> Response:
    query = query_of(form)
    return render(
        request,
        recherche.template,
        status=status,
        recherche=recherche,
        form=form,
        summary=summary_of(form, portal_of(request).clock()) if status == 200 else [],  # noqa: PLR2004 -- HTTP
        query=query,
        suffix=f"?{query}" if query else "",
        sizes=SIZES,
        without={
            name: " ".join(f"sans-{offre}" for offre in Offre if offre not in offres)
            for name, offres in OFFRES_OF_CRITERIA.items()
        },
        **context,
    )
