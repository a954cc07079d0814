"""From bytes that anyone may have sent to one request element: the only XML parser of the canal.

Nothing is resolved, fetched or expanded. What is refused here never reaches the schema, spyne or a use case; the
schema itself is the next gate (``ws.gates.schema``).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.names import Operation, SoapVersion
from ws.gates.headers import judge_headers

MAX_DEPTH = 40
MAX_NODES = (
    300_000  # elements and comments; 10 000 items with every field filled have 180 000. Each has one text at most
)
MAX_ATTRIBUTES = 400_000  # some stacks write xsi:type on every element; counted as "=" in the bytes, base64's included
MAX_ATTRIBUTES_PER_ELEMENT = 64
MAX_NAMESPACES = 256  # in scope at one place: every name of a type is looked for among them

_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "utf-16": "utf-16"}
_DECLARATION = re.compile(r"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BY_TAG = {operation.tag: operation for operation in Operation}
_TOO_COMPLEX = frozenset({"ERR_RESOURCE_LIMIT", "ERR_NAME_TOO_LONG", "ERR_NO_MEMORY", "ERR_INTERNAL_ERROR"})


@dataclass(frozen=True)
class Request:
    """One request: the operation asked for and its element, still inside the envelope.

    ``tiers`` is the number of the third party in whose place the sender acts, as he wrote it.
    """

    version: SoapVersion
    operation: Operation
    envelope: etree._Element
    body: etree._Element
    tiers: str | None = None


def read_request(
    chunks: Iterable[bytes], version: SoapVersion, *, charset: str | None = None, action: str | None = None
) -> Request:
    """Parse an envelope and find its request; IgcError (ERR_WS_001 to 003, 005 to 007, 012 to 014) for everything odd.

    ``charset`` is the parameter of Content-Type, ``action`` what SOAPAction or the action parameter named.
    """
    envelope = _Parser(charset).parse(chunks)
    body, tiers = _find_request(envelope, version)
    operation = _BY_TAG.get(body.tag)
    if operation is None:
        raise IgcError(Code.UNKNOWN_OPERATION)
    if action and action != operation.action:
        raise IgcError(Code.ENVELOPE, raison="l'action annoncée (SOAPAction) n'est pas celle du corps.")
    return Request(version, operation, envelope, body, tiers)


def read_document(chunks: Iterable[bytes]) -> etree._Element:
    """The root of a document that is kept in a file, by the same gate: ERR_WS_001 to 003, and 005.

    Where it stops, the error's data say at which ``ligne``, if anybody knows.
    """
    return _Parser(None).parse(chunks)


def find_request(envelope: etree._Element, version: SoapVersion) -> tuple[etree._Element, str | None]:
    """The one element of the Body, and the number of the third party; refused as ``read_request``."""
    return _find_request(envelope, version)


class _Parser:
    """An incremental parser with counters, for one message."""

    def __init__(self, charset: str | None) -> None:
        self._charset = charset
        self._depth = self._nodes = self._namespaces = self._equal_signs = 0
        self._in_prolog = True
        self._tail = b""
        self._lines = 0

    def parse(self, chunks: Iterable[bytes]) -> etree._Element:
        """The root element."""
        stream = iter(chunks)
        head = b""
        for chunk in stream:
            head += chunk
            if len(head) >= 256:  # noqa: PLR2004 -- enough for any XML declaration
                break
        encoding = _encoding_of(head, self._charset)
        parser: etree.XMLPullParser = etree.XMLPullParser(
            events=("start", "end", "comment", "pi", "start-ns", "end-ns"),
            encoding=encoding,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            collect_ids=False,
        )
        try:
            self._feed(parser, head, encoding)
            for chunk in stream:
                self._feed(parser, chunk, encoding)
            root = parser.close()
        except etree.XMLSyntaxError:
            # The exception's own log is shared by all parses of the thread; the parser's is not.
            log: Any = parser.feed_error_log
            if any(entry.type_name in _TOO_COMPLEX for entry in log):
                _refuse_complexity()
            raise IgcError(Code.XML_MALFORMED, ligne=log[-1].line if len(log) else None) from None
        self._count(parser)
        return root

    def _feed(self, parser: etree.XMLPullParser, chunk: bytes, encoding: str) -> None:
        if not chunk:
            return
        if self._in_prolog:
            self._refuse_doctype(chunk, encoding)
        # A start tag is given to the counters only when it is whole: bound its attributes beforehand.
        self._equal_signs += chunk.count(b"=")
        if self._equal_signs > MAX_ATTRIBUTES:
            _refuse_complexity()
        parser.feed(chunk)
        self._count(parser)

    def _refuse_doctype(self, chunk: bytes, encoding: str) -> None:
        """The parser would only tell after having read, and kept, the declarations; the word may be cut in two."""
        seen = self._tail + chunk
        if b"<!DOCTYPE" in (seen.replace(b"\0", b"") if encoding == "utf-16" else seen):
            raise IgcError(Code.DTD_FORBIDDEN, ligne=1 + self._lines + _lines_before_doctype(seen))
        self._lines += chunk.count(b"\n")
        self._tail = seen[-2 * len(b"<!DOCTYPE") :].replace(b"\n", b" ")

    def _count(self, parser: etree.XMLPullParser) -> None:
        """Look once at each node that has come; refused as soon as one is too many."""
        depth, elements = self._depth, 0
        events: Iterator[Any] = parser.read_events()
        for event, node in events:
            if event == "start":
                if self._in_prolog:
                    self._leave_prolog(node)
                elements += 1
                depth += 1
                if depth > MAX_DEPTH or len(node.attrib) > MAX_ATTRIBUTES_PER_ELEMENT:
                    _refuse_complexity()
            elif event == "end":
                depth -= 1
            else:
                self._count_other(event)
        self._depth = depth
        self._nodes += elements
        if self._nodes > MAX_NODES:
            _refuse_complexity()

    def _leave_prolog(self, root: etree._Element) -> None:
        self._in_prolog = False
        about: Any = root.getroottree().docinfo
        if about.doctype:
            raise IgcError(Code.DTD_FORBIDDEN)

    def _count_other(self, event: str) -> None:
        if event == "comment":
            self._nodes += 1
        elif event == "end-ns":
            self._namespaces -= 1
        elif event == "start-ns":
            self._namespaces += 1
            if self._namespaces > MAX_NAMESPACES:
                _refuse_complexity()
        else:
            raise IgcError(Code.DTD_FORBIDDEN)


def _encoding_of(head: bytes, charset: str | None) -> str:
    """utf-8 or utf-16; header, byte order mark and declaration must not contradict each other."""
    if not head.strip():
        raise IgcError(Code.XML_MALFORMED)
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if encoding is None:
        if b"\0" in head[:4]:  # UTF-16 without its mark, or UTF-32
            raise IgcError(Code.ENCODING_REFUSED)
        encoding = "utf-8"
    text = head[: len(head) // 2 * 2].decode(encoding, errors="replace").lstrip("\ufeff")
    declared = _DECLARATION.match(text)
    for name in (charset, declared.group(1) if declared else None):
        if name is not None and _ENCODINGS.get(name.strip("\"' ").lower()) != encoding:
            raise IgcError(Code.ENCODING_REFUSED)
    return encoding


def _lines_before_doctype(seen: bytes) -> int:
    """Ends of lines before it; in UTF-16 as well, where zeros stand between."""
    return seen.replace(b"\0", b"").partition(b"<!DOCTYPE")[0].count(b"\n")


class VersionMismatchError(IgcError):
    """The root is not the envelope of the SOAP version that was announced; ``version`` is the one to answer in."""

    def __init__(self, version: SoapVersion) -> None:
        super().__init__(Code.VERSION_MISMATCH)
        self.version = version


def _check_version(envelope: etree._Element, announced: SoapVersion) -> None:
    """SOAP 1.1 §4.1.2 looks at the namespace of an Envelope, SOAP 1.2 part 1 §5.4.6 at its whole name.

    A SOAP 1.1 envelope is answered in SOAP 1.1, whatever was announced (SOAP 1.2 part 1 appendix A).
    """
    if envelope.tag == announced.tag("Envelope"):
        return
    if envelope.tag == SoapVersion.V11.tag("Envelope"):
        raise VersionMismatchError(SoapVersion.V11)
    if announced is SoapVersion.V12 or etree.QName(envelope).localname == "Envelope":
        raise VersionMismatchError(announced)
    raise IgcError(Code.ENVELOPE, raison="la racine n'est pas une Envelope.")


def _find_request(envelope: etree._Element, version: SoapVersion) -> tuple[etree._Element, str | None]:
    _check_version(envelope, version)
    children = list(envelope.iterchildren("*"))
    tags = [child.tag for child in children]
    if tags not in ([version.tag("Body")], [version.tag("Header"), version.tag("Body")]):
        raise IgcError(Code.ENVELOPE, raison="un Header facultatif puis un seul Body sont attendus.")
    tiers = judge_headers(children[0], version) if len(children) > 1 else None
    body = children[-1]
    requests = list(body.iterchildren("*"))
    if len(requests) != 1 or _has_text(body):
        raise IgcError(Code.ENVELOPE, raison="le Body doit contenir un élément et un seul.")
    return requests[0], tiers


def _has_text(element: etree._Element) -> bool:
    """Whether the element has text of its own, other than white space."""
    texts = [element.text, *(child.tail for child in element)]
    return any(text and not text.isspace() for text in texts)


def _refuse_complexity() -> NoReturn:
    raise IgcError(Code.TOO_LARGE, limite=f"{MAX_NODES} éléments et commentaires, {MAX_DEPTH} niveaux")
