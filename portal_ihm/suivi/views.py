"""The follow-up (guide §10): demandes, produits and révocations of both canals, each with detail, history and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from portal_ihm.shell.context import acteur_of, named_numero, portal_of, read_visible
from portal_ihm.shell.labels import PARIS
from portal_ihm.shell.rendering import render
from portal_ihm.shell.searching.pages import Recherche, export_of, results_page
from portal_ihm.shell.searching.words import query_of
from portal_ihm.suivi import acts
from portal_ihm.suivi.downloads import download_pem, download_pkcs7
from portal_ihm.suivi.recherches import DEMANDES, PRODUITS, REVOCATIONS
from registration.errors import Code
from registration.revocation_views import RevocationDetail
from registration.vocabulary import EtatDemande, ResultatRevocation

if TYPE_CHECKING:
    from starlette.requests import Request

    from registration.views import DemandeDetail, Possible, ProduitDetail


def demandes(request: Request) -> Response:
    """The criteria, and a page of what they find; the latest when nothing is asked for (guide figures 140, 146)."""
    return results_page(request, DEMANDES)


def produits(request: Request) -> Response:
    """The same of certificates (figures 150, 155)."""
    return results_page(request, PRODUITS)


def revocations(request: Request) -> Response:
    """The same of demandes de révocation (figures 159, 166)."""
    return results_page(request, REVOCATIONS)


def demandes_csv(request: Request) -> Response:
    """Every result as CSV, streamed."""
    return _csv(request, DEMANDES)


def produits_csv(request: Request) -> Response:
    """As ``demandes_csv``."""
    return _csv(request, PRODUITS)


def revocations_csv(request: Request) -> Response:
    """As ``demandes_csv``."""
    return _csv(request, REVOCATIONS)


def demande(request: Request) -> Response:
    """Every field of one demande and the subject of its certificate (guide figures 45 and 148)."""
    found = read_visible(request)
    cancelled = "annulee" in request.query_params and found.demande.etat is EtatDemande.ANNULEE
    return render(
        request,
        "suivi/detail.html",
        demande=found.demande,
        subject=found.subject,
        alternatives=found.alternatives,
        upn=found.upn,
        email_acteur=found.email_acteur,
        email_informe=found.email_informe,
        can=_possible(request, found.demande.numero),
        done=_told_cancelled(request, found) if cancelled else None,
        **_way_back(request, DEMANDES),
    )


def demande_historique(request: Request) -> Response:
    """The history of one demande (guide figure 147)."""
    found = read_visible(request)
    return _historique(request, DEMANDES, "Demande", found.demande.numero, found)


def produit(request: Request) -> Response:
    """Every field of one certificate (guide figure 157)."""
    found = _read_produit(request)
    return render(
        request,
        "suivi/produit.html",
        produit=found.produit,
        subject=found.subject,
        alternatives=found.alternatives,
        email_acteur=found.email_acteur,
        email_informe=found.email_informe,
        can=_possible(request, found.produit.numero),
        **_way_back(request, PRODUITS),
    )


def produit_historique(request: Request) -> Response:
    """The history of its demande."""
    found = _read_produit(request)
    return _historique(request, PRODUITS, "Certificat", found.produit.numero, found)


def revocation(request: Request) -> Response:
    """Every field of one demande de révocation."""
    found = acts.read_revocation(request)
    row = found.revocation
    given_up = "abandonnee" in request.query_params and row.resultat is ResultatRevocation.ABANDONNEE
    return render(
        request,
        "suivi/revocation.html",
        revocation=row,
        can=None if row.numero_produit is None else _possible(request, row.numero_produit),
        done="Cette révocation est abandonnée : le certificat reste valable." if given_up else None,
        **_way_back(request, REVOCATIONS),
    )


def revocation_historique(request: Request) -> Response:
    """Its history (guide figure 167)."""
    found = acts.read_revocation(request)
    return _historique(request, REVOCATIONS, "Demande de révocation", found.revocation.numero, found)


def _csv(request: Request, recherche: Recherche[Any, Any, Any]) -> Response:
    chunks = export_of(request, recherche)
    if isinstance(chunks, Response):
        return chunks
    name = f"{recherche.name}-{portal_of(request).clock().astimezone(PARIS):%Y%m%d-%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks, media_type="text/csv; charset=utf-8", headers=headers)


def _read_produit(request: Request) -> ProduitDetail:
    return portal_of(request).authority.produits.read(acteur_of(request), named_numero(request, Code.DEMANDE_UNKNOWN))


def _possible(request: Request, numero: int) -> Possible | None:
    return portal_of(request).authority.demandes.possible(acteur_of(request), [numero]).get(numero)


def _told_cancelled(request: Request, found: DemandeDetail) -> str:
    begin = "Cette demande est annulée."
    if request.query_params["annulee"] == acts.ALREADY:
        begin = "Cette demande était déjà annulée : rien n'a changé."
    emails = acts.emails_of(found)
    return f"{begin} Un mail l'annonce à {' et à '.join(emails)}." if emails else begin


def _historique(
    request: Request,
    recherche: Recherche[Any, Any, Any],
    title: str,
    numero: int,
    found: DemandeDetail | ProduitDetail | RevocationDetail,
) -> Response:
    return render(
        request,
        "suivi/historique.html",
        kind=recherche.name,
        title=title,
        numero=numero,
        historique=found.historique,
        **_way_back(request, recherche),
    )


def _way_back(request: Request, recherche: Recherche[Any, Any, Any]) -> dict[str, Any]:
    query = query_of(recherche.form(request.query_params))
    return {"query": query, "suffix": f"?{query}" if query else ""}


ROUTES = [
    Route("/suivi", demandes),
    Route("/suivi/demandes", demandes),
    Route("/suivi/demandes.csv", demandes_csv),
    Route("/suivi/demandes/{numero}", demande),
    Route("/suivi/demandes/{numero}/historique", demande_historique),
    Route("/suivi/demandes/{numero}/annuler", acts.annulation),
    Route("/suivi/demandes/{numero}/annuler", acts.annuler, methods=["POST"]),
    Route("/suivi/produits", produits),
    Route("/suivi/produits.csv", produits_csv),
    Route("/suivi/produits/{numero}", produit),
    Route("/suivi/produits/{numero}/historique", produit_historique),
    Route("/suivi/produits/{numero}/certificat.p7b", download_pkcs7),
    Route("/suivi/produits/{numero}/certificat.pem", download_pem),
    Route("/suivi/revocations", revocations),
    Route("/suivi/revocations.csv", revocations_csv),
    Route("/suivi/revocations/{numero}", revocation),
    Route("/suivi/revocations/{numero}/historique", revocation_historique),
    Route("/suivi/revocations/{numero}/abandonner", acts.abandon),
    Route("/suivi/revocations/{numero}/abandonner", acts.abandonner, methods=["POST"]),
]
