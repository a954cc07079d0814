"""The canal, the registration authority and the database together: what a sender gets, what is stored, what is not."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import requests
import zeep
from cryptography import x509
from lxml import etree
from sqlalchemy import update

from batch.issuing.own_certificates import enroll
from pki.certificates.serials import serial_hex
from pki.containers.pkcs7 import read_certs_only
from registration.revocation.revoking import revoke_of_demandes
from registration.values import DemandeForm
from registration.vocabulary import EtatDemande, Plateforme
from storage import tables
from tests.integration.ws.conftest import Door
from tests.support.acteurs import ALL_SENDERS, HOPITAL
from tests.support.bad_items import BAD_ITEMS
from tests.support.cards import enter_in_directory, new_card
from tests.support.csrs import csr
from tests.support.databases import count_rows
from tests.support.pairs import write_pair
from tests.support.produits import CODE, PRODUITS
from tests.support.world import World
from tests.unit.ws.messages import body_of, envelope, fault_of, item, lot, request
from tests.unit.ws.test_attacks import MALFORMED
from ws.contract.files import ENDPOINT

pytestmark = pytest.mark.long

CONDITIONS = {"codeRevocation": CODE, "confirmation": CODE, "acceptationCgu": True}
SERVICE = envelope(request("consulterService"))


def as_item(form: DemandeForm) -> dict[str, object]:
    """A form in the contract's words."""
    return {
        "reference": form.reference,
        "offre": None if form.offre is None else str(form.offre),
        "usage": None if form.usage is None else str(form.usage),
        "structure": form.structure,
        "beneficiaire": form.beneficiaire,
        "serviceApplicatif": form.service_applicatif,
        "adresseEmail": form.adresse_email,
        "fqdn": list(form.fqdns),
        "upn": form.upn,
        "emailActeur": form.email_acteur,
        "emailInforme": form.email_informe,
        "csr": form.csr,
    }


def real_item(number: int, key: int) -> str:
    return item(number, csr=base64.b64encode(csr(key)).decode())


def as_xml(form: DemandeForm) -> str:
    """A form as an item of a message, whatever stands in it."""
    fields = [
        (name, base64.b64encode(one).decode() if isinstance(one, bytes) else escape(str(one)))
        for name, value in as_item(form).items()
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]
    if form.csr_text is not None:
        fields.append(("csr", escape(form.csr_text)))
    return "<l:demande>" + "".join(f"<l:{name}>{text}</l:{name}>" for name, text in fields) + "</l:demande>"


def first_errors(answer: etree._Element, name: str) -> list[tuple[str | None, str | None]]:
    """Code and field of the first error of each item that has one."""
    errors = [each.find("{*}erreur") for each in answer.iter(f"{{*}}{name}")]
    return [(each.findtext("{*}code"), each.findtext("{*}champ")) for each in errors if each is not None]


def refused(call: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Name of the fault element and its members."""
    with pytest.raises(zeep.exceptions.Fault) as raised:
        call()
    (detail,) = raised.value.detail
    return etree.QName(detail).localname, {etree.QName(child).localname: child.text for child in detail}


def test_a_lot_from_deposit_to_certificates(door: Door) -> None:
    world = door.world
    forms = [world.form(product, number, reference=f"p/{product}") for number, product in enumerate(PRODUITS)]
    forms.append(world.form("SERV_SSL_SERV", 90, fqdns=("evilacacias.example",), reference="p/evil"))
    given = {"reference": "lot-treize", "demande": [as_item(form) for form in forms]}
    with requests.Session() as session:
        lots = door.zeep(session)
        check = lots.verifierLot(lot=given)
        assert (check.nombre, check.acceptables, check.refusees) == (14, 13, 1)
        assert count_rows(world.db)["lot"] == count_rows(world.db)["demande"] == 0
        receipt = lots.deposerLot(lot=given)
        assert (receipt.nombre, receipt.dejaDepose) == (14, False)
        again = lots.deposerLot(lot=given)
        assert (again.indexLot, again.dejaDepose) == (receipt.indexLot, True)
        waiting = lots.suivreLot(reference="lot-treize")
        assert (waiting.etat, waiting.avancement) == ("EN_COURS", 0)
        world.run_batch()
        done = lots.suivreLot(indexLot=receipt.indexLot, versionConnue=waiting.version, attente=30)
        assert (done.etat, done.avancement, done.aRetirer, done.rejetees) == ("TERMINE", 100, 13, 1)
        (bad,) = lots.listerDemandesLot(indexLot=receipt.indexLot, etat="REJETEE").demande
        assert (bad.reference, bad.erreur.code, bad.erreur.champ) == ("p/evil", "ERR_WS_039", "fqdn")
        listed = lots.listerDemandesLot(indexLot=receipt.indexLot, etat="TRANSMISE").demande
        assert (bad.dateLimiteRetrait, {one.dateLimiteRetrait - one.modifieLe for one in listed}) == (
            None,
            {timedelta(days=10)},
        )
        taken, after = [], None
        while True:
            page = lots.retirerPageLot(indexLot=receipt.indexLot, conditions=CONDITIONS, aPartirDe=after, taille=5)
            taken += page.retrait
            after = page.suivant
            if after is None:
                break
        assert len(taken) == 13
        for retrait in taken:
            assert read_certs_only(retrait.pkcs7)[0] == retrait.certificat
            first = x509.load_der_x509_certificate(retrait.certificat)
            assert retrait.numeroSerie == serial_hex(first.serial_number)
        detail = lots.consulterDemande(numeroDemande=taken[0].numeroDemande)
        assert detail.demande.etat == "CLOSE"
        assert (detail.demande.raisonSociale, detail.demande.demandeur) == (
            "CENTRE HOSPITALIER DES ACACIAS",
            door.world.acteurs["dr-leroux"].libelle,
        )
        assert (detail.emailActeur, detail.emailInforme) == ("acteur@acacias.example", None)
        assert detail.ligneHistorique[0].canal == "WS"
        found = lots.rechercherDemandes(criteres={"indexLot": receipt.indexLot}, taille=500)
        assert len(found.demande) == 14
        bilan = lots.annulerLot(indexLot=receipt.indexLot)
        assert (bilan.annulees, bilan.inchangees) == (0, 14)


def test_a_lot_of_renewals_from_the_list_to_the_link(door: Door) -> None:
    world = door.world
    index = world.deposit(*world.forms(6), reference="un").index
    world.run_batch()
    with requests.Session() as session:
        lots = door.zeep(session)
        taken = lots.retirerPageLot(indexLot=index, conditions=CONDITIONS).retrait
        assert lots.listerARenouveler().nombre == 0
        world.set_end(world.numeros(index), world.clock())
        first = lots.listerARenouveler(jours=30, usage="AUTH_CLI", structure=HOPITAL, offre="ORG", taille=4)
        rest = lots.listerARenouveler(aPartirDe=first.suivant, taille=4)
        old = [demande.numeroDemande for demande in (*first.demande, *rest.demande)]
        assert (old, rest.suivant) == ([retrait.numeroDemande for retrait in taken], None)
        items = [{"renouvelle": str(one), "csr": csr(40 + one)} for one in old]
        items.append({"renouvelle": str(old[0]), "usage": "SIGN", "csr": csr(60)})
        given = {"reference": "deux", "demande": items}
        bilan = lots.verifierLot(lot=given)
        assert (bilan.acceptables, bilan.verdict[6].erreur[0].code, bilan.verdict[6].erreur[0].champ) == (
            6, "ERR_WS_036", "usage",
        )  # fmt: skip
        renewed = lots.deposerLot(lot=given).indexLot
        assert lots.deposerLot(lot=given).indexLot == renewed
        world.run_batch()
        assert lots.suivreLot(indexLot=renewed).aRetirer == 6
        demandes = lots.listerDemandesLot(indexLot=renewed).demande
        assert [demande.renouvelle for demande in demandes] == [*old, None]
        assert lots.listerARenouveler().nombre == 0
        detail = lots.consulterDemande(numeroDemande=old[0])
        assert detail.demande.renouveleePar == demandes[0].numeroDemande
        assert detail.ligneHistorique[-1].codeAction == "ACT_RNV_001"


def test_refusals_of_use_cases_have_their_fault(door: Door) -> None:
    world = door.world
    index = world.deposit(*world.forms(1), reference="un").index
    with requests.Session() as session, requests.Session() as other_session, requests.Session() as nobody_session:
        lots, other, nobody = (
            door.zeep(session),
            door.zeep(other_session, "administrateur"),
            door.zeep(nobody_session, "inconnu"),
        )
        numero = world.numeros(index)[0]
        other_content = {"reference": "un", "demande": [as_item(world.form(key=50))]}
        cases = [
            (lambda: lots.deposerLot(lot=other_content), "conflit", "ERR_WS_030"),
            (lambda: lots.suivreLot(indexLot=index + 1), "introuvable", "ERR_WS_031"),
            (lambda: other.suivreLot(reference="un"), "introuvable", "ERR_WS_031"),
            (lambda: nobody.suivreLot(indexLot=index), "introuvable", "ERR_WS_031"),
            (lambda: nobody.listerDemandesLot(indexLot=index), "introuvable", "ERR_WS_031"),
            (lambda: nobody.deposerLot(lot=other_content), "accesRefuse", "ERR_WS_025"),
            (lambda: nobody.consulterDemande(numeroDemande=numero), "introuvable", "ERR_WS_032"),
            (lambda: lots.retirerDemande(numeroDemande=numero, conditions=CONDITIONS), "conflit", "ERR_WS_033"),
            (lambda: lots.retirerDemande(numeroDemande=numero, conditions={**CONDITIONS, "confirmation": "autre"}), "messageRefuse", "ERR_IHM_010"),
            (lambda: lots.rechercherDemandes(criteres={"etat": "CLOSE"}), "messageRefuse", "ERR_IHM_025"),
            (lambda: lots.deposerLot(lot={"reference": "x", "demande": [as_item(world.form())] * 41}), "messageRefuse", "ERR_WS_011"),
        ]  # fmt: skip
        before = count_rows(world.db)
        for call, kind, code in cases:
            fault, members = refused(call)
            assert (fault, members["code"]) == (kind, code)
        assert count_rows(world.db) == before


@pytest.mark.parametrize("half", [slice(None, 22), slice(22, None)], ids=["first", "second"])
def test_every_bad_item_of_a_lot_is_refused_alone(door: Door, half: slice) -> None:
    world = door.world
    kinds = list(BAD_ITEMS.values())[half]
    good = [world.form("ORG_SIGN", number, reference=f"good-{number}") for number in range(3)]
    bad = [world.form(each.product, 80, **each.changes) for each in kinds]
    items = "".join(as_xml(form) for form in [good[0], *bad[:10], good[1], *bad[10:], good[2]])
    expected = [(each.code.value, each.champ) for each in kinds]
    said, check = door.post(envelope(lot(items, operation="verifierLot")))
    assert said == 200, check
    assert first_errors(body_of(check), "verdict") == expected
    said, receipt = door.post(envelope(lot(items)))
    assert said == 200, receipt
    index = body_of(receipt).findtext(".//{*}indexLot", "")
    again = body_of(door.post(envelope(lot(items)))[1])
    assert (again.findtext(".//{*}indexLot"), again.findtext(".//{*}dejaDepose")) == (index, "true")
    world.run_batch()
    # The answers are held against the published schema: nothing of a bad value may stand in them.
    whole = request("listerDemandesLot", f"<l:indexLot>{index}</l:indexLot><l:taille>500</l:taille>")
    listed = body_of(door.post(envelope(whole))[1])
    assert first_errors(listed, "demande") == expected
    assert Counter(etat.text for etat in listed.iter("{*}etat")) == {"REJETEE": len(bad), "TRANSMISE": 3}
    for numero in [one.text for one in listed.iter("{*}numeroDemande")][:5]:
        ask = request("consulterDemande", f"<l:numeroDemande>{numero}</l:numeroDemande>")
        assert body_of(door.post(envelope(ask))[1]).tag.endswith("consulterDemandeResponse")


def test_zeep_sends_and_reads_items_that_have_not_even_an_offre(door: Door) -> None:
    with requests.Session() as session:
        lots = door.zeep(session)
        bare = {"reference": "nu", "demande": [{}, {"usage": "AUTH"}, as_item(door.world.form(key=3))]}
        assert [each.erreur[0].code for each in lots.verifierLot(lot=bare).verdict[:2]] == ["ERR_IHM_004"] * 2
        receipt = lots.deposerLot(lot=bare)
        door.world.run_batch()
        first, second, third = lots.listerDemandesLot(indexLot=receipt.indexLot).demande
        assert [(each.offre, each.usage, each.etat) for each in (first, second, third)] == [
            (None, None, "REJETEE"),
            (None, "AUTH", "REJETEE"),
            ("ORG", "AUTH_CLI", "TRANSMISE"),
        ]


def test_no_malformed_message_leaves_a_row(door: Door) -> None:
    before = count_rows(door.world.db)
    door.pair("dr-leroux")
    enrolled = count_rows(door.world.db)
    for case in ("cut", "dtd", "two body children", "billion laughs", "pi inside a value", "utf-7 declared"):
        message, code = MALFORMED[case]
        status, content = door.post(message)
        assert (status, fault_of(content)["code"]) == (500, code)
    for bad in (item(7, more="<l:couleur/>"), item(7).replace("<l:offre>", "<l:offre/><l:offre>")):
        assert door.post(envelope(lot(*[real_item(n, n) for n in range(6)], bad)))[0] == 500
    assert count_rows(door.world.db) == enrolled
    assert enrolled["demande"] == enrolled["lot"] == before["lot"] == 0


def test_concurrent_deposits_of_one_reference_make_one_lot(door: Door) -> None:
    message = envelope(lot(*[real_item(n, n) for n in range(3)], reference="course"))
    door.pair("dr-leroux")
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(door.post(message)[1])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts = [body_of(answer) for answer in answers]
    assert len({receipt.findtext(".//{*}indexLot") for receipt in receipts}) == 1
    assert Counter(receipt.findtext(".//{*}dejaDepose") for receipt in receipts) == {"false": 1, "true": 5}
    assert count_rows(door.world.db)["lot"] == 1


def test_a_certificate_revoked_while_its_connection_lives(door: Door) -> None:
    connection = door.connect()
    headers = {"Content-Type": "text/xml"}
    connection.request("POST", ENDPOINT, SERVICE, headers)
    assert body_of(connection.getresponse().read()) is not None
    certificate = door.pair("dr-leroux").leaf()
    with door.world.db.write() as session:
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.serial == serial_hex(certificate.serial_number))
            .values(revoque_le=door.world.clock())
        )
    connection.request("POST", ENDPOINT, SERVICE, headers)
    assert fault_of(connection.getresponse().read())["code"] == "ERR_WS_022"
    connection.close()
    assert fault_of(door.post(SERVICE)[1])["code"] == "ERR_WS_022"


def test_a_certificate_of_production_on_test(door: Door, foreign_world: World, tmp_path: Path) -> None:
    enrolled = enroll(foreign_world.context, Plateforme.PRODUCTION, ALL_SENDERS["dr-leroux"].content)
    door.pairs["production"] = write_pair(tmp_path, "production", enrolled)
    status, content = door.post(SERVICE, "production")
    fault = fault_of(content)
    assert (status, fault["code"], fault["fault"]) == (500, "ERR_WS_023", "accesRefuse")


def test_a_certificate_of_ours_that_nobody_registered(door: Door) -> None:
    door.pair("dpi-acacias")
    with door.world.db.write() as session:
        session.query(tables.Identite).delete()
    assert fault_of(door.post(SERVICE, "dpi-acacias")[1])["code"] == "ERR_WS_024"


def test_a_card_that_nobody_registered_sends_a_lot(door: Door, tmp_path: Path) -> None:
    """Its bearer is entered by his first lot, and finds it again with the card that replaces this one."""
    world = door.world
    enter_in_directory(world)
    for name in ("first", "second"):
        door.pairs[name] = write_pair(tmp_path, name, new_card(world))
    assert door.post(SERVICE, "first")[0] == 200
    with requests.Session() as session:
        lots = door.zeep(session, "first")
        asked = {"offre": "PS", "usage": "AUTH", "csr": csr(0), "emailActeur": "a@acacias.example"}
        receipt = lots.deposerLot(lot={"reference": "carte", "demande": [asked]})
    with requests.Session() as session:
        assert door.zeep(session, "second").suivreLot(reference="carte").indexLot == receipt.indexLot


def test_without_a_current_crl_nobody_enters(door: Door) -> None:
    door.pair("dr-leroux")
    door.world.clock.advance(days=60)
    fault = fault_of(door.post(SERVICE)[1])
    assert (fault["code"], fault["fault"]) == ("ERR_WS_026", "erreurTechnique")


def test_answers_of_a_large_page_are_valid(door: Door) -> None:
    world = door.world
    index = world.issued(*world.forms(12), reference="page")
    status, content = door.post(envelope(request("listerDemandesLot", f"<l:indexLot>{index}</l:indexLot>")))
    page = body_of(content)
    assert status == 200
    assert [demande.findtext("{*}etat") for demande in page.iter("{*}demande")] == [EtatDemande.TRANSMISE.value] * 12


def test_who_lost_the_right_gets_verdicts_and_no_detail(door: Door) -> None:
    """Every answer of the canal is held against the schema: what is left out here may be left out."""
    world = door.world
    forms = (world.form(key=0), world.form("PRO_SIGN", 1), world.form("SERV_SSL_SERV", 2, fqdns=("x.evil.example",)))
    index = world.issued(*forms, reference="mien")
    (numero, *_) = world.numeros(index)
    with requests.Session() as session:
        lots = door.zeep(session)
        progress = lots.suivreLot(indexLot=index)
        before = lots.listerDemandesLot(indexLot=index).demande
        assert lots.rechercherDemandes(criteres={"offre": "TOUTES"}).demande[-1].structure == HOPITAL
        world.withdraw_rights("dr-leroux")
        assert lots.suivreLot(indexLot=index) == progress
        after = lots.listerDemandesLot(indexLot=index).demande
        assert [(one.numeroDemande, one.etat, one.etatProduit) for one in after] == [
            (one.numeroDemande, one.etat, one.etatProduit) for one in before
        ]
        for one in after:
            hidden = (one.structure, one.beneficiaire, one.serviceApplicatif, one.adresseEmail, one.numeroSerie)
            assert (*hidden, one.finValidite, one.dateLimiteRetrait, one.fqdn) == (None,) * 7 + ([],)
        assert (after[2].erreur.code, after[2].erreur.champ) == ("ERR_WS_039", "fqdn")
        assert "evil" not in after[2].erreur.texte
        for criteres in ({"offre": "TOUTES"}, {"indexLot": index}, {"numeroDemande": numero}):
            assert lots.rechercherDemandes(criteres=criteres).nombre == 0
        for call in (
            lambda: lots.consulterDemande(numeroDemande=numero),
            lambda: lots.annulerDemande(numeroDemande=numero),
            lambda: lots.retirerDemande(numeroDemande=numero, conditions=CONDITIONS),
            lambda: lots.retirerPageLot(indexLot=index, conditions=CONDITIONS),
            lambda: lots.annulerLot(indexLot=index),
        ):
            fault, members = refused(call)
            assert (fault, members["code"]) == ("accesRefuse", "ERR_IHM_026")


def test_a_search_over_all_offres_is_a_search_over_each(door: Door) -> None:
    world = door.world
    world.issued(world.form(key=0), world.form("PRO_SIGN", 1), world.form("SERV_SSL_SERV", 2), world.form("PS_AUTH", 3))
    with requests.Session() as session:
        lots = door.zeep(session)

        def find(**criteres: Any) -> list[int]:
            page = lots.rechercherDemandes(criteres=criteres)
            return [] if page is None else [one.numeroDemande for one in page.demande]

        each = [find(offre=offre) for offre in ("PS", "PRO", "ORG", "SERV")]
        assert all(each)
        assert find(offre="TOUTES") == sorted(chain.from_iterable(each), reverse=True)
        assert find(offre="TOUTES", usage="SIGN") == each[1]
        first = lots.rechercherDemandes(criteres={"offre": "TOUTES"}, taille=3)
        assert (len(first.demande), first.suivant) == (3, first.demande[-1].numeroDemande)
        # An offre of a demande is never TOUTES.
        wrong = {**as_item(world.form()), "offre": "TOUTES"}
        (verdict,) = lots.verifierLot(lot={"reference": "x", "demande": [wrong]}).verdict
        assert (verdict.erreur[0].code, verdict.erreur[0].champ) == ("ERR_IHM_004", "offre")


def test_a_repeated_withdrawal_of_what_is_no_longer_good(door: Door) -> None:
    world = door.world
    index = world.issued(*world.forms(2))
    numero, other = world.numeros(index)
    with requests.Session() as session:
        lots = door.zeep(session)
        first = lots.retirerPageLot(indexLot=index, conditions=CONDITIONS)
        alone = lots.retirerDemande(numeroDemande=numero, conditions=CONDITIONS)
        assert first.chaine == [alone.chaine]
        alone.chaine = None
        assert alone == first.retrait[0]
        for revoked, call in (
            (numero, lambda: lots.retirerDemande(numeroDemande=numero, conditions=CONDITIONS)),
            (other, lambda: lots.retirerPageLot(indexLot=index, conditions=CONDITIONS)),
        ):
            with world.db.write() as writing:
                revoke_of_demandes(writing, [revoked], "superseded", world.clock(), "essai")
            fault, members = refused(call)
            assert (fault, members["code"], "révoqué" in members["texte"]) == ("conflit", "ERR_WS_034", True)
