"""Our own codes over the web service: for each the message that provokes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from batch.issuing.own_certificates import enroll
from pki.certificates.content import CertificateContent
from registration.authority import acteurs
from registration.errors import Code
from registration.life.giving_up import give_up
from registration.vocabulary import Plateforme
from storage import tables
from tests.integration.codes.guide_scenarios import Scenario, bad_item
from tests.integration.codes.place import Place
from tests.support.acteurs import ALL_SENDERS, HOPITAL
from tests.support.pairs import write_pair
from tests.support.world import enrolled_serial
from tests.unit.ws.messages import V12, envelope, item, lot, request
from tests.unit.ws.test_attacks import MALFORMED
from tests.unit.ws.test_headers import block

SERVICE = envelope(request("consulterService"))
SEAL = CertificateContent(
    product="ORG_SIGN", common_name="cachet", state="Paris (75)", organization="HOPITAL",
    organizational_unit=HOPITAL,
)  # fmt: skip
INDEX = "<l:indexLot>{}</l:indexLot>"


def malformed(code: Code) -> Scenario:
    """The first message of the kind."""
    message = next(message for message, found in MALFORMED.values() if found == code.value)
    return lambda place: place.post(message)


def by(make: Callable[[Place], object]) -> Scenario:
    """A harmless call by a client that ``make`` gives the name of."""
    return lambda place: place.door.post(SERVICE, str(make(place)))[1]


def unfit(place: Place) -> str:
    place.door.pairs["cachet"] = write_pair(place.folder, "cachet", enroll(place.world.context, Plateforme.TEST, SEAL))
    return "cachet"


def revoked(place: Place) -> str:
    enrolled = place.world.enroll_client("dpi-acacias")
    place.door.pairs["perdu"] = write_pair(place.folder, "perdu", enrolled)
    with place.world.db.write() as session:
        which = tables.Certificat.serial == enrolled_serial(enrolled)
        session.execute(update(tables.Certificat).where(which).values(revoque_le=place.world.clock()))
    return "perdu"


def foreign(place: Place) -> str:
    content = ALL_SENDERS["dr-leroux"].content
    enrolled = enroll(place.foreign.context, Plateforme.PRODUCTION, content)
    place.door.pairs["production"] = write_pair(place.folder, "production", enrolled)
    return "production"


def unregistered(place: Place) -> str:
    enrolled = enroll(place.world.context, Plateforme.TEST, ALL_SENDERS["inconnu"].content)
    place.door.pairs["etranger"] = write_pair(place.folder, "etranger", enrolled)
    return "etranger"


def stopped(place: Place) -> bytes:
    """The plateforme has found itself in the past."""
    with place.world.db.write() as session:
        session.add(tables.Arret(id=1, constate_le=place.world.clock(), raison="essai"))
    answer = place.post(SERVICE)
    with place.world.db.write() as session:
        session.query(tables.Arret).delete()
    return answer


def busy(place: Place) -> bytes:
    with place.stopped_counter():
        return place.deposit(place.form(), reference="sollicite")


def broken(place: Place) -> bytes:
    def fail(*_args: Any, **_named: Any) -> None:
        raise RuntimeError("essai")

    with place.patch.context() as patch:
        patch.setattr(acteurs, "read_droits", fail)
        return place.call("mesDroits")


def conflict(place: Place) -> bytes:
    place.deposit(place.form(), reference="pris")
    return place.deposit(place.form(), reference="pris")


def cancelled(place: Place) -> int:
    numero = place.fresh()
    place.world.cancel(numero)
    return numero


def given_up(place: Place) -> bytes:
    numero = place.fresh()
    with place.world.db.write() as session:
        give_up(session, [numero], place.world.clock())
    return place.by_number("consulterDemande", numero)


def renewed_twice(place: Place) -> bytes:
    numero = place.active()
    place.ends(numero, place.world.clock() + timedelta(days=5))
    return place.verify_items(place.renewal(numero), place.renewal(numero))


def expired(place: Place) -> bytes:
    numero = place.active()
    place.ends(numero, place.world.clock() - timedelta(seconds=1))
    return place.revoke(numero)


def done(place: Place) -> bytes:
    numero = place.active()
    answer = place.revoke(numero)
    with place.world.db.read() as session:
        asked = session.query(tables.DemandeRevocation).filter_by(id_demande=numero).one().id
    assert b"REVOQUE" in answer
    return place.by_number("abandonnerRevocation", asked, "numeroRevocation")


def pending(place: Place) -> bytes:
    numero = place.active()
    first, second = (f"{place.world.clock() + timedelta(days=days):%Y-%m-%d}" for days in (3, 5))
    place.planned(numero, first)
    return place.revoke(numero, f"<l:dateEffet>{second}</l:dateEffet>")


def other_nature(place: Place) -> bytes:
    index = place.world.deposit(place.form(), reference="nature").index
    return place.call("listerRevocationsLot", INDEX.format(index))


def unknown_serial(place: Place) -> bytes:
    named = "<l:autorite>ACI-EL-ORG-TEST</l:autorite><l:numeroSerie>00ff</l:numeroSerie>"
    return place.revoke(None, named)


OWN_SCENARIOS: Mapping[Code, tuple[Scenario, ...]] = {
    Code.XML_MALFORMED: (malformed(Code.XML_MALFORMED),),
    Code.DTD_FORBIDDEN: (malformed(Code.DTD_FORBIDDEN),),
    Code.ENCODING_REFUSED: (malformed(Code.ENCODING_REFUSED),),
    Code.MEDIA_TYPE: (lambda place: place.post(SERVICE, "application/json"),),
    Code.TOO_LARGE: (malformed(Code.TOO_LARGE),),
    Code.ENVELOPE: (malformed(Code.ENVELOPE),),
    Code.MUST_UNDERSTAND: (
        lambda place: place.post(envelope(request("consulterService"), V12, block(V12)), V12.content_type),
    ),
    Code.SCHEMA: (lambda place: place.call("annulerLot", "<l:numeroDemande>1</l:numeroDemande>"),),
    Code.BASE64: (lambda place: place.verify_items(item(7, csr="A@A!AA")),),
    Code.DATETIME_ZONE: (
        lambda place: place.call(
            "rechercherDemandes",
            "<l:criteres><l:offre>ORG</l:offre><l:depuis>2026-11-23T08:00:00</l:depuis></l:criteres>",
        ),
    ),
    Code.TOO_MANY_ITEMS: (lambda place: place.post(envelope(lot(*map(item, range(41))))),),
    Code.UNKNOWN_OPERATION: (malformed(Code.UNKNOWN_OPERATION),),
    Code.SECURITY_HEADER: (
        lambda place: place.post(
            envelope(request("consulterService"), V12, block(V12, name="wsse:Security", must=None)), V12.content_type
        ),
    ),
    Code.VERSION_MISMATCH: (lambda place: place.post(envelope(request("consulterService"), V12)),),
    Code.NO_CERTIFICATE: (lambda place: place.post_unknown(SERVICE),),
    Code.CERTIFICATE_REFUSED: (by(unfit),),
    Code.CERTIFICATE_REVOKED: (by(revoked),),
    Code.CERTIFICATE_WRONG_PLATEFORME: (by(foreign),),
    Code.ACTEUR_UNKNOWN: (by(unregistered),),
    Code.NO_RIGHT: (lambda place: place.deposit(place.form(), reference="sans-droit", name="inconnu"),),
    Code.REVOCATION_STATUS_UNAVAILABLE: (stopped,),
    Code.LOT_CONFLICT: (conflict,),
    Code.LOT_UNKNOWN: (lambda place: place.call("suivreLot", INDEX.format(10**9)),),
    Code.DEMANDE_UNKNOWN: (
        lambda place: place.by_number("consulterDemande", 10**9),
        lambda place: place.by_number("consulterDemande", place.fresh(), name="ide-marchand"),
        lambda place: place.verify_items(place.renewal(10**9)),
        lambda place: place.revoke(10**9),
    ),
    Code.NOT_READY: (lambda place: place.withdraw(place.fresh()),),
    Code.NOT_WITHDRAWABLE: (lambda place: place.withdraw(cancelled(place)),),
    Code.CANCEL_TOO_LATE: (lambda place: place.by_number("annulerDemande", place.active()),),
    Code.FIELD_FORBIDDEN: (bad_item(Code.FIELD_FORBIDDEN),),
    Code.FIELD_INVALID: (bad_item(Code.FIELD_INVALID),),
    Code.CRITERIA_INVALID: (
        lambda place: place.call("suivreLot"),
        lambda place: place.call(
            "rechercherDemandes",
            "<l:criteres><l:offre>PRO</l:offre><l:nomBeneficiaire>B*RTIN</l:nomBeneficiaire></l:criteres>",
        ),
    ),
    Code.DOMAIN_NOT_ENTITLED: (lambda place: place.verify(place.form("SERV_SMIME", adresse_email="a@evil.example")),),
    Code.NOT_PROCESSED: (given_up,),
    Code.DOMAIN_RESERVED: (
        lambda place: place.verify(place.form("PS_SIGN", adresse_email="chef@acacias.example"), name="ph-arnaud"),
    ),
    Code.UPN_DOMAIN_REFUSED: (lambda place: place.verify(place.form("PS_AUTH", upn="camille@evil.example")),),
    Code.RENEWAL_OUTSIDE_WINDOW: (lambda place: place.verify_items(place.renewal(place.active())),),
    Code.NOT_RENEWABLE: (lambda place: place.verify_items(place.renewal(place.waiting())),),
    Code.RENEWAL_TAKEN: (renewed_twice,),
    Code.NOT_ACTIVE: (lambda place: place.by_number("telechargerCertificat", place.waiting(), "numeroProduit"),),
    Code.BUSY: (busy,),
    Code.REVOCATION_NOT_CONFIRMED: (lambda place: place.revoke(place.active(), confirmation="false"),),
    Code.REVOCATION_TO_CANCEL: (lambda place: place.revoke(place.waiting()),),
    Code.REVOCATION_NOT_ACTIVE: (expired, lambda place: place.revoke(cancelled(place))),
    Code.CERTIFICATE_UNKNOWN: (unknown_serial,),
    Code.REVOCATION_UNKNOWN: (lambda place: place.by_number("consulterRevocation", 10**9, "numeroRevocation"),),
    Code.REVOCATION_NOT_PENDING: (done,),
    Code.LOT_OF_OTHER_NATURE: (other_nature,),
    Code.REVOCATION_PENDING: (pending,),
    Code.INTERNAL: (broken,),
}
