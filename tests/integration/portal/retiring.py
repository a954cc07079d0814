"""Demandes that wait for their withdrawal, and a person at the portal who withdraws them over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

import requests

from registration.values import Caller, DemandeForm
from registration.vocabulary import Canal, GenreBrouillon, Offre
from tests.integration.portal.wizard import Wizard
from tests.integration.portal.world import PortalWorld, org_form
from tests.support.acteurs import HOPITAL
from tests.support.produits import CODE

GOOD = {"code": CODE, "confirmation": CODE, "acceptation": "y"}
_numbers = count(1)


def place(world: PortalWorld, form: DemandeForm | None = None, who: str = "dr-leroux", **changes: Any) -> int:
    """A demande of the portal on which the batch has done its work."""
    numero = place_unsigned(world, form, who, **changes)
    world.run_batch()
    return numero


def place_unsigned(world: PortalWorld, form: DemandeForm | None = None, who: str = "dr-leroux", **changes: Any) -> int:
    form = form or org_form(f"Retrait {next(_numbers)}", **changes)
    return world.ra.demandes.submit(world.origin(who, Canal.IHM), form)


def somebody(world: PortalWorld) -> str:
    """One who administers the hospital for ORG, and nobody else's demandes are his."""
    name = f"retrait-{next(_numbers)}"
    world.enroll(name, habilitations=((Offre.ORG, HOPITAL, None),))
    return name


def caller(world: PortalWorld, who: str = "dr-leroux") -> Caller:
    origin = world.origin(who)
    assert origin.identite is not None
    return Caller(acteur=origin.acteur, identite=origin.identite)


def begin(
    world: PortalWorld,
    who: str = "dr-leroux",
    genre: GenreBrouillon = GenreBrouillon.DEMANDE,
    service: str = "Dossier patient",
) -> str:
    """A form under way, filled in up to its key; gives its id."""
    donnees: Mapping[str, Any] = {
        "etape1": {"offre": "ORG", "structure": HOPITAL},
        "etape3": {"usage": "AUTH_CLI", "service_applicatif": service},
    }
    return world.ra.brouillons.begin(caller(world, who), genre, donnees).id


def token(page: requests.Response) -> str:
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def ready_for_key(world: PortalWorld, session: requests.Session, service: str = "Dossier patient") -> str:
    """A demande of the wizard that has all but its CSR; gives the id of the form."""
    one = Wizard(world, session)
    one.choose("ORG", HOPITAL)
    assert one.fill("AUTH_CLI", service_applicatif=service).headers["location"] == one.url(4)
    return one.ident


def post(world: PortalWorld, session: requests.Session, path: str, **fields: str) -> requests.Response:
    return session.post(world.url + path, data=fields, headers={"Origin": world.url}, allow_redirects=False)


def get(world: PortalWorld, session: requests.Session, path: str) -> requests.Response:
    return session.get(world.url + path, allow_redirects=False)


def withdraw(world: PortalWorld, session: requests.Session, numero: int, **changes: str | None) -> requests.Response:
    """Both steps, everything right unless ``changes`` say otherwise; None leaves a field out."""
    path = f"/retirer/{numero}"
    fields = {"csrf_token": token(get(world, session, path)), **GOOD, **changes}
    return post(world, session, path, **{name: value for name, value in fields.items() if value is not None})
