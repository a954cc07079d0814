"""Revocations over SOAP: what is read of a message, what an answer and a fault say."""

from __future__ import annotations

import pytest

from registration.policy import DEFAULT_PAGE
from registration.values import RevocationForm, RevocationLotForm
from registration.vocabulary import EtatRevocation, Offre
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import body_of, envelope, fault_of, request
from tests.unit.ws.test_attacks import refused
from ws.contract.names import contract_tag

ITEM = (
    "<l:reference>r-1</l:reference><l:numeroProduit> +007 </l:numeroProduit><l:motif>AUTRE</l:motif>"
    "<l:autreMotif>fin &amp; d\u00e9part</l:autreMotif><l:dateEffet>2026-12-01</l:dateEffet>"
    "<l:enTantQue>PORTEUR</l:enTantQue><l:emailActeur>a@b.fr</l:emailActeur><l:confirmation>1</l:confirmation>"
)
FORM = RevocationForm(
    reference="r-1",
    numero=7,
    motif="AUTRE",
    autre_motif="fin & d\u00e9part",
    date_effet="2026-12-01",
    en_tant_que="PORTEUR",
    email="a@b.fr",
    confirmation=True,
)


def one(content: str = ITEM) -> str:
    return request("revoquerCertificat", f"<l:revocation>{content}</l:revocation>")


def lot(*items: str, operation: str = "deposerLotRevocations") -> str:
    inside = "".join(f"<l:revocation>{item}</l:revocation>" for item in items)
    return request(operation, f"<l:lotRevocations><l:reference>lot-1</l:reference>{inside}</l:lotRevocations>")


def test_one_is_read_and_answered(canal: Canal) -> None:
    status, answer = canal.post(envelope(one()))[:2]
    assert status == 200
    body = body_of(answer)
    assert canal.desk.revocations.form == FORM
    assert body.findtext(f".//{contract_tag('resultat')}") == "REVOQUE"
    assert body.findtext(f".//{contract_tag('numeroRevocation')}") == "7"


def test_a_lot_is_read_as_the_same_values(canal: Canal) -> None:
    by_serial = "<l:autorite>ACI</l:autorite><l:numeroSerie>0A:0B</l:numeroSerie>"
    assert canal.post(envelope(lot(ITEM, by_serial, "")))[0] == 200
    expected = (FORM, RevocationForm(autorite="ACI", serie="0A:0B"), RevocationForm())
    assert canal.desk.revocations.form == RevocationLotForm(reference="lot-1", revocations=expected)


def test_the_verdicts_of_a_check(canal: Canal) -> None:
    body = body_of(canal.post(envelope(lot(ITEM, "", operation="verifierLotRevocations")))[1])
    found = [element.text for element in body.iter(contract_tag("acceptable"))]
    assert found == ["true", "false"]


@pytest.mark.parametrize(
    ("numero", "fault", "code"), [(404, "introuvable", "ERR_WS_032"), (33, "conflit", "ERR_WS_061")]
)
def test_refusals_are_typed_faults(canal: Canal, numero: int, fault: str, code: str) -> None:
    content = f"<l:numeroProduit>{numero}</l:numeroProduit><l:confirmation>true</l:confirmation>"
    told = fault_of(canal.post(envelope(one(content)))[1])
    assert (told["fault"], told["code"]) == (fault, code)


def test_without_confirmation_nothing_is_revoked(canal: Canal) -> None:
    for content in ("", "<l:confirmation>false</l:confirmation>", "<l:confirmation>0</l:confirmation>"):
        told = fault_of(canal.post(envelope(one(content)))[1])
        assert (told["code"], told["champ"]) == ("ERR_WS_060", "confirmation")


def test_a_schema_fault_names_the_item(canal: Canal) -> None:
    told = refused(canal, envelope(lot(ITEM, "<l:csr>AA==</l:csr>")), "ERR_WS_008")
    assert (told["champ"], told["position"]) == ("csr", "2")


def test_a_comment_in_a_value_is_refused(canal: Canal) -> None:
    told = refused(canal, envelope(lot("<l:motif>V<!-- -->OL</l:motif>")), "ERR_WS_008")
    assert (told["champ"], told["position"]) == ("motif", "1")


def test_pages_details_and_criteria(canal: Canal) -> None:
    listed = request("listerRevocationsLot", "<l:indexLot>9</l:indexLot><l:aPartirDe>4</l:aPartirDe>")
    assert len(list(body_of(canal.post(envelope(listed))[1]).iter(contract_tag("revocation")))) == 2
    assert f"list_revocations 9 4 {DEFAULT_PAGE}" in canal.desk.calls
    wanted = "<l:criteres><l:offre>PRO</l:offre><l:etat>VALIDEE</l:etat></l:criteres>"
    assert canal.post(envelope(request("rechercherRevocations", wanted)))[0] == 200
    criteria = canal.desk.revocations.criteria
    assert criteria is not None
    assert (criteria.produit.offre, criteria.etat) == (Offre.PRO, EtatRevocation.VALIDEE)
    assert canal.post(envelope(request("rechercherRevocations", "<l:criteres/>")))[0] == 200
    read = request("consulterRevocation", "<l:numeroRevocation>7</l:numeroRevocation>")
    assert len(list(body_of(canal.post(envelope(read))[1]).iter(contract_tag("ligneHistorique")))) == 1
    given_up = request("abandonnerRevocation", "<l:numeroRevocation>7</l:numeroRevocation>")
    assert body_of(canal.post(envelope(given_up))[1]).findtext(f".//{contract_tag('annulees')}") == "1"
