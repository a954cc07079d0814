"""Envelopes of another version than announced, or of none: VersionMismatch, and which envelopes are understood."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import V11, V12, body_of, envelope, fault_of, item, lot, request
from ws.contract.files import ENDPOINT
from ws.contract.names import SoapVersion

GOOD = {version: envelope(lot(item(1)), version) for version in SoapVersion}
FOREIGN = {
    "unknown namespace": b'<s:Envelope xmlns:s="urn:autre"><s:Body/></s:Envelope>',
    "no namespace": b"<Envelope><Body/></Envelope>",
    "a later version": GOOD[V12].replace(V12.namespace.encode(), b"http://www.w3.org/2031/01/soap-envelope"),
    "a draft of 1.2": GOOD[V12].replace(V12.namespace.encode(), b"http://www.w3.org/2001/12/soap-envelope"),
    "a namespace without end": b'<s:Envelope xmlns:s="urn:%b"/>' % (b"a" * 40_000),
    "header to be understood": (
        b'<s:Envelope xmlns:s="urn:autre"><s:Header><w xmlns="urn:w" s:mustUnderstand="1"/></s:Header></s:Envelope>'
    ),
}


def mismatch(canal: Canal, message: bytes, announced: SoapVersion, answered: SoapVersion) -> None:
    """The fault of both specifications, in the version to answer in, with the code of ours and an Upgrade."""
    status, headers, content = canal.exchange("POST", ENDPOINT, message, {"Content-Type": announced.content_type})
    assert (status, headers["content-type"]) == (500, answered.content_type)
    fault = fault_of(content, answered)
    assert (fault["code"], fault["side"], fault["fault"]) == ("ERR_WS_014", "VersionMismatch", "messageRefuse")
    assert understood(content, answered) == [V11.tag("Envelope"), V12.tag("Envelope")]
    assert len(content) < 2500
    assert set(canal.desk.calls) <= {"identify"}
    assert canal.desk.kept == {}


def understood(content: bytes, answered: SoapVersion) -> list[str]:
    """The qualified names that the Upgrade block lists (SOAP 1.2 part 1 §5.4.7)."""
    (upgrade,) = etree.fromstring(content).findall(f"{answered.tag('Header')}/{V12.tag('Upgrade')}")
    assert {child.tag for child in upgrade} == {V12.tag("SupportedEnvelope")}
    names = []
    for child in upgrade:
        prefix, _, local = child.get("qname", "").partition(":")
        names.append(f"{{{child.nsmap[prefix]}}}{local}")
    return names


@pytest.mark.parametrize("announced", SoapVersion, ids=["soap11", "soap12"])
@pytest.mark.parametrize("case", FOREIGN)
def test_an_envelope_of_no_known_version(canal: Canal, announced: SoapVersion, case: str) -> None:
    mismatch(canal, FOREIGN[case], announced, announced)


@pytest.mark.parametrize("announced", SoapVersion, ids=["soap11", "soap12"])
def test_an_envelope_of_the_other_version_is_answered_in_soap_1_1(canal: Canal, announced: SoapVersion) -> None:
    """Appendix A of SOAP 1.2: who wrote SOAP 1.1 reads no other answer, who received text/xml gives no other one."""
    other = V12 if announced is V11 else V11
    mismatch(canal, GOOD[other], announced, V11)


def test_soap_1_1_has_no_detail_for_it(canal: Canal) -> None:
    fault = body_of(canal.post(FOREIGN["unknown namespace"])[1])
    assert [child.tag for child in fault] == ["faultcode", "faultstring"]


@pytest.mark.parametrize(
    "root", [b"<a/>", lot(item(1)).encode(), b'<s:Enveloppe xmlns:s="%b"/>' % V12.namespace.encode()]
)
def test_soap_1_2_expects_the_whole_name(canal: Canal, root: bytes) -> None:
    """SOAP 1.2 part 1 §5.4.6: namespace, local name or both. In SOAP 1.1 a root of another name is no version."""
    mismatch(canal, root, V12, V12)
    assert fault_of(canal.post(root)[1])["code"] == "ERR_WS_006"


def test_the_service_goes_on(canal: Canal) -> None:
    for announced in SoapVersion:
        canal.post(FOREIGN["unknown namespace"], announced)
        status, content = canal.post(envelope(request("consulterService"), announced), announced)
        assert status == 200
        body_of(content, announced)
