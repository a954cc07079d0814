"""Demandes and certificates as a test or a screenshot needs them, made by the real use cases."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from registration.values import DemandeForm
from registration.vocabulary import Canal, Offre, Usage
from tests.integration.portal.world import PortalWorld, new_csr, org_form
from tests.support.acteurs import AGENT
from tests.support.produits import conditions, demande_form
from tests.support.revoking import revocation_form

ADMINISTRATOR = "dr-leroux"


def place(world: PortalWorld, form: DemandeForm, who: str = ADMINISTRATOR) -> int:
    """A demande of the portal that the batch has signed; gives its numero."""
    numero = world.ra.demandes.submit(world.origin(who, Canal.IHM), form)
    world.run_batch()
    return numero


def withdrawn(world: PortalWorld, form: DemandeForm, who: str = ADMINISTRATOR) -> int:
    """One whose certificate its requester has withdrawn."""
    numero = place(world, form, who)
    world.ra.retraits.withdraw(world.origin(who, Canal.IHM), numero, conditions())
    return numero


def active(world: PortalWorld, service: str, **changes: Any) -> int:
    """An active certificate of the hospital, offre ORG unless ``changes`` say otherwise."""
    return withdrawn(world, org_form(service, **changes))


def of_agent(world: PortalWorld, who: str = ADMINISTRATOR, usage: Usage = Usage.AUTH, **changes: Any) -> int:
    """An active certificate PRO that Hugo Bertin bears, whom the administrator of the hospital asked for."""
    return withdrawn(world, pro_form(usage, **changes), who)


def pro_form(usage: Usage = Usage.AUTH, **changes: Any) -> DemandeForm:
    """A demande PRO for Hugo Bertin."""
    csr = new_csr().public_bytes(Encoding.DER)
    return demande_form(csr, "PRO_AUTH", **{"usage": usage, "upn": None, "beneficiaire": AGENT, **changes})


def ps_form(**changes: Any) -> DemandeForm:
    """A demande PS: whoever sends it is its bearer."""
    return demande_form(new_csr().public_bytes(Encoding.DER), "PS_AUTH", **{"upn": None, **changes})


def server_form(*fqdns: str, **changes: Any) -> DemandeForm:
    """A demande SERV, SSL_SERV."""
    form = {"offre": Offre.SERV, "usage": Usage.SSL_SERV, "service_applicatif": None, "fqdns": fqdns, **changes}
    return org_form("", **form)


def revoked(world: PortalWorld, service: str, **changes: Any) -> tuple[int, int]:
    """An active certificate for which a revocation was asked; gives both numeros. ``changes`` are of its form."""
    return revoke(world, active(world, service), **changes)


def revoke(world: PortalWorld, produit: int, who: str = ADMINISTRATOR, **changes: Any) -> tuple[int, int]:
    """The same of one that is there."""
    result = world.ra.revocations.revoke(world.origin(who, Canal.IHM), revocation_form(produit, **changes))
    assert result.numero is not None
    return produit, result.numero
