"""A good demande of each of the thirteen products, as dr-leroux may place it; lots and conditions of their retrait."""

from __future__ import annotations

from typing import Any

from registration.values import DemandeForm, LotForm
from registration.views import RetraitConditions
from registration.vocabulary import Offre, Usage, product_code
from tests.support.acteurs import AGENT, HOPITAL

CODE = "Sesame-ouvre-toi-1"

# What each product asks for beside key and contact, in the perimeter of dr-leroux.
_STRUCTURE_SERVICE = {"structure": HOPITAL, "service_applicatif": "Dossier patient"}
_SERVICE_MAIL = {**_STRUCTURE_SERVICE, "adresse_email": "dossier@acacias.example"}
_STAFF = {"structure": HOPITAL, "beneficiaire": AGENT}
PRODUITS: dict[str, tuple[Offre, Usage, dict[str, Any]]] = {
    product_code(offre, usage): (offre, usage, values)
    for offre, usage, values in (
        (Offre.ORG, Usage.AUTH_CLI, _STRUCTURE_SERVICE),
        (Offre.ORG, Usage.SIGN, _STRUCTURE_SERVICE),
        (Offre.ORG, Usage.CONF, _STRUCTURE_SERVICE),
        (Offre.SERV, Usage.SSL_SERV, {"structure": HOPITAL, "fqdns": ("www.acacias.example", "acacias.example")}),
        (Offre.SERV, Usage.SIGN, _SERVICE_MAIL),
        (Offre.SERV, Usage.SMIME, _SERVICE_MAIL),
        (Offre.SERV, Usage.CONF, _SERVICE_MAIL),
        (Offre.PRO, Usage.AUTH, {**_STAFF, "upn": "hugo@acacias.example"}),
        (Offre.PRO, Usage.SIGN, {**_STAFF, "adresse_email": "hugo@acacias.example"}),
        (Offre.PRO, Usage.CONF, {**_STAFF, "adresse_email": "hugo@acacias.example"}),
        (Offre.PS, Usage.AUTH, {"upn": "camille@cabinet.example"}),
        (Offre.PS, Usage.SIGN, {"adresse_email": "camille@cabinet.example"}),
        (Offre.PS, Usage.CONF, {"adresse_email": "camille@cabinet.example"}),
    )
}


def demande_form(csr: bytes, product: str = "ORG_AUTH_CLI", **changes: Any) -> DemandeForm:
    """A demande that every rule accepts; ``changes`` replace fields or, with None, remove them."""
    offre, usage, values = PRODUITS[product]
    common = {"offre": offre, "usage": usage, "csr": csr, "email_acteur": "acteur@acacias.example"}
    return DemandeForm(**{**common, **values, **changes})


def lot(reference: str, *forms: DemandeForm) -> LotForm:
    return LotForm(reference=reference, demandes=forms)


def conditions(code: str = CODE, confirmation: str | None = None, *, cgu_accepted: bool = True) -> RetraitConditions:
    return RetraitConditions(
        code=code, confirmation=code if confirmation is None else confirmation, cgu_accepted=cgu_accepted
    )
