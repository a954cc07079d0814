"""Cards of the four families for whoever a test names, and what their bearer does with them."""

from __future__ import annotations

from typing import Any

from batch.issuing.own_certificates import Enrolled, enroll
from pki.certificates.content import CertificateContent
from registration.values import Caller, Origin
from registration.vocabulary import Canal
from storage import tables
from tests.support.acteurs import HOPITAL
from tests.support.world import World

NEWCOMER = "899700990045"
"""A doctor of the directory who has never done anything here."""
_IN_A_STRUCTURE = {"CPE_AUTH", "CPA_AUTH"}


def card(
    product: str = "CPS_AUTH", ident: str = NEWCOMER, nom: str = "NOUVEL", prenom: str = "ALIX"
) -> CertificateContent:
    """What such a card says."""
    structure: dict[str, Any] = {
        "state": "Paris (75)",
        "organization": "CENTRE HOSPITALIER DES ACACIAS",
        "organizational_unit": HOPITAL,
    }
    return CertificateContent(
        product=product,
        common_name=ident,
        surname=nom,
        given_name=prenom,
        title="Personnel santé ou social" if product in _IN_A_STRUCTURE else "Médecin",
        upn="8.99700990045@carte.igc.example",
        card_number="8025000001/0000000045",
        **(structure if product in _IN_A_STRUCTURE else {}),
    )


def new_card(world: World, product: str = "CPS_AUTH", ident: str = NEWCOMER, **names: str) -> Enrolled:
    """A card straight from the authority of cards: no row of ours says whose it is."""
    return enroll(world.context, world.plateforme, card(product, ident, **names))


def enter_in_directory(world: World, ident: str = NEWCOMER, kind: str = "PS") -> None:
    """Have the directory know a person."""
    personne = tables.Personne(
        plateforme=world.plateforme.value, id_national=ident, type_personne=kind, nom="NOUVEL", prenom="ALIX",
        titre="Médecin", code_profession=10,
    )  # fmt: skip
    with world.db.write() as session:
        session.add(personne)


def identified(world: World, der: bytes) -> Caller:
    return world.ra.acteurs.identify(der)


def origin_of(world: World, der: bytes, canal: Canal = Canal.WS) -> Origin:
    """As the canals make it of a client certificate."""
    caller = identified(world, der)
    return Origin(acteur=caller.acteur, canal=canal, identite=caller.identite, to_enter=caller.to_enter)
