"""SOAP messages written by hand, good and bad."""

from __future__ import annotations

import base64
from functools import lru_cache

from lxml import etree

from ws.contract_files import SCHEMA_FILE
from ws.soap import CONTRACT_NS, SoapVersion

SCHEMA = etree.XMLSchema(etree.parse(SCHEMA_FILE))
CSR = base64.b64encode(bytes(range(256)) * 3).decode()
V11, V12 = SoapVersion.V11, SoapVersion.V12


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
    assert [child.tag for child in root] == [version.tag("Body")]
    assert len(root[0]) == 1
    child = root[0][0]
    if child.tag != version.tag("Fault"):
        SCHEMA.assertValid(child)
    return child


def fault_of(answer: bytes, version: SoapVersion = V11) -> dict[str, str]:
    """Members of the one contract element in the detail, with its name and the fault code; checked against the schema."""
    fault = body_of(answer, version)
    assert fault.tag == version.tag("Fault"), etree.tostring(fault)
    if version is V11:
        assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
        code, reason = fault.findtext("faultcode"), fault.findtext("faultstring")
        detail = fault.find("detail")
    else:
        assert [etree.QName(child).localname for child in fault] == ["Code", "Reason", "Detail"]
        code = fault.findtext(f"{version.tag('Code')}/{version.tag('Value')}")
        reason = fault.findtext(f"{version.tag('Reason')}/{version.tag('Text')}")
        detail = fault.find(version.tag("Detail"))
    assert len(detail) == 1
    SCHEMA.assertValid(detail[0])
    prefix, _, name = code.partition(":")
    assert fault.nsmap[prefix] == version.namespace
    members = {etree.QName(child).localname: child.text for child in detail[0]}
    assert members["texte"] == reason
    return {"fault": etree.QName(detail[0]).localname, "side": name, **members}
