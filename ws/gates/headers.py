"""Header blocks, of which the contract knows one, ``pourLeCompteDe``; what must be understood besides is refused.

So is what would be security. A block that another node is to read, or that its sender lets us skip, is passed over,
unless it may have been meant as ours: an act in the place of a third party is never done in one's own name instead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.forms import SPACES, Value
from ws.contract.model import Shape, elements
from ws.contract.names import CONTRACT_NS, TIERS, XSI_NS, SoapVersion, contract_tag
from ws.gates.content import find_misfits
from ws.gates.places import local_name, shown_name
from ws.gates.values import canonical_text

_MAX_NAMED = 8
_TIERS_TAG = contract_tag(TIERS)
_NIL = f"{{{XSI_NS}}}nil"
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


def judge_headers(header: etree._Element, version: SoapVersion) -> str | None:
    """The number of the third party in whose place the sender acts; None when he acts for himself.

    The number is not judged here. Whoever acts for nobody writes no block, or one that is nil, as stacks do that know a
    header of the WSDL and not that it may be absent; an empty one is a wrong number.
    IgcError: ERR_WS_006 for a block of this name that comes twice, is of another namespace or is more than a number,
    and for any other block of the contract's namespace. ERR_WS_007 for a block that must be understood (SOAP 1.1
    §4.2.3, SOAP 1.2 part 1 §5.2.3), with the names of such blocks in its data, the first few if they are many.
    ERR_WS_013 for one of security: to skip it would be to believe without having looked.
    """
    ours = [block for block in header.iterchildren("*") if _is_for_us(block, version)]
    others = [block for block in ours if block.tag != _TIERS_TAG]
    required = tuple(islice((block.tag for block in others if _is_required(block, version)), _MAX_NAMED))
    if required:
        raise IgcError(Code.MUST_UNDERSTAND, not_understood=required)
    if any(_is_security(block) for block in others):
        raise IgcError(Code.SECURITY_HEADER)
    for block in others:
        _refuse_near(block)
    return _tiers([block for block in ours if block.tag == _TIERS_TAG], version)


def _refuse_near(block: etree._Element) -> None:
    """Refuse what its sender may have taken for our block: its name elsewhere, another name in our namespace."""
    if etree.QName(block).namespace == CONTRACT_NS:
        _refuse(f"l'en-tête « {shown_name(block)} » n'existe pas ; le seul du contrat est {TIERS}.")
    if local_name(block).lower() == TIERS.lower():
        _refuse(f"l'en-tête {TIERS} est de l'espace de noms {CONTRACT_NS}.")


def _tiers(blocks: Sequence[etree._Element], version: SoapVersion) -> str | None:
    if not blocks:
        return None
    if len(blocks) > 1:
        _refuse(f"l'en-tête {TIERS} est présent {len(blocks)} fois, 1 au plus.")
    (block,) = blocks
    _check_attributes(block, {version.namespace, XSI_NS})
    if block.get(_NIL, "false").strip(SPACES) not in {"false", "0"}:
        if len(block) or _has_text(block):
            _refuse(f"l'en-tête {TIERS} est à la fois nul (xsi:nil) et rempli.")
        return None
    return _number(block)


def _number(block: etree._Element) -> str:
    """What its one member says."""
    shape = elements()[block.tag]
    misfit = next(find_misfits(block, shape), None) if isinstance(shape, Shape) else None
    if misfit is not None:
        _refuse(f"dans l'en-tête {TIERS}, « {misfit.champ} » : {misfit.reason}")
    (leaf,) = block.iterchildren("*")
    _check_attributes(leaf, {XSI_NS})
    if len(leaf) or leaf.get(_NIL) is not None or _has_text(block):
        _refuse(f"l'en-tête {TIERS} contient un numéro et rien d'autre.")
    return canonical_text(leaf, Value.TEXT).strip(SPACES)


def _check_attributes(element: etree._Element, namespaces: Collection[str]) -> None:
    if any(etree.QName(str(name)).namespace not in namespaces for name in element.attrib):
        _refuse(f"l'en-tête {TIERS} a un attribut non permis.")


def _has_text(block: etree._Element) -> bool:
    texts = [block.text, *(child.tail for child in block)]
    return any(text and text.strip(SPACES) for text in texts)


def _refuse(raison: str) -> NoReturn:
    raise IgcError(Code.ENVELOPE, champ=TIERS, raison=raison)


def _is_for_us(block: etree._Element, version: SoapVersion) -> bool:
    role = block.get(version.tag(_ROLE_ATTRIBUTE[version]), "")
    return role.strip() in _OUR_ROLES[version]


def _is_required(block: etree._Element, version: SoapVersion) -> bool:
    """Whether the block must be understood; a value that SOAP does not know is taken for yes."""
    return block.get(version.tag("mustUnderstand"), "0").strip() not in ("0", "false")


def _is_security(block: etree._Element) -> bool:
    namespace = etree.QName(block).namespace or ""
    return local_name(block) in _SECURITY_NAMES or namespace.startswith(_SECURITY_NAMESPACES)
