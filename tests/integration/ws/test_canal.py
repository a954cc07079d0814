"""The canal, the registration authority and the database together: what a sender gets, what is stored, what is not."""

from __future__ import annotations

import base64
import threading

import pytest
import requests
import zeep
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from lxml import etree
from sqlalchemy import update

from commands.enrolment import enroll
from pki.serials import serial_hex
from registration.values import DemandeForm
from registration.vocabulary import EtatDemande, Plateforme
from storage import tables
from tests.support.csrs import csr
from tests.support.world import ALL_SENDERS, CODE, PRODUITS, count_rows
from tests.unit.ws.messages import body_of, envelope, fault_of, item, lot, request
from tests.unit.ws.test_attacks import MALFORMED
from ws.contract_files import ENDPOINT

CONDITIONS = {"codeRevocation": CODE, "confirmation": CODE, "acceptationCgu": True}
SERVICE = envelope(request("consulterService"))


def as_item(form: DemandeForm) -> dict[str, object]:
    """A form in the contract's words."""
    return {
        "reference": form.reference,
        "offre": form.offre.value,
        "usage": form.usage.value,
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


def refused(call):
    """Name of the fault element and its members."""
    with pytest.raises(zeep.exceptions.Fault) as raised:
        call()
    (detail,) = raised.value.detail
    return etree.QName(detail).localname, {etree.QName(child).localname: child.text for child in detail}


def test_a_lot_from_deposit_to_certificates(door):
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
        taken, after = [], None
        while True:
            page = lots.retirerPageLot(indexLot=receipt.indexLot, conditions=CONDITIONS, aPartirDe=after, taille=5)
            taken += page.retrait
            after = page.suivant
            if after is None:
                break
        assert len(taken) == 13
        for retrait in taken:
            inside = {serial_hex(each.serial_number) for each in load_der_pkcs7_certificates(retrait.pkcs7)}
            assert retrait.numeroSerie in inside
        detail = lots.consulterDemande(numeroDemande=taken[0].numeroDemande)
        assert detail.demande.etat == "CLOSE"
        assert detail.ligneHistorique[0].canal == "WS"
        found = lots.rechercherDemandes(criteres={"indexLot": receipt.indexLot}, taille=500)
        assert len(found.demande) == 14
        bilan = lots.annulerLot(indexLot=receipt.indexLot)
        assert (bilan.annulees, bilan.inchangees) == (0, 14)


def test_refusals_of_use_cases_have_their_fault(door):
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


def test_no_malformed_message_leaves_a_row(door):
    before = count_rows(door.world.db)
    door.pair("dr-leroux")
    enrolled = count_rows(door.world.db)
    for case in ("cut", "dtd", "two body children", "billion laughs", "pi inside a value", "utf-7 declared"):
        message, code = MALFORMED[case]
        status, content = door.post(message)
        assert (status, fault_of(content)["code"]) == (500, code)
    for bad in (item(7, csr="A@A!AA"), item(7).replace(">ORG<", ">ORX<")):
        assert door.post(envelope(lot(*[real_item(n, n) for n in range(6)], bad)))[0] == 500
    assert count_rows(door.world.db) == enrolled
    assert enrolled["demande"] == enrolled["lot"] == before["lot"] == 0


def test_concurrent_deposits_of_one_reference_make_one_lot(door):
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
    assert sorted(receipt.findtext(".//{*}dejaDepose") for receipt in receipts) == ["false"] + ["true"] * 5
    assert count_rows(door.world.db)["lot"] == 1


def test_a_certificate_revoked_while_its_connection_lives(door):
    connection = door.connect()
    headers = {"Content-Type": "text/xml"}
    connection.request("POST", ENDPOINT, SERVICE, headers)
    assert body_of(connection.getresponse().read()) is not None
    certificate = x509.load_der_x509_certificate(bytes.fromhex(door.serials["dr-leroux"]))
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


def test_a_certificate_of_production_on_test(door, foreign_world, tmp_path):
    enrolled = enroll(foreign_world.context, Plateforme.PRODUCTION, ALL_SENDERS["dr-leroux"].content)
    certificate, key = tmp_path / "production.pem", tmp_path / "production.key"
    certificate.write_bytes(x509.load_der_x509_certificate(enrolled.der).public_bytes(Encoding.PEM))
    key.write_bytes(enrolled.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    door.pairs["production"] = (str(certificate), str(key))
    status, content = door.post(SERVICE, "production")
    fault = fault_of(content)
    assert (status, fault["code"], fault["fault"]) == (500, "ERR_WS_023", "accesRefuse")


def test_a_certificate_of_ours_that_nobody_registered(door):
    door.pair("dr-leroux")
    with door.world.db.write() as session:
        session.query(tables.Identite).delete()
    assert fault_of(door.post(SERVICE)[1])["code"] == "ERR_WS_024"


def test_without_a_current_crl_nobody_enters(door):
    door.pair("dr-leroux")
    door.world.clock.advance(days=60)
    fault = fault_of(door.post(SERVICE)[1])
    assert (fault["code"], fault["fault"]) == ("ERR_WS_026", "erreurTechnique")


def test_answers_of_a_large_page_are_valid(door):
    world = door.world
    index = world.issued(*world.forms(12), reference="page")
    status, content = door.post(envelope(request("listerDemandesLot", f"<l:indexLot>{index}</l:indexLot>")))
    page = body_of(content)
    assert status == 200
    assert [demande.findtext("{*}etat") for demande in page.iter("{*}demande")] == [EtatDemande.TRANSMISE.value] * 12
