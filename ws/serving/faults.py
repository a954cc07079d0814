"""The one table from errors to SOAP faults, and their rendering in both versions.

Every fault has exactly one element of the contract, inside its detail or, where SOAP 1.1 forbids one, as a header
block; nothing of the request is ever repeated beyond what the catalogue's texts and ``gates.findings`` take in.
"""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Mapping

import structlog
from lxml import etree

from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from ws.contract.names import CONTRACT_NS, TIERS, XML_NS, SoapVersion, contract_tag
from ws.gates.findings import Finding, MessageRefusedError

log = structlog.get_logger()

_TECHNICAL = frozenset({Code.INTERNAL, Code.BUSY, Code.REVOCATION_STATUS_UNAVAILABLE})
"""Codes for which the service, not the message, is at fault: the same call may be repeated."""

_REPEATABLE = _TECHNICAL | {Code.NOT_READY, Code.DIRECTORY_AWAY}
"""Codes of what passes: the same call, unchanged, may succeed later."""

_BY_CLASS: tuple[tuple[type[IgcError], str], ...] = (
    (AccessError, "accesRefuse"),
    (NotFoundError, "introuvable"),
    (ConflictError, "conflit"),
    (IgcError, "messageRefuse"),
)

_SHOWN = 512
"""Characters of a header block's qualified name beyond which it is not repeated to its sender."""

_OWN_FAULT_CODES = {Code.MUST_UNDERSTAND: "MustUnderstand", Code.VERSION_MISMATCH: "VersionMismatch"}
"""Fault codes that SOAP itself gives for a cause (SOAP 1.1 §4.4.1, SOAP 1.2 part 1 §5.4.6)."""

_NOT_OF_THE_BODY = frozenset({Code.MUST_UNDERSTAND, Code.SECURITY_HEADER, Code.VERSION_MISMATCH})
"""Causes outside of the Body, which a detail of SOAP 1.1 must not tell: header blocks do (SOAP 1.1 §4.4)."""


def fault_name(error: IgcError) -> str:
    """The element of the contract that carries this error."""
    if error.code in _TECHNICAL:
        return "erreurTechnique"
    return next(name for kind, name in _BY_CLASS if isinstance(error, kind))


def as_igc_error(error: BaseException) -> IgcError:
    """The error itself when it is one of ours; anything else becomes INTERNAL with an incident number in the log.

    The log gets the kinds of exception and where they came from; their messages, and all values, may be the caller's.
    """
    if isinstance(error, IgcError):
        return error
    incident = uuid.uuid4().hex[:12]
    log.error("ws incident", incident=incident, **_trace(error))
    return IgcError(Code.INTERNAL, incident=incident)


def _trace(error: BaseException) -> dict[str, str]:
    kinds: list[str] = []
    frames: list[str] = []
    current: BaseException | None = error
    while current is not None:
        kinds.append(type(current).__qualname__)
        frames.extend(
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(current.__traceback__)
        )
        current = current.__cause__ or current.__context__
    return {"exception": " < ".join(kinds), "frames": "\n".join(frames)}


def append_fault(parent: etree._Element, error: IgcError, version: SoapVersion) -> None:
    """Put the fault under a Body (SOAP 1.1 §4.4, SOAP 1.2 part 1 §5.4)."""
    ours = error.code not in _TECHNICAL
    name = _OWN_FAULT_CODES.get(error.code) or (version.sender if ours else version.receiver)
    fault = etree.SubElement(parent, version.tag("Fault"))
    if version is SoapVersion.V11:
        _text(fault, "faultcode", _qualified(fault, version, name))
        _text(fault, "faultstring", _told(error)).set(f"{{{XML_NS}}}lang", "fr")
        if _is_of_the_body(error):
            _append_typed(etree.SubElement(fault, "detail"), error)
    else:
        code = etree.SubElement(fault, version.tag("Code"))
        _text(code, version.tag("Value"), _qualified(fault, version, name))
        reason = etree.SubElement(fault, version.tag("Reason"))
        _text(reason, version.tag("Text"), _told(error)).set(f"{{{XML_NS}}}lang", "fr")
        _append_typed(etree.SubElement(fault, version.tag("Detail")), error)


def _is_of_the_body(error: IgcError) -> bool:
    """Whether a detail tells it: also that nobody does in this name what the Body asks, which the block only names."""
    return error.code not in _NOT_OF_THE_BODY and not (error.code is Code.ENVELOPE and error.champ == TIERS)


def _told(error: IgcError) -> str:
    """The text with its code in front: some stacks show nothing else of a fault."""
    return f"{error.code.value} : {error.text}"


def render_fault(error: IgcError, version: SoapVersion) -> bytes:
    """A whole message with this fault, for what is refused before the operation is known."""
    envelope = etree.Element(version.tag("Envelope"), nsmap={"soap": version.namespace})
    header = etree.SubElement(envelope, version.tag("Header"))
    _append_not_understood(header, error, version)
    if error.code is Code.VERSION_MISMATCH:
        _append_upgrade(header)
    if version is SoapVersion.V11 and not _is_of_the_body(error):
        _append_typed(header, error)
    if not len(header):
        envelope.remove(header)
    append_fault(etree.SubElement(envelope, version.tag("Body")), error, version)
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def _append_upgrade(header: etree._Element) -> None:
    """The envelopes that are understood, the preferred one first; in both versions (SOAP 1.2 part 1 §5.4.7, app. A)."""
    upgrade = etree.SubElement(header, SoapVersion.V12.tag("Upgrade"), nsmap={"env": SoapVersion.V12.namespace})
    for version in SoapVersion:
        supported = etree.SubElement(
            upgrade, SoapVersion.V12.tag("SupportedEnvelope"), nsmap={"known": version.namespace}
        )
        supported.set("qname", "known:Envelope")


def _append_not_understood(header: etree._Element, error: IgcError, version: SoapVersion) -> None:
    """The blocks that had to be understood, by name (SOAP 1.2 part 1 §5.4.8); SOAP 1.1 has no word for it."""
    told = error.data.get("not_understood")
    names = [name for name in told if len(name) <= _SHOWN] if isinstance(told, tuple) else []
    if version is not SoapVersion.V12 or not names:
        return
    for name in names:
        block = etree.QName(name)
        nsmap = {"b": block.namespace} if block.namespace else None
        element = etree.SubElement(header, version.tag("NotUnderstood"), nsmap=nsmap)
        element.set("qname", f"b:{block.localname}" if block.namespace else block.localname)


def _append_typed(parent: etree._Element, error: IgcError) -> None:
    """Our own element: code, text, whether the same call may succeed later, place, and the faults of a message."""
    element = etree.SubElement(parent, contract_tag(fault_name(error)), nsmap={"igc": CONTRACT_NS})
    members = {
        "code": error.code.value,
        "texte": error.text,
        "repetable": "true" if error.code in _REPEATABLE else "false",
        "position": error.position,
        "champ": error.champ,
        "incident": error.data.get("incident"),
    }
    _members(element, members)
    if isinstance(error, MessageRefusedError):
        for finding in error.findings:
            _append_finding(element, finding)
        if error.more:
            _text(element, contract_tag("autresFautes"), str(error.more))


def _append_finding(parent: etree._Element, finding: Finding) -> None:
    members = {
        "code": finding.code.value,
        "position": finding.position,
        "champ": finding.champ,
        "texte": finding.texte,
        "valeur": finding.valeur,
        "forme": finding.forme,
    }
    _members(etree.SubElement(parent, contract_tag("faute")), members)


def _members(element: etree._Element, members: Mapping[str, object]) -> None:
    for name, value in members.items():
        if value is not None:
            _text(element, contract_tag(name), str(value))


def _qualified(element: etree._Element, version: SoapVersion, name: str) -> str:
    prefix = next(prefix for prefix, namespace in element.nsmap.items() if namespace == version.namespace)
    return f"{prefix}:{name}" if prefix else name


def _text(parent: etree._Element, tag: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, tag)
    element.text = text
    return element
