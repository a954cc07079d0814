"""The header block pourLeCompteDe: read once and strictly, by whoever it is for, and never passed over by mistake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from tests.unit.ws.conftest import Canal
from tests.unit.ws.desk import HELPED, TIERS
from tests.unit.ws.messages import V11, V12, big_lot, body_of, envelope, fault_of, item, lot, request
from tests.unit.ws.test_attacks import BOTH
from tests.unit.ws.test_headers import FOR_OTHERS, FOR_US, ROLE
from ws.contract.names import CONTRACT_NS, SoapVersion, contract_tag

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
OURS = f'xmlns:l="{CONTRACT_NS}"'


@pytest.fixture(autouse=True)
def helper(canal: Canal) -> Iterator[None]:
    """Who presents the certificate "client" may act for others."""
    canal.desk.administrateurs.add("CHU EXEMPLE")
    yield
    canal.desk.administrateurs.clear()


def number(content: str = TIERS, attributes: str = "") -> str:
    return f"<l:numeroNational {OURS} {attributes}>{content}</l:numeroNational>"


def block(content: str | None = None, attributes: str = "", name: str = "l:pourLeCompteDe") -> str:
    return f"<{name} {OURS} {attributes}>{number() if content is None else content}</{name}>"


def deposited(canal: Canal, header: str, version: SoapVersion = V11) -> tuple[str, str | None]:
    """Of whom the lot is that is deposited with this header, and who deposited it for him."""
    status, content = canal.post(envelope(lot(item(1)), version, header), version)
    assert status == 200, content
    body_of(content, version)
    ((origin, _, _),) = canal.desk.kept.values()
    return origin.acteur.libelle, None if origin.administrateur is None else origin.administrateur.libelle


IN_HIS_PLACE, HIMSELF = (HELPED.libelle, "CHU EXEMPLE"), ("CHU EXEMPLE", None)


def refused(canal: Canal, header: str, code: str, version: SoapVersion = V11, body: str = "") -> dict[str, str]:
    status, content = canal.post(envelope(body or lot(item(1)), version, header), version)
    fault = fault_of(content, version)
    assert (status, fault["code"], fault["champ"]) == (500, code, "pourLeCompteDe")
    assert canal.desk.kept == {}
    return fault


@BOTH
@pytest.mark.parametrize(
    "header",
    [
        block(),
        block(attributes='s:mustUnderstand="1"'),
        block(attributes='s:mustUnderstand="0"'),
        block(f"\n  <!-- tiers -->{number(f'{chr(10)} {TIERS}{chr(9)}')}\n"),
        block(number(attributes=f'{XSI} xsi:type="xs:string"')),
        block(attributes=f'{XSI} xsi:type="l:PourLeCompteDe"'),
        block(attributes=f'{XSI} xsi:nil="false"'),
        f'<w:Suivi xmlns:w="urn:w">{block(number(TIERS[::-1]))}</w:Suivi>{block()}',
        f'<pourLeCompteDe xmlns="{CONTRACT_NS}"><numeroNational>{TIERS}</numeroNational></pourLeCompteDe>',
    ],
)
def test_an_act_is_that_of_the_third_party(canal: Canal, version: SoapVersion, header: str) -> None:
    assert deposited(canal, header, version) == IN_HIS_PLACE


@pytest.mark.parametrize(("version", "role"), FOR_US)
def test_however_we_are_named(canal: Canal, version: SoapVersion, role: str | None) -> None:
    attributes = "" if role is None else f's:{ROLE[version]}="{role}"'
    assert deposited(canal, block(attributes=attributes), version) == IN_HIS_PLACE


@pytest.mark.parametrize(("version", "role"), FOR_OTHERS)
def test_one_for_somebody_else_is_passed_over(canal: Canal, version: SoapVersion, role: str) -> None:
    assert deposited(canal, block(attributes=f's:{ROLE[version]}="{role}"'), version) == HIMSELF


@BOTH
@pytest.mark.parametrize("nil", ["true", "1", " true "])
def test_a_nil_one_is_none(canal: Canal, version: SoapVersion, nil: str) -> None:
    assert deposited(canal, block("", f'{XSI} xsi:nil="{nil}"'), version) == HIMSELF


BROKEN = {
    "twice": block() * 2,
    "twice, once nil": block() + block("", f'{XSI} xsi:nil="true"'),
    "of no namespace": f"<pourLeCompteDe>{number()}</pourLeCompteDe>",
    "of another namespace": f'<x:pourLeCompteDe xmlns:x="urn:igc-exemple:lots:2.0">{number()}</x:pourLeCompteDe>',
    "of another case": block(name="l:PourLeCompteDe"),
    "of another case and namespace": f"<POURLECOMPTEDE>{number()}</POURLECOMPTEDE>",
    "another of ours": block(name="l:tiers"),
    "empty": block(""),
    "a bare number": block(TIERS),
    "two numbers": block(number() * 2),
    "another member": block(number() + "<l:structure>10B0990011</l:structure>"),
    "a member of no namespace": block(f"<numeroNational>{TIERS}</numeroNational>"),
    "text beside": block(f"{number()}{TIERS}"),
    "an element in the number": block(number(f"<l:x>{TIERS}</l:x>")),
    "a comment in the number": block(number(f"{TIERS[:5]}<!-- -->{TIERS[5:]}")),
    "an attribute": block(attributes='mode="large"'),
    "an attribute of the number": block(number(attributes='mode="large"')),
    "one of soap on the number": block(number(attributes='s:mustUnderstand="1"')),
    "a nil number": block(number("", f'{XSI} xsi:nil="true"')),
    "nil and filled": block(attributes=f'{XSI} xsi:nil="true"'),
    "nil with a text": block(TIERS, attributes=f'{XSI} xsi:nil="true"'),
}


@BOTH
@pytest.mark.parametrize("case", BROKEN)
def test_what_may_have_been_meant_is_never_done_in_ones_own_name(canal: Canal, version: SoapVersion, case: str) -> None:
    refused(canal, BROKEN[case], "ERR_WS_006", version)
    assert set(canal.desk.calls) <= {"identify"}


def test_a_broken_one_is_told_in_a_header_of_soap_1_1(canal: Canal) -> None:
    """SOAP 1.1 §4.4, as of every block; that nobody acts so is about what the Body asks, and stands in the detail."""
    header, body = etree.fromstring(canal.post(envelope(lot(item(1)), V11, block() * 2))[1])
    assert [one.tag for one in header] == [contract_tag("messageRefuse")]
    assert [one.tag for one in body[0]] == ["faultcode", "faultstring"]
    (body,) = etree.fromstring(canal.post(envelope(lot(item(1)), V11, block(number("1"))))[1])
    assert [one.tag for one in body[0]] == ["faultcode", "faultstring", "detail"]


@BOTH
@pytest.mark.parametrize("wrong", ["899700990999", "", " ", "<![CDATA[8' OR '1'='1]]>", "9" * 20_000, "\u0668\u0669"])
def test_a_wrong_number_is_018(canal: Canal, version: SoapVersion, wrong: str) -> None:
    assert refused(canal, block(number(wrong)), "ERR_IHM_018", version)["fault"] == "messageRefuse"


@BOTH
def test_who_is_not_named_is_026(canal: Canal, version: SoapVersion) -> None:
    canal.desk.administrateurs.clear()
    assert refused(canal, block(), "ERR_IHM_026", version)["fault"] == "accesRefuse"


def test_nothing_of_a_lot_is_read_before_its_sender_may_act(canal: Canal) -> None:
    canal.desk.administrateurs.clear()
    refused(canal, block(), "ERR_IHM_026", body=lot("<l:demande><l:rien/></l:demande>"))
    big = big_lot(200).replace(b"<s:Body>", f"<s:Header>{block()}</s:Header><s:Body>".encode(), 1)
    assert len(big) > 64 * 1024
    canal.desk.calls.clear()
    assert fault_of(canal.post(big)[1])["code"] == "ERR_IHM_026"
    assert canal.desk.calls == ["identify", "identify", f"act_for {TIERS}"]


def test_a_big_lot_is_the_third_partys_and_asked_again_when_it_is_read(canal: Canal) -> None:
    big = big_lot(200).replace(b"<s:Body>", f"<s:Header>{block()}</s:Header><s:Body>".encode(), 1)
    assert canal.post(big)[0] == 200
    assert canal.desk.kept[1][0].acteur == HELPED
    assert canal.desk.calls == ["identify", "identify", *[f"act_for {TIERS}"] * 2, "submit_lot"]


def test_a_write_asks_again_when_its_turn_has_come(canal: Canal) -> None:
    assert deposited(canal, block()) == IN_HIS_PLACE
    acts = [call for call in canal.desk.calls if call != "identify"]
    assert acts == [*[f"act_for {TIERS}"] * 2, "submit_lot"]


@BOTH
def test_the_service_says_both_names(canal: Canal, version: SoapVersion) -> None:
    answer = body_of(canal.post(envelope(request("consulterService"), version, block()), version)[1], version)
    assert (answer.findtext(".//{*}acteur"), answer.findtext(".//{*}administrateur")) == IN_HIS_PLACE
    answer = body_of(canal.post(envelope(request("consulterService"), version), version)[1], version)
    assert (answer.findtext(".//{*}acteur"), answer.findtext(".//{*}administrateur")) == HIMSELF


def test_an_envelope_of_1_2_with_a_role_of_1_1_is_not_for_us(canal: Canal) -> None:
    header = block(attributes=f's:role="{ROLE[V11]}" s:mustUnderstand="1"')
    assert deposited(canal, header, V12) == HIMSELF
