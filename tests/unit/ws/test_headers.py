"""Header blocks: by whom they are to be read, which must be understood, and that security is never passed over."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import V11, V12, body_of, envelope, fault_of, item, lot
from tests.unit.ws.test_attacks import BOTH, refused
from ws.contract.names import SoapVersion, contract_tag

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
ROLE = {V11: "actor", V12: "role"}
NEXT = {V11: "http://schemas.xmlsoap.org/soap/actor/next", V12: f"{V12.namespace}/role/next"}
ULTIMATE, NONE = f"{V12.namespace}/role/ultimateReceiver", f"{V12.namespace}/role/none"
FOR_US: list[tuple[SoapVersion, str | None]] = [
    *[(version, role) for version in SoapVersion for role in (None, "", " ", NEXT[version], f"\n {NEXT[version]} ")],
    (V12, ULTIMATE),
]
FOR_OTHERS = [
    *[(version, role) for version in SoapVersion for role in ("urn:mandataire", "next", NEXT[version] + "/", "none")],
    (V12, NONE),
    (V12, NEXT[V11]),
    (V11, NEXT[V12]),
    (V11, ULTIMATE),
]


def block(
    version: SoapVersion,
    *,
    role: str | None = None,
    name: str = "w:Routage",
    must: str | None = "1",
    content: str = "",
) -> str:
    """A header block of a foreign namespace."""
    attributes = "" if role is None else f' s:{ROLE[version]}="{role}"'
    attributes += "" if must is None else f' s:mustUnderstand="{must}"'
    return f'<{name} xmlns:w="urn:w" xmlns:wsse="{WSSE}"{attributes}>{content}</{name}>'


def accepted(canal: Canal, message: bytes, version: SoapVersion) -> None:
    status, content = canal.post(message, version)
    assert status == 200, content
    body_of(content, version)
    assert len(canal.desk.kept) == 1


@BOTH
@pytest.mark.parametrize("value", ["1", "true", " 1 ", "yes", "TRUE", ""])
def test_a_required_header_is_never_skipped(canal: Canal, version: SoapVersion, value: str) -> None:
    fault = refused(canal, envelope(lot(item(1)), version, block(version, must=value)), "ERR_WS_007", version)
    assert fault["side"] == "MustUnderstand"


@pytest.mark.parametrize(("version", "role"), FOR_US)
def test_a_required_header_for_us_is_refused_however_we_are_named(
    canal: Canal, version: SoapVersion, role: str | None
) -> None:
    message = envelope(lot(item(1)), version, block(version, role=role))
    assert refused(canal, message, "ERR_WS_007", version)["side"] == "MustUnderstand"


@pytest.mark.parametrize(("version", "role"), FOR_OTHERS)
@pytest.mark.parametrize("name", ["w:Routage", "wsse:Security"])
def test_a_required_header_for_somebody_else_is_passed_over(
    canal: Canal, version: SoapVersion, role: str, name: str
) -> None:
    accepted(canal, envelope(lot(item(1)), version, block(version, role=role, name=name)), version)


@BOTH
@pytest.mark.parametrize("must", ["0", "false", " 0 ", None])
def test_an_optional_header_is_passed_over(canal: Canal, version: SoapVersion, must: str | None) -> None:
    accepted(canal, envelope(lot(item(1)), version, block(version, must=must) * 2), version)


def test_attributes_of_the_other_version_or_deeper_down_mean_nothing(canal: Canal) -> None:
    other = f'<w:a xmlns:w="urn:w" xmlns:o="{V12.namespace}" o:mustUnderstand="1" mustUnderstand="1"/>'
    deeper = '<w:a xmlns:w="urn:w"><w:b s:mustUnderstand="1"/></w:a>'
    accepted(canal, envelope(lot(item(1)), V11, other + deeper), V11)


def test_soap_1_2_names_what_was_not_understood(canal: Canal) -> None:
    blocks = (
        block(V12, name="w:Routage"),
        block(V12, name="w:Facultatif", must="0"),
        block(V12, name="w:Ailleurs", role="urn:x"),
        f'<Sans s:mustUnderstand="true"/><wsse:Security xmlns:wsse="{WSSE}" s:mustUnderstand="1"/>',
    )
    fault_of(content := canal.post(envelope(lot(item(1)), V12, "".join(blocks)), V12)[1], V12)
    told = etree.fromstring(content).findall(f"{V12.tag('Header')}/{V12.tag('NotUnderstood')}")
    names: list[tuple[str | None, str]] = []
    for one in told:
        prefix, _, local = one.get("qname", "").rpartition(":")
        names.append((one.nsmap[prefix] if prefix else None, local))
    assert names == [("urn:w", "Routage"), (None, "Sans"), (WSSE, "Security")]
    assert all(list(one.attrib) == ["qname"] and len(one) == 0 for one in told)


@pytest.mark.parametrize("must", ["1", None], ids=["must be understood", "security"])
def test_soap_1_1_tells_of_headers_in_a_header(canal: Canal, must: str | None) -> None:
    """SOAP 1.1 §4.4: no detail where the fault is not about the Body; what more there is to say is a header block."""
    content = canal.post(envelope(lot(item(1)), V11, block(V11, name="wsse:Security", must=must)))[1]
    header, body = etree.fromstring(content)
    assert [block.tag for block in header] == [contract_tag("messageRefuse")]
    assert header[0].findtext(contract_tag("code")) == ("ERR_WS_007" if must else "ERR_WS_013")
    assert [child.tag for child in body[0]] == ["faultcode", "faultstring"]


@pytest.mark.parametrize("blocks", [block(V12) * 5000, block(V12, name=f"w:{'a' * 9000}") * 3], ids=["many", "long"])
def test_an_answer_does_not_grow_with_the_blocks_it_names(canal: Canal, blocks: str) -> None:
    content = canal.post(envelope(lot(item(1)), V12, blocks), V12)[1]
    assert fault_of(content, V12)["code"] == "ERR_WS_007"
    assert len(content) < 4000


SECURITY = {
    "wsse": block(V11, name="wsse:Security", must=None),
    "optional": block(V11, name="wsse:Security", must="0"),
    "draft": '<s2:Security xmlns:s2="http://schemas.xmlsoap.org/ws/2002/12/secext"/>',
    "false signature": block(
        V11,
        name="wsse:Security",
        must=None,
        content='<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>',
    ),
    "bare signature": '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>',
    "encrypted": '<x:EncryptedData xmlns:x="http://www.w3.org/2001/04/xmlenc#"/>',
    "wss 1.1": '<w:EncryptedHeader xmlns:w="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"/>',
    "of no known namespace": '<w:Security xmlns:w="urn:w"/>',
    "last of many": block(V11, must="0") * 3 + '<w:Security xmlns:w="urn:w"/>',
}


@BOTH
@pytest.mark.parametrize("case", SECURITY)
def test_security_is_refused_until_it_is_read(canal: Canal, version: SoapVersion, case: str) -> None:
    fault = refused(canal, envelope(lot(item(1)), version, SECURITY[case]), "ERR_WS_013", version)
    assert (fault["fault"], fault["side"]) == ("messageRefuse", version.sender)


@BOTH
def test_security_that_must_be_understood_is_told_in_the_words_of_soap(canal: Canal, version: SoapVersion) -> None:
    header = block(version, name="wsse:Security", must="1")
    assert refused(canal, envelope(lot(item(1)), version, header), "ERR_WS_007", version)["side"] == "MustUnderstand"
