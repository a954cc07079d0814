"""Legal values at the edges of their types reach the rules and the database, in both SOAP versions and on both databases."""

from __future__ import annotations

import base64

import pytest

from tests.integration.ws.conftest import Door
from tests.integration.ws.test_canal import as_item
from tests.support.csrs import csr
from tests.unit.ws.messages import body_of, envelope, fault_of, lot, request
from ws.contract.names import SoapVersion

LONG = 2**63 - 1
ZEROS = "0" * 5000
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
INDEX, NUMERO = f"<l:indexLot>{LONG}</l:indexLot>", f"<l:numeroDemande>{LONG}</l:numeroDemande>"
TYPES = {
    **dict.fromkeys(("reference", "offre", "usage", "structure", "serviceApplicatif", "emailActeur"), "TexteDemande"),
    "csr": "CsrDemande",
}
CONDITIONS = (
    "<l:conditions><l:codeRevocation>Secret-de-12!</l:codeRevocation><l:confirmation>Secret-de-12!</l:confirmation>"
    "<l:acceptationCgu>\n 1 \n</l:acceptationCgu></l:conditions>"
)
EDGES = {
    "follow": (request("suivreLot", INDEX), "ERR_WS_031"),
    "list": (request("listerDemandesLot", f"{INDEX}<l:aPartirDe>{LONG}</l:aPartirDe>"), "ERR_WS_031"),
    "cancel a lot": (request("annulerLot", INDEX), "ERR_WS_031"),
    "cancel": (request("annulerDemande", NUMERO), "ERR_WS_032"),
    "read": (request("consulterDemande", NUMERO), "ERR_WS_032"),
    "withdraw": (request("retirerDemande", NUMERO + CONDITIONS), "ERR_WS_032"),
    "withdraw a page": (request("retirerPageLot", f"{INDEX}{CONDITIONS}<l:aPartirDe>{LONG}</l:aPartirDe>"), "ERR_WS_031"),
    "search a number": (request("rechercherDemandes", f"<l:criteres>{NUMERO}</l:criteres>"), None),
    "search a lot": (request("rechercherDemandes", f"<l:criteres>{INDEX}</l:criteres>"), None),
    "search a lot's produits": (request("rechercherProduits", f"<l:criteres>{INDEX}</l:criteres>"), None),
    "read a produit": (request("consulterProduit", f"<l:numeroProduit>{LONG}</l:numeroProduit>"), "ERR_WS_032"),
    "download": (request("telechargerCertificat", f"<l:numeroProduit>{LONG}</l:numeroProduit>"), "ERR_WS_032"),
}  # fmt: skip
AFTER = [LONG, -LONG - 1, 2**31, 2**31 - 1, -(2**31) - 1, 0]


@pytest.mark.long
@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize("case", EDGES)
def test_the_largest_numbers(door: Door, case: str, version: SoapVersion) -> None:
    body, code = EDGES[case]
    status, content = door.post(envelope(body, version), version=version)
    if code is None:
        (page,) = body_of(content, version)
        assert (status, [child.text for child in page]) == (200, ["0"])  # nombre
    else:
        assert fault_of(content, version)["code"] == code


def test_pages_after_any_number(door: Door) -> None:
    world = door.world
    index = world.issued(*world.forms(2), reference="bornes")
    named = f"<l:indexLot>{index}</l:indexLot>"
    for after in AFTER:
        start = f"<l:aPartirDe>{after}</l:aPartirDe>"
        status, content = door.post(envelope(request("listerDemandesLot", named + start)))
        assert status == 200, (after, content)
        assert len(body_of(content).findall(".//{*}demande")) == (2 if after <= 0 else 0)
        status, content = door.post(envelope(request("retirerPageLot", named + CONDITIONS + start)))
        assert status == 200, (after, content)
        status, content = door.post(envelope(request("rechercherDemandes", f"<l:criteres>{named}</l:criteres>{start}")))
        assert status == 200, (after, content)


@pytest.mark.parametrize("version", SoapVersion)
def test_every_form_and_a_type_on_everything(door: Door, version: SoapVersion) -> None:
    fields = as_item(door.world.form("ORG_SIGN", 1))
    fields["csr"] = "\n" + base64.encodebytes(csr(1)).decode() + "\n"
    given = [
        f'<l:{name} xsi:type="l:{TYPES[name]}">{value}</l:{name}>'
        for name, value in fields.items()
        if value and name in TYPES
    ]
    deposit = lot(f'<l:demande {XSI} xsi:type="l:DemandeCertificat">{"".join(given)}</l:demande>')
    status, content = door.post(envelope(deposit, version), version=version)
    assert status == 200, content
    index = body_of(content, version).findtext(".//{*}indexLot")
    door.world.run_batch()
    typed = f'<l:indexLot {XSI} xsi:type="l:IndexLot"> +{ZEROS}{index}\n</l:indexLot>'
    status, content = door.post(envelope(request("retirerPageLot", typed + CONDITIONS), version), version=version)
    assert status == 200, content
    page = body_of(content, version)
    assert len(page.findall(".//{*}retrait")) == 1
