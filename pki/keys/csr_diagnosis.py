"""What bytes are that are no request we accept: asked only when a request was refused, to say why in plain words.

Other programs read some of these files without a word, so their makers cannot know what is wrong with them.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

from pki.certificates import der
from pki.errors import CsrProblem

PEM_BLOCK = re.compile(rb"-----BEGIN (?P<label>[A-Z0-9 ]{1,40})-----(?P<body>[^-]*)-----END (?P=label)-----")
REQUEST_LABELS = (b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")
_BEGIN = b"-----BEGIN "
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"-\0-\0", b"\0-\0-", b"M\0I\0", b"\0M\0I")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]++={0,2}\s*+")
_INDEFINITE = b"\x30\x80"
_PRINTABLE = re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*")
_BMP_STRING = 0x1E
_CERTIFICATE_PARTS = 6  # at least: serial, signature, issuer, validity, subject, key
_REQUEST_PARTS = 4
# How PKCS#8 (RFC 5958 §2, §3 when encrypted), PKCS#1 (RFC 8017 A.1.2) and SEC 1 (C.4) begin.
_PRIVATE_KEYS = (
    [der.INTEGER, der.SEQUENCE, der.OCTET_STRING],
    [der.SEQUENCE, der.OCTET_STRING],
    [der.INTEGER] * 9,
    [der.INTEGER, der.OCTET_STRING],
)
_VERSION_0 = b"\x02\x01\x00"


class _Element(NamedTuple):
    """One element: its tag, all its octets, and its content."""

    tag: int
    whole: bytes
    content: bytes


def diagnose(data: bytes) -> CsrProblem:
    """What keeps these bytes from being one DER PKCS#10 structure; MALFORMED when nothing better can be said."""
    if data.startswith(_UTF16):
        return CsrProblem.UTF16
    if _BEGIN in data:
        labels = [block["label"] for block in PEM_BLOCK.finditer(data)]
        return pem_problem(labels) or CsrProblem.PEM_IN_BASE64
    if _BASE64.fullmatch(data) and _decodes_to_der(data):
        return CsrProblem.ENCODED_TWICE
    try:
        return _diagnose_der(data)
    except (der.DerError, IndexError, ValueError):
        return CsrProblem.MALFORMED


def pem_problem(labels: Sequence[bytes]) -> CsrProblem | None:
    """What keeps a text with PEM blocks of these labels from holding one request; None when it holds one."""
    if any(label.endswith(b"PRIVATE KEY") for label in labels):
        return CsrProblem.PRIVATE_KEY
    requests = [label for label in labels if label in REQUEST_LABELS]
    if len(requests) > 1:
        return CsrProblem.SEVERAL
    if not requests:
        return CsrProblem.CERTIFICATE if b"CERTIFICATE" in labels else CsrProblem.MALFORMED
    return None if len(labels) == 1 else CsrProblem.SEVERAL


def _decodes_to_der(data: bytes) -> bool:
    try:
        decoded = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return False
    return decoded.startswith((b"\x30", _BEGIN))


def _diagnose_der(data: bytes) -> CsrProblem:
    if data[0] != der.SEQUENCE:
        return CsrProblem.MALFORMED
    try:
        _, start, end = der.read(data, 0, len(data))
    except der.DerError:
        return CsrProblem.BER if data.startswith(_INDEFINITE) else CsrProblem.TRUNCATED
    if end < len(data):
        return CsrProblem.SEVERAL if data[end] == der.SEQUENCE else CsrProblem.TRAILING
    parts = _children(data, start, end)
    tags = [part.tag for part in parts]
    return _diagnose_signed(parts) if tags == [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING] else _unsigned(tags)


def _diagnose_signed(parts: Sequence[_Element]) -> CsrProblem:
    fields, signature = _inside(parts[0]), parts[2]
    if len(fields) >= _CERTIFICATE_PARTS:
        return CsrProblem.CERTIFICATE
    return _diagnose_info(fields) or (CsrProblem.SIGNATURE_BITS if signature.content[0] else CsrProblem.MALFORMED)


def _unsigned(tags: Sequence[int]) -> CsrProblem:
    """What a SEQUENCE of such elements is, when it is not signed as requests and certificates are."""
    return CsrProblem.PRIVATE_KEY if any(tags[: len(key)] == key for key in _PRIVATE_KEYS) else CsrProblem.MALFORMED


def _diagnose_info(fields: Sequence[_Element]) -> CsrProblem | None:
    """CertificationRequestInfo (RFC 2986 §4.1): version, subject, key and attributes, none of them optional."""
    if fields[0].tag != der.INTEGER:
        return CsrProblem.MALFORMED
    if fields[0].whole != _VERSION_0:
        return CsrProblem.WRONG_VERSION
    if len(fields) < _REQUEST_PARTS:
        return CsrProblem.NO_ATTRIBUTES
    for rdn in _inside(fields[1]):
        members = _inside(rdn)
        if _is_unsorted(members):
            return CsrProblem.SUBJECT_ORDER
        if not all(_is_readable(_inside(member)[1]) for member in members):
            return CsrProblem.SUBJECT_STRING
    return CsrProblem.ATTRIBUTES_ORDER if _is_unsorted(_inside(fields[3])) else None


def _is_unsorted(members: Sequence[_Element]) -> bool:
    """DER writes the members of a SET OF in the order of their octets (X.690 §11.6)."""
    encoded = [member.whole for member in members]
    return encoded != sorted(encoded)


def _is_readable(value: _Element) -> bool:
    if value.tag == der.PRINTABLE_STRING:
        return _PRINTABLE.fullmatch(value.content) is not None
    return value.tag != _BMP_STRING or len(value.content) % 2 == 0


def _inside(element: _Element) -> list[_Element]:
    return _children(element.content, 0, len(element.content))


def _children(data: bytes, start: int, end: int) -> list[_Element]:
    return [
        _Element(tag, data[offset:stop], data[content:stop])
        for tag, offset, content, stop in der.children(data, start, end)
    ]
