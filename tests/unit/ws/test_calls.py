"""Every operation with the clients that hospitals use, in both SOAP versions; every answer is valid against the XSD."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler

import pytest
import requests
import zeep
from lxml import etree
from suds import WebFault
from suds.client import Client as SudsClient
from suds.transport.https import HttpAuthenticated

from registration.values import DemandeForm
from registration.views import RenewalCriteria
from registration.vocabulary import Canal, Offre, Usage
from tests.support.assertions import the
from tests.support.clock import NOON
from tests.support.soap_clients import zeep_client, zeep_service
from tests.support.textes import TEXTES
from tests.unit.ws.conftest import PUBLIC_URL
from tests.unit.ws.conftest import Canal as ServedCanal
from tests.unit.ws.messages import SCHEMA, V11, V12, big_lot, body_of, envelope, fault_of, item, lot, request
from ws.contract.files import ENDPOINT, SCHEMA_FILE, WSDL_FILES
from ws.contract.names import CONTRACT_NS, Operation

CSR = bytes(range(256)) * 3
DEMANDE = {
    "offre": "SERV",
    "usage": "S/MIME",
    "structure": "10B0039137",
    "adresseEmail": "boite@chu-exemple.fr",
    "serviceApplicatif": "messagerie",
    "emailActeur": "gestion@chu-exemple.fr",
    "csr": CSR,
}
CONDITIONS = {"codeRevocation": "Secret-de-12!", "confirmation": "Secret-de-12!", "acceptationCgu": True}


class Recorder:
    """A plugin of zeep that checks every answer against the published schema."""

    def ingress(
        self, envelope: etree._Element, http_headers: object, _operation: object
    ) -> tuple[etree._Element, object]:
        body = envelope[-1][0]
        if etree.QName(body).localname != "Fault":
            SCHEMA.assertValid(body)
        return envelope, http_headers

    def egress(
        self, envelope: etree._Element, http_headers: object, _operation: object, _options: object
    ) -> tuple[etree._Element, object]:
        return envelope, http_headers


def session_for(canal: ServedCanal, name: str = "client") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(canal.material.ca_file)
    session.cert = canal.material.path(name)
    return session


@contextmanager
def opened(canal: ServedCanal, query: str = "wsdl", name: str = "client") -> Iterator[tuple[Any, Any]]:
    address = f"https://localhost:{canal.port}{ENDPOINT}"
    with session_for(canal, name) as session:
        client = zeep_client(f"{address}?{query}", session, [Recorder()])
        yield zeep_service(client, address), client


@pytest.fixture(params=["wsdl", "wsdl=soap12", "WSDL"])
def lots(canal: ServedCanal, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The service as zeep sees it, from the served WSDL."""
    with opened(canal, request.param) as (service, client):
        service.client = client
        yield service


def detail_of(fault: zeep.exceptions.Fault) -> dict[str, str]:
    return {etree.QName(child).localname: child.text for child in fault.detail[0]}


def test_deposit_is_repeatable(canal: ServedCanal, lots: Any) -> None:
    given = {"reference": "lot-z", "demande": [DEMANDE, {**DEMANDE, "reference": "2"}]}
    first = lots.deposerLot(lot=given)
    assert (first.indexLot, first.nombre, first.dejaDepose, first.reference) == (1, 2, False, "lot-z")
    assert first.deposeLe.utcoffset() == timedelta(0)
    assert lots.deposerLot(lot=given).dejaDepose is True
    with pytest.raises(zeep.exceptions.Fault) as refused:
        lots.deposerLot(lot={"reference": "lot-z", "demande": [DEMANDE]})
    assert etree.QName(refused.value.detail[0]).localname == "conflit"
    assert detail_of(refused.value)["code"] == "ERR_WS_030"
    origin, form, _ = canal.desk.kept[1]
    assert (origin.canal, origin.acteur.libelle) == (Canal.WS, "CHU EXEMPLE")
    assert form.demandes[0].csr == CSR
    assert (form.demandes[0].offre, form.demandes[0].usage) == (Offre.SERV, Usage.SMIME)
    assert (form.demandes[0].reference, form.demandes[1].reference) == (None, "2")


def test_every_field_of_an_item_arrives(canal: ServedCanal) -> None:
    fields = [
        ("reference", "r/1"),
        ("offre", "SERV"),
        ("usage", "SSL_SERV"),
        ("structure", "1750140014"),
        ("beneficiaire", "899700027131"),
        ("serviceApplicatif", "<![CDATA[à & b]]>"),
        ("adresseEmail", "a@b.fr"),
        *[("fqdn", f"s{n}.chu.fr") for n in range(5)],
        ("upn", "u@chu.fr"),
        ("emailActeur", "g@chu.fr"),
        ("emailInforme", "i@chu.fr"),
        ("csr", " QUJD\n  REVG \t"),
    ]
    demande = "<l:demande><!-- c -->" + "".join(f"<l:{n}>{v}</l:{n}>\n" for n, v in fields) + "</l:demande>"
    status, content = canal.post(envelope(lot("<!-- a -->", demande, "\n  ")))
    assert status == 200, content
    form = canal.desk.kept[1][1].demandes[0]
    assert form.csr == b"ABCDEF"
    assert form.fqdns == tuple(f"s{n}.chu.fr" for n in range(5))
    assert (form.reference, form.structure, form.beneficiaire, form.service_applicatif) == (
        "r/1",
        "1750140014",
        "899700027131",
        "à & b",
    )
    assert (form.adresse_email, form.upn, form.email_acteur, form.email_informe) == (
        "a@b.fr",
        "u@chu.fr",
        "g@chu.fr",
        "i@chu.fr",
    )


def test_what_is_wrong_with_one_item_arrives_as_it_was_written(canal: ServedCanal) -> None:
    texts = ("reference", "offre", "usage", "structure", "beneficiaire", "serviceApplicatif", "adresseEmail", "upn")
    bad = "".join(f"<l:{name}>{'é' * 1024}</l:{name}>" for name in texts[:-1]) + "<l:fqdn/>" * 100 + "<l:upn> </l:upn>"
    empty = "".join(f"<l:{name}/>" for name in (*texts, "emailActeur", "emailInforme", "csr"))
    items = [
        f"<l:demande>{bad}<l:csr>{'AAAA' * 21_845}</l:csr></l:demande>",
        f"<l:demande>{empty}</l:demande>",
        "<l:demande/>",
    ]
    status, content = canal.post(envelope(lot(*items)))
    assert status == 200, content
    long, void, nothing = canal.desk.kept[1][1].demandes
    assert (long.offre, long.usage, long.structure, long.upn) == ("é" * 1024, "é" * 1024, "é" * 1024, " ")
    assert (long.fqdns, len(long.csr or b"")) == (("",) * 100, 65_535)
    assert (void.reference, void.offre, void.email_acteur, void.email_informe, void.csr) == ("", "", "", "", b"")
    assert nothing == DemandeForm()


def test_check_without_deposit(canal: ServedCanal, lots: Any) -> None:
    bilan = lots.verifierLot(lot={"reference": "v", "demande": [DEMANDE] * 3})
    assert (bilan.nombre, bilan.acceptables, bilan.refusees) == (3, 2, 1)
    assert [verdict.acceptable for verdict in bilan.verdict] == [True, False, True]
    assert bilan.verdict[1].erreur[0].texte == "CSR refusée & « mauvaise » <clé>"
    assert canal.desk.kept == {}


def test_follow_up(canal: ServedCanal, lots: Any) -> None:
    lots.deposerLot(lot={"reference": "s", "demande": [DEMANDE]})
    for key in ({"indexLot": 1}, {"reference": "s"}):
        suivi = lots.suivreLot(**key)
        assert (suivi.indexLot, suivi.nombre, suivi.enregistrees, suivi.version) == (1, 1, 1, "v1")
    for key in ({"indexLot": 2}, {"reference": "autre"}):
        with pytest.raises(zeep.exceptions.Fault) as refused:
            lots.suivreLot(**key)
        assert etree.QName(refused.value.detail[0]).localname == "introuvable"
    for wrong in ({}, {"indexLot": 1, "reference": "s"}, {"indexLot": 1, "reference": "s", "attente": 5}):
        with pytest.raises(zeep.exceptions.Fault) as refused:
            lots.suivreLot(**wrong)
        assert detail_of(refused.value)["code"] == "ERR_WS_038"


def test_the_lot_of_another_is_unknown(canal: ServedCanal) -> None:
    canal.post(envelope(lot(item(1))))
    status, content = canal.post(envelope(request("suivreLot", "<l:indexLot>1</l:indexLot>")), name="other")
    assert (status, fault_of(content)["fault"]) == (500, "introuvable")


def test_what_is_to_renew(canal: ServedCanal, lots: Any) -> None:
    lots.listerARenouveler(offre="TOUTES")
    assert "to_renew after=None limit=50" in canal.desk.calls
    assert canal.desk.renewals == RenewalCriteria()
    lots.listerARenouveler(jours=0, offre="SERV", usage="S/MIME", structure="1750140014", aPartirDe=7, taille=3)
    assert "to_renew after=7 limit=3" in canal.desk.calls
    assert canal.desk.renewals == RenewalCriteria(jours=0, offre=Offre.SERV, usage=Usage.SMIME, structure="1750140014")


def test_list_and_search(canal: ServedCanal, lots: Any) -> None:
    page = lots.listerDemandesLot(indexLot=1, etat="REJETEE", aPartirDe=4, taille=3)
    assert [demande.numeroDemande for demande in page.demande] == [5, 6, 7]
    assert (page.suivant, page.demande[0].fqdn, page.demande[1].fqdn) == (7, ["a.fr", "b.fr"], [])
    assert "list_lot 1 REJETEE 4 3" in canal.desk.calls
    lots.listerDemandesLot(indexLot=1)
    assert "list_lot 1 None 0 50" in canal.desk.calls
    paris = timezone(timedelta(hours=1))
    begin = datetime(2026, 11, 1, tzinfo=paris)
    criteria = {
        "offre": "ORG",
        "serviceApplicatif": "dossier*",
        "depuis": begin,
        "jusqua": datetime(2026, 12, 1, tzinfo=UTC),
    }
    empty = lots.rechercherDemandes(criteres=criteria)
    assert (empty.nombre, empty.demande, empty.suivant) == (0, [], None)
    assert (canal.desk.criteria.since, canal.desk.criteria.offre) == (begin, Offre.ORG)
    assert the(canal.desk.criteria.since).utcoffset() == timedelta(hours=1)
    assert not canal.desk.criteria.all_offres
    lots.rechercherDemandes(criteres={"offre": "TOUTES"})
    assert (canal.desk.criteria.all_offres, canal.desk.criteria.offre) == (True, None)


def test_read_withdraw_cancel(lots: Any) -> None:
    detail = lots.consulterDemande(numeroDemande=7)
    assert (detail.attributSujet[0].nom, detail.attributSujet[0].valeur) == ("CN", "dossier")
    assert len(detail.ligneHistorique) == 2
    assert lots.retirerDemande(numeroDemande=7, conditions=CONDITIONS).pkcs7 == bytes(range(256))
    page = lots.retirerPageLot(indexLot=1, conditions=CONDITIONS, taille=2)
    assert (len(page.retrait), page.suivant, page.enAttente) == (2, 2, 3)
    assert lots.annulerDemande(numeroDemande=7).annulees == 1
    assert lots.annulerLot(indexLot=7).inchangees == 7
    calls: list[tuple[Callable[[], object], str, str]] = [
        (lambda: lots.retirerDemande(numeroDemande=33, conditions=CONDITIONS), "conflit", "ERR_WS_033"),
        (
            lambda: lots.retirerDemande(numeroDemande=1, conditions={**CONDITIONS, "confirmation": ""}),
            "messageRefuse",
            "ERR_IHM_010",
        ),
        (lambda: lots.consulterDemande(numeroDemande=404), "introuvable", "ERR_WS_032"),
    ]
    for call, kind, code in calls:
        with pytest.raises(zeep.exceptions.Fault) as refused:
            call()
        assert etree.QName(refused.value.detail[0]).localname == kind
        assert detail_of(refused.value)["code"] == code


def test_produits(canal: ServedCanal, lots: Any) -> None:
    page = lots.rechercherProduits(criteres={"offre": "PRO", "nomBeneficiaire": "LER*", "finJusqua": NOON}, taille=2)
    assert [produit.numeroProduit for produit in page.produit] == [3, 2]
    assert (page.nombre, page.suivant, page.produit[0].autorite) == (2, 2, "AC & <TEST>")
    asked = canal.desk.produit_criteria
    assert (asked.offre, asked.beneficiaire.nom, asked.etat, asked.ends_until) == (Offre.PRO, "LER*", None, NOON)
    empty = lots.rechercherProduits(criteres={"numeroProduit": 404, "etatProduit": "A_RETIRER"})
    assert (empty.nombre, empty.produit) == (0, [])  # never read as null: nombre is always there
    assert lots.consulterProduit(numeroProduit=7).ligneHistorique[0].codeAction == "ACT_DCL_001"
    found = lots.telechargerCertificat(numeroProduit=7)
    assert (found.certificat, found.pkcs7, found.produit.numeroProduit) == (b"0\x00", bytes(range(256)), 7)
    calls: list[tuple[Callable[[], object], str, str]] = [
        (lambda: lots.telechargerCertificat(numeroProduit=33), "conflit", "ERR_WS_049"),
        (lambda: lots.consulterProduit(numeroProduit=404), "introuvable", "ERR_WS_032"),
    ]
    for call, kind, code in calls:
        with pytest.raises(zeep.exceptions.Fault) as refused:
            call()
        assert etree.QName(refused.value.detail[0]).localname == kind
        assert detail_of(refused.value)["code"] == code


def test_rights(canal: ServedCanal, lots: Any) -> None:
    page = lots.mesDroits(aPartirDe=4, taille=2)
    assert "droits 4 2" in canal.desk.calls
    assert (page.pourSoi, page.nombre, page.suivant) == (False, 2, 2)
    implied, own = page.droit
    assert (implied.offre, implied.par, implied.raisonSociale, implied.domaine) == ("ORG", "SERV", None, [])
    assert [(each.nom, each.saisie) for each in own.domaine] == [("a&b.example", "FACULTATIVE")]


def test_service_state(lots: Any) -> None:
    state = lots.consulterService()
    assert (state.plateforme, state.versionContrat, state.acteur) == ("TEST", "1.0", "CHU EXEMPLE")
    assert (state.demandesParLot, state.octetsParMessage) == (10_000, 32 * 2**20)
    for told, texte in ((state.cgu, TEXTES.cgu), (state.pc, TEXTES.pc)):
        assert (told.version, told.empreinte, told.adresse) == (texte.version, texte.empreinte, texte.adresse)


def test_typed_fault_in_zeep(canal: ServedCanal, lots: Any) -> None:
    with pytest.raises(zeep.exceptions.Fault) as refused:
        lots.consulterDemande(numeroDemande=404)
    typed = lots.client.wsdl.types.deserialize(refused.value.detail[0])
    assert typed.code == "ERR_WS_032"


def test_a_generated_client_reads_the_faults_of_a_message_as_a_list(lots: Any) -> None:
    for criteria, champs in (({"offre": "X"}, ["offre"]), ({"offre": "X", "structure": "a"}, ["offre", "structure"])):
        with pytest.raises(zeep.exceptions.Fault) as refused:
            lots.rechercherDemandes(criteres=criteria)
        typed = lots.client.wsdl.types.deserialize(refused.value.detail[0])
        assert [(one.code, one.champ, one.valeur) for one in typed.faute] == [
            ("ERR_WS_008", champ, criteria[champ]) for champ in champs
        ]
        assert (typed.faute[0].forme, typed.autresFautes) == ("PS, PRO, ORG, SERV ou TOUTES", None)
        assert refused.value.message.startswith("ERR_WS_008 : ")


def test_a_check_gives_subjects_names_and_warnings(lots: Any) -> None:
    bilan = lots.verifierLot(lot={"reference": "v", "demande": [DEMANDE, DEMANDE, DEMANDE]})
    first, refused, third = bilan.verdict
    assert (first.sujet, refused.sujet, third.sujet) == ("CN=<1> & co, C=FR", None, "CN=<3> & co, C=FR")
    assert [(one.nature, one.valeur) for one in first.nomAlternatif] == [("DNS", "a.fr")]
    assert [(one.code, one.champ) for one in first.avertissement] == [("AVT_WS_001", "csr")]
    assert [one.code for one in refused.erreur] == ["ERR_IHM_007", "ERR_IHM_062_2"]


def test_a_page_of_withdrawals_gives_each_chain_once(lots: Any) -> None:
    conditions = {"codeRevocation": "Un-Code-Assez-Long", "confirmation": "Un-Code-Assez-Long", "acceptationCgu": True}
    page = lots.retirerPageLot(indexLot=1, conditions=conditions)
    assert {retrait.autorite for retrait in page.retrait} == {"AC & <TEST>"}
    assert [(one.autorite, one.certificat) for one in page.chaine] == [("AC & <TEST>", [b"issuer", b"root"])]
    assert all((one.certificat, one.chaine) == (b"leaf", None) for one in page.retrait)
    alone = lots.retirerDemande(numeroDemande=1, conditions=conditions)
    assert alone.chaine == page.chaine[0]


def test_two_hundred_calls_on_one_connection(lots: Any) -> None:
    assert {
        lots.suivreLot(indexLot=lots.deposerLot(lot={"reference": f"n{n % 3}", "demande": [DEMANDE]}).indexLot).version
        for n in range(100)
    } == {"v1"}


class SudsTransport(HttpAuthenticated):  # type: ignore[misc]  # suds has no types
    """suds with our TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._context = context

    def u2handlers(self) -> list[HTTPSHandler | ProxyHandler]:
        import urllib.request

        return [urllib.request.HTTPSHandler(context=self._context), urllib.request.ProxyHandler({})]


def test_suds(canal: ServedCanal) -> None:
    address = f"https://localhost:{canal.port}{ENDPOINT}"
    transport = SudsTransport(canal.material.client_context("client"))
    client = SudsClient(f"{address}?wsdl", transport=transport, location=address, cache=None)
    given = {"reference": "suds", "demande": [{**DEMANDE, "csr": base64.b64encode(CSR).decode()}]}
    receipt = client.service.deposerLot(given)
    assert (int(receipt.indexLot), int(receipt.nombre)) == (1, 1)
    assert client.service.suivreLot(indexLot=1).version == "v1"
    odd = {
        **DEMANDE,
        "usage": "CHIFFREMENT",
        "csr": "",
        "fqdn": [f"h{n}.chu.fr" for n in range(6)],
        "emailActeur": None,
    }
    assert int(client.service.deposerLot({"reference": "suds-2", "demande": [odd]}).nombre) == 1
    (form,) = canal.desk.kept[2][1].demandes
    assert (form.usage, len(form.fqdns)) == ("CHIFFREMENT", 6)
    made = client.factory.create("ns0:DemandeCertificat")
    assert {"offre", "usage", "fqdn", "csr"} <= {name for name, _ in made}
    assert {name for name, _ in client.factory.create("ns0:Usage")} == {usage.value for usage in Usage}
    assert client.service.consulterService().plateforme == "TEST"
    with pytest.raises(WebFault, match="Aucune demande") as refused:
        client.service.consulterDemande(404)
    assert refused.value.fault.detail.introuvable.code == "ERR_WS_032"


def test_published_files_are_the_files_but_for_the_address(canal: ServedCanal) -> None:
    assert canal.exchange("GET", f"/schemas/{SCHEMA_FILE.name}", name=None)[2] == SCHEMA_FILE.read_bytes()
    for version, query in ((V11, ""), (V12, "=soap12")):
        original = WSDL_FILES[version].read_bytes()
        whole = [f"{ENDPOINT}?{kind}{query}" for kind in ("wsdl", "singleWsdl")]
        for path in (f"/ws/wsdl/{WSDL_FILES[version].name}", *whole):
            status, headers, served = canal.exchange("GET", path, headers={"Host": "evil.example"}, name=None)
            assert (status, headers["content-type"]) == (200, "text/xml; charset=utf-8")
            assert served.count(PUBLIC_URL.encode()) == 1
            assert (served == original.replace(b"https://127.0.0.1:8443", PUBLIC_URL.encode())) is (path not in whole)
            assert (b"schemaLocation" in served) is (path not in whole)
    status, headers, served = canal.exchange("HEAD", f"{ENDPOINT}?wsdl", name=None)
    assert (status, served) == (200, b"")


@pytest.mark.parametrize("query", ["wsdl", "wsdl=soap12", "singleWsdl"])
def test_a_wsdl_that_was_kept_as_a_file_is_enough(canal: ServedCanal, tmp_path: Path, query: str) -> None:
    kept = tmp_path / "service.wsdl"
    kept.write_bytes(canal.exchange("GET", f"{ENDPOINT}?{query}", name=None)[2])
    client = zeep_client(str(kept))
    (binding,) = client.wsdl.bindings.values()
    assert len(binding._operations) == len(Operation)
    kinds = {client.get_element(f"{{{CONTRACT_NS}}}{name}").type.name for name in FAULT_ELEMENTS}
    assert kinds == {"MessageRefuse", "AccesRefuse", "Introuvable", "Conflit", "ErreurTechnique"}


FAULT_ELEMENTS = ("messageRefuse", "accesRefuse", "introuvable", "conflit", "erreurTechnique")


def test_the_bare_address_says_what_is_here(canal: ServedCanal) -> None:
    for path in ("/", ENDPOINT):
        status, headers, served = canal.exchange("GET", path, name=None)
        assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert f"{ENDPOINT}?wsdl" in served.decode()


def test_a_wait_ends_when_the_lot_changes(canal: ServedCanal) -> None:
    canal.post(envelope(lot(item(1))))
    ask = request(
        "suivreLot", "<l:indexLot>1</l:indexLot><l:versionConnue>v1</l:versionConnue><l:attente>30</l:attente>"
    )
    answers: list[bytes] = []
    waiting = [threading.Thread(target=lambda: answers.append(canal.post(envelope(ask))[1])) for _ in range(12)]
    for thread in waiting:
        thread.start()
    while canal.desk.calls.count("follow_lot") < 2:
        pass
    # Twelve callers wait and the pool has two threads: others are served meanwhile.
    assert canal.post(envelope(request("consulterService")))[0] == 200
    assert answers == []
    canal.desk.versions[1] = 2
    for thread in waiting:
        thread.join()
    assert {body_of(answer).findtext(".//{*}version") for answer in answers} == {"v2"}


def test_a_wait_ends_with_its_time(canal: ServedCanal) -> None:
    canal.post(envelope(lot(item(1))))
    for version, seconds in (("v1", 1), ("v0", 30), ("", 30)):
        ask = request(
            "suivreLot",
            f"<l:indexLot>1</l:indexLot><l:versionConnue>{version}</l:versionConnue><l:attente>{seconds}</l:attente>",
        )
        status, content = canal.post(envelope(ask))
        assert (status, body_of(content).findtext(".//{*}version")) == (200, "v1")


def test_a_wait_for_an_unknown_lot_tells_so(canal: ServedCanal) -> None:
    ask = request(
        "suivreLot", "<l:reference>x</l:reference><l:versionConnue>v1</l:versionConnue><l:attente>30</l:attente>"
    )
    assert fault_of(canal.post(envelope(ask))[1])["code"] == "ERR_WS_031"


def test_a_big_lot_goes_through_and_in_order(canal: ServedCanal) -> None:
    status, content = canal.post(big_lot(3000))
    assert status == 200, content
    form = canal.desk.kept[1][1]
    assert [demande.reference for demande in form.demandes] == [f"ref-{n}" for n in range(1, 3001)]
    assert {name.rpartition("_")[0] for name in canal.desk.threads} >= {"ws-big"}


def test_a_lot_with_a_type_on_every_element(canal: ServedCanal) -> None:
    typed = item(1)
    for name, kind in (("reference", "TexteDemande"), ("offre", "TexteDemande"), ("csr", "CsrDemande")):
        typed = typed.replace(f"<l:{name}>", f'<l:{name} xsi:type="l:{kind}">')
    message = envelope(lot(*[typed] * 2000)).replace(
        b"<l:deposerLot ", b'<l:deposerLot xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    )
    status, content = canal.post(message)
    assert (status, body_of(content).findtext(".//{*}nombre")) == (200, "2000")


def test_concurrent_faults_never_carry_the_words_of_another(canal: ServedCanal) -> None:
    def message(n: int) -> bytes:
        bad = item(1).replace("<l:offre>", "<l:x/><l:offre>" if n % 2 else "<l:offre/><l:offre>")
        return envelope(lot(*[item(k) for k in range(n)], bad))

    wrong = []

    def hammer(n: int) -> None:
        for _ in range(15):
            fault = fault_of(canal.post(message(n))[1])
            if (fault["position"], fault["champ"]) != (str(n + 1), "x" if n % 2 else "offre"):
                wrong.append(fault)

    threads = [threading.Thread(target=hammer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
