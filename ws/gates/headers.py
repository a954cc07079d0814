"""Header blocks, of which the contract knows none: what must be understood is refused, what would be security too.

A block that another node is to read, or that its sender lets us skip, is passed over.
"""

from __future__ import annotations

from itertools import islice

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.names import SoapVersion
from ws.gates.places import local_name

_MAX_NAMED = 8
_ROLE_ATTRIBUTE = {SoapVersion.V11: "actor", SoapVersion.V12: "role"}
# Absent and empty both mean the ultimate receiver (SOAP 1.1 §4.2.2, SOAP 1.2 part 1 §5.2.2). "none" is nobody's.
_OUR_ROLES = {
    SoapVersion.V11: ("", "http://schemas.xmlsoap.org/soap/actor/next"),
    SoapVersion.V12: (
        "",
        f"{SoapVersion.V12.namespace}/role/next",
        f"{SoapVersion.V12.namespace}/role/ultimateReceiver",
    ),
}
_SECURITY_NAMES = frozenset({"Security", "Signature", "EncryptedHeader", "EncryptedData", "EncryptedKey"})
_SECURITY_NAMESPACES = (
    "http://docs.oasis-open.org/wss/",
    "http://schemas.xmlsoap.org/ws/2002/",
    "http://schemas.xmlsoap.org/ws/2003/06/secext",
    "http://www.w3.org/2000/09/xmldsig#",
    "http://www.w3.org/2001/04/xmlenc#",
)


def judge_headers(header: etree._Element, version: SoapVersion) -> None:
    """Pass when every block for us may be skipped.

    IgcError: ERR_WS_007 for one that must be understood (SOAP 1.1 §4.2.3, SOAP 1.2 part 1 §5.2.3), with the names of
    such blocks in its data, the first few if they are many. ERR_WS_013 for one of security: to skip it would be to
    believe without having looked.
    """
    ours = [block for block in header.iterchildren("*") if _is_for_us(block, version)]
    required = tuple(islice((block.tag for block in ours if _is_required(block, version)), _MAX_NAMED))
    if required:
        raise IgcError(Code.MUST_UNDERSTAND, not_understood=required)
    if any(_is_security(block) for block in ours):
        raise IgcError(Code.SECURITY_HEADER)


def _is_for_us(block: etree._Element, version: SoapVersion) -> bool:
    role = block.get(version.tag(_ROLE_ATTRIBUTE[version]), "")
    return role.strip() in _OUR_ROLES[version]


def _is_required(block: etree._Element, version: SoapVersion) -> bool:
    """Whether the block must be understood; a value that SOAP does not know is taken for yes."""
    return block.get(version.tag("mustUnderstand"), "0").strip() not in ("0", "false")


def _is_security(block: etree._Element) -> bool:
    namespace = etree.QName(block).namespace or ""
    return local_name(block) in _SECURITY_NAMES or namespace.startswith(_SECURITY_NAMESPACES)
