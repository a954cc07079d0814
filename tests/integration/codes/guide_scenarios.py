"""The codes of the guide over the web service: for each the message that provokes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from registration.acteurs.administrateurs import appoint, dismiss
from registration.acteurs.habilitations import Terms
from registration.errors import Code
from registration.life.fermetures import close, reopen
from registration.vocabulary import Offre, Usage
from tests.integration.codes.place import Place
from tests.support.acteurs import AGENT, CLINIQUE, MEDECIN
from tests.support.bad_items import BAD_ITEMS
from tests.unit.ws.messages import envelope, request
from ws.contract.names import CONTRACT_NS

Scenario = Callable[[Place], bytes]


def bad_item(code: Code) -> Scenario:
    """An item with the first thing that one can get wrong so."""
    bad = next(each for each in BAD_ITEMS.values() if each.code is code)
    return lambda place: place.verify(place.form(bad.product, **bad.changes))


def another_code(place: Place) -> bytes:
    return place.withdraw(place.active(), "Autre-Sesame-2-ferme", "Autre-Sesame-2-ferme")


def too_late(place: Place) -> bytes:
    numero = place.waiting()
    place.set(numero, limite_retrait=place.world.clock() - timedelta(seconds=1))
    return place.withdraw(numero)


def closed(place: Place) -> bytes:
    world, produit = place.world, (Offre.ORG, Usage.CONF)
    with world.db.write() as session:
        assert close(session, world.plateforme, produit, world.clock(), "essai", None)
    world.clock.advance(seconds=1)
    answer = place.verify(place.form("ORG_CONF"))
    with world.db.write() as session:
        reopen(session, world.plateforme, produit, world.clock(), "essai")
    return answer


def silent_directory(place: Place) -> bytes:
    place.elsewhere.is_silent, place.time.seconds = True, place.time.seconds + 10_000
    answer = place.verify(place.form("PRO_SIGN", beneficiaire="30B0990011/N001"))
    place.elsewhere.is_silent = False
    return answer


def same_address(place: Place) -> bytes:
    address = "partagee@acacias.example"
    forms = [place.form("PRO_SIGN", beneficiaire=who, adresse_email=address) for who in (AGENT, MEDECIN)]
    return place.verify(*forms)


def in_the_place_of(place: Place, numero_national: str) -> bytes:
    header = f'<l:pourLeCompteDe xmlns:l="{CONTRACT_NS}"><l:numeroNational>{numero_national}</l:numeroNational></l:pourLeCompteDe>'
    return place.door.post(envelope(request("consulterService"), header=header), "ph-arnaud")[1]


def unknown_tiers(place: Place) -> bytes:
    world = place.world
    ident = world.acteurs["ph-arnaud"].id
    with world.db.write() as session:
        assert appoint(session, ident, world.clock(), Terms(motif="essai"))
    answer = in_the_place_of(place, "899700990999")
    with world.db.write() as session:
        assert dismiss(session, ident, world.clock(), "essai")
    return answer


GUIDE_SCENARIOS: Mapping[Code, tuple[Scenario, ...]] = {
    Code.CSR_REFUSED: (bad_item(Code.CSR_REFUSED),),
    Code.OFFRE_MISSING: (bad_item(Code.OFFRE_MISSING),),
    Code.STRUCTURE_UNKNOWN: (bad_item(Code.STRUCTURE_UNKNOWN),),
    Code.BENEFICIAIRE_MISSING: (bad_item(Code.BENEFICIAIRE_MISSING),),
    Code.CODE_REVOCATION_MISSING: (
        lambda place: place.withdraw(place.fresh(), "", ""),
        lambda place: place.withdraw(place.fresh(), confirmation=""),
    ),
    Code.CODE_REVOCATION_MISMATCH: (lambda place: place.withdraw(place.fresh(), confirmation="Sesame-ouvre-toi-2"),),
    Code.CODE_REVOCATION_WEAK: (lambda place: place.withdraw(place.fresh(), "sesame", "sesame"),),
    Code.CGU_NOT_ACCEPTED: (lambda place: place.withdraw(place.fresh(), cgu="false"),),
    Code.RETRAIT_FAILED: (another_code, too_late),
    Code.RETRAIT_NOT_REQUESTER: (lambda place: place.withdraw(place.waiting(), name="administrateur"),),
    Code.TIERS_UNKNOWN: (unknown_tiers,),
    Code.PRODUCT_CLOSED: (closed,),
    Code.DIRECTORY_AWAY: (silent_directory,),
    Code.SEARCH_TOO_WIDE: (
        lambda place: place.call("rechercherDemandes", "<l:criteres><l:etat>CLOSE</l:etat></l:criteres>"),
        lambda place: place.call("rechercherProduits", "<l:criteres><l:usage>SIGN</l:usage></l:criteres>"),
    ),
    Code.HABILITATION_MISSING: (
        lambda place: place.verify(place.form(structure=CLINIQUE), name="administrateur"),
        lambda place: in_the_place_of(place, MEDECIN),
    ),
    Code.BENEFICIAIRE_NOT_ENTITLED: (lambda place: place.verify(place.form("PS_AUTH", beneficiaire=AGENT)),),
    Code.EMAIL_SYNTAX: (bad_item(Code.EMAIL_SYNTAX),),
    Code.EMAIL_ACTEUR_SYNTAX: (
        bad_item(Code.EMAIL_ACTEUR_SYNTAX),
        lambda place: place.call(
            "revoquerCertificat",
            f"<l:revocation><l:numeroProduit>{place.active()}</l:numeroProduit><l:motif>PERTE</l:motif>"
            "<l:emailActeur>sans arobase</l:emailActeur><l:confirmation>true</l:confirmation></l:revocation>",
        ),
    ),
    Code.EMAIL_INFORME_SYNTAX: (bad_item(Code.EMAIL_INFORME_SYNTAX),),
    Code.USAGE_MISSING: (bad_item(Code.USAGE_MISSING),),
    Code.SERVICE_APPLICATIF_MISSING: (bad_item(Code.SERVICE_APPLICATIF_MISSING),),
    Code.FQDN_MISSING: (bad_item(Code.FQDN_MISSING),),
    Code.FQDN_SYNTAX: (bad_item(Code.FQDN_SYNTAX),),
    Code.EMAIL_TAKEN: (same_address,),
}
