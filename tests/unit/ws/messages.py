"""SOAP messages written by hand, good and bad."""

from __future__ import annotations

import base64
from functools import lru_cache

from lxml import etree

from tests.support.assertions import the
from ws.contract.files import SCHEMA_FILE
from ws.contract.names import CONTRACT_NS, SoapVersion, contract_tag

SCHEMA = etree.XMLSchema(etree.parse(SCHEMA_FILE))
CSR = base64.b64encode(bytes(range(256)) * 3).decode()
V11, V12 = SoapVersion.V11, SoapVersion.V12
ANSWERED_HEADERS = {V12.tag("NotUnderstood"), V12.tag("Upgrade"), contract_tag("messageRefuse")}


def item(number: int = 1, *, csr: str = CSR, more: str = "") -> str:
    return (
        f"<l:demande><l:reference>ref-{number}</l:reference><l:offre>ORG</l:offre><l:usage>AUTH_CLI</l:usage>"
        f"<l:structure>10B0039137</l:structure><l:serviceApplicatif>dossier-{number}</l:serviceApplicatif>"
        f"<l:emailActeur>gestion@chu-exemple.fr</l:emailActeur>{more}<l:csr>{csr}</l:csr></l:demande>"
    )


def lot(*items: str, operation: str = "deposerLot", reference: str = "lot-1") -> str:
    return request(operation, f"<l:lot><l:reference>{reference}</l:reference>{''.join(items)}</l:lot>")


def request(operation: str, content: str = "", attributes: str = "") -> str:
    return f'<l:{operation} xmlns:l="{CONTRACT_NS}"{attributes}>{content}</l:{operation}>'


def envelope(body: str, version: SoapVersion = V11, header: str = "", prolog: str = "") -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return (f'{prolog}<s:Envelope xmlns:s="{version.namespace}">{head}<s:Body>{body}</s:Body></s:Envelope>').encode()


@lru_cache(maxsize=2)
def big_lot(count: int, reference: str = "grand") -> bytes:
    return envelope(lot(*[item(n) for n in range(1, count + 1)], reference=reference))


def body_of(answer: bytes, version: SoapVersion = V11) -> etree._Element:
    """The one child of the Body; anything that is not a fault must be valid against the published schema."""
    root = etree.fromstring(answer)
    assert root.tag == version.tag("Envelope")
    parts = list(root)
    if parts[0].tag == version.tag("Header"):
        assert {block.tag for block in parts.pop(0)} <= ANSWERED_HEADERS
    assert [child.tag for child in parts] == [version.tag("Body")]
    assert len(parts[0]) == 1
    child = parts[0][0]
    if child.tag != version.tag("Fault"):
        SCHEMA.assertValid(child)
    return child


def faults_of(answer: bytes, version: SoapVersion = V11) -> list[dict[str, str]]:
    """Every ``faute`` of a refused message, in order; the whole was checked against the schema."""
    fault_of(answer, version)
    return [
        {etree.QName(child).localname: child.text or "" for child in faute}
        for faute in etree.fromstring(answer).iter(contract_tag("faute"))
    ]


def fault_of(answer: bytes, version: SoapVersion = V11) -> dict[str, str]:
    """Members of the one contract element of a fault, with its name and the fault code; checked against the schema.

    It stands in the detail or, where the fault is not about the Body, in the Header of SOAP 1.1.
    """
    fault = body_of(answer, version)
    assert fault.tag == version.tag("Fault"), etree.tostring(fault)
    if version is V11:
        assert [child.tag for child in fault][:2] == ["faultcode", "faultstring"]
        code, reason = fault.findtext("faultcode", ""), fault.findtext("faultstring")
        found = fault.find("detail")
        if found is None:
            found = fault.getroottree().find(version.tag("Header"))
    else:
        assert [etree.QName(child).localname for child in fault] == ["Code", "Reason", "Detail"]
        code = fault.findtext(f"{version.tag('Code')}/{version.tag('Value')}", "")
        reason = fault.findtext(f"{version.tag('Reason')}/{version.tag('Text')}")
        found = fault.find(version.tag("Detail"))
    typed = [block for block in the(found, "the detail of the fault") if etree.QName(block).namespace == CONTRACT_NS]
    assert len(typed) == 1
    SCHEMA.assertValid(typed[0])
    prefix, _, name = code.partition(":")
    assert fault.nsmap[prefix] == version.namespace
    members = {etree.QName(child).localname: child.text or "" for child in typed[0]}
    # The code stands in front: some stacks show nothing else of a fault.
    assert f"{members['code']} : {members['texte']}" == reason
    return {"fault": etree.QName(typed[0]).localname, "side": name, **members}
