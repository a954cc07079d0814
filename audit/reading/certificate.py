"""A certificate and a list of revoked ones (RFC 5280 §4.1, §5.1) as their bytes say, nothing interpreted away."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from audit.reading import asn1
from audit.reading.asn1 import DerError, Element

_VERSION_3 = b"\xa0\x03\x02\x01\x02"
_EXPLICIT_0, _EXPLICIT_3 = 0xA0, 0xA3
_CERTIFICATE = (asn1.SEQUENCE, asn1.SEQUENCE, asn1.BIT_STRING)
_TBS = (_EXPLICIT_0, asn1.INTEGER, *(asn1.SEQUENCE,) * 5, _EXPLICIT_3)
_UTC_LENGTH, _GENERALIZED_LENGTH = 13, 15
_FIRST_GENERALIZED = 2050
_TRUE = b"\xff"

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises on bytes that it does not read: half of it is no ValueError."""


class Attribute(NamedTuple):
    """One attribute of a name: type, tag of the string, text octets, and the whole as encoded."""

    oid: str
    tag: int
    value: bytes
    raw: bytes


class Extension(NamedTuple):
    """One extension; ``value`` is the content of its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


class Certificate(NamedTuple):
    """What a certificate says; names, algorithms and key are whole elements, dates aware UTC."""

    tbs: bytes
    serial: int
    serial_octets: int
    inner_algorithm: bytes
    issuer: bytes
    not_before: datetime
    not_after: datetime
    subject: tuple[tuple[Attribute, ...], ...]
    subject_raw: bytes
    spki: bytes
    extensions: tuple[Extension, ...]
    algorithm: bytes
    signature: bytes

    @property
    def key_bits(self) -> bytes:
        """The content of the key's BIT STRING without the octet that counts unused bits."""
        (spki,) = asn1.elements(self.spki)
        return bit_string(asn1.children(spki, asn1.SEQUENCE, asn1.BIT_STRING)[1])

    def value_of(self, oid: str) -> bytes | None:
        """The value of an extension, None when it is not there."""
        return next((extension.value for extension in self.extensions if extension.oid == oid), None)


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate of version 3; DerError names in French what keeps it from being one."""
    (outer,) = _exactly(asn1.elements(der))
    tbs, algorithm, signature = asn1.children(outer, *_CERTIFICATE)
    fields = asn1.elements(tbs.content)
    if tuple(field.tag for field in fields) != _TBS or fields[0].raw != _VERSION_3:
        raise DerError("ce n'est pas un certificat de version 3 avec extensions (RFC 5280 §4.1)")
    _, serial, inner, issuer, validity, subject, spki, extensions = fields
    start, end = _exactly(asn1.elements(validity.content), 2)
    (listed,) = asn1.children(extensions, asn1.SEQUENCE)
    return Certificate(
        tbs=tbs.raw,
        serial=asn1.whole_number(serial.content),
        serial_octets=len(serial.content),
        inner_algorithm=inner.raw,
        issuer=issuer.raw,
        not_before=moment(start.tag, start.content),
        not_after=moment(end.tag, end.content),
        subject=tuple(_rdn(rdn) for rdn in asn1.elements(subject.content)),
        subject_raw=subject.raw,
        spki=spki.raw,
        extensions=tuple(read_extension(one.raw) for one in asn1.elements(listed.content)),
        algorithm=algorithm.raw,
        signature=bit_string(signature),
    )


def _exactly(found: list[Element], count: int = 1) -> list[Element]:
    if len(found) != count:
        raise DerError("une structure DER n'est pas celle attendue")
    return found


def bit_string(element: Element) -> bytes:
    """The octets of a BIT STRING of whole octets; DerError otherwise."""
    if element.content[:1] != b"\x00":
        raise DerError("une chaîne de bits n'est pas faite d'octets entiers")
    return element.content[1:]


def _rdn(rdn: Element) -> tuple[Attribute, ...]:
    if rdn.tag != asn1.SET or not rdn.content:
        raise DerError("un nom n'est pas fait d'ensembles d'attributs")
    found = []
    for one in asn1.elements(rdn.content):
        parts = asn1.elements(one.content)
        if one.tag != asn1.SEQUENCE or len(parts) != 2 or parts[0].tag != asn1.OID:  # noqa: PLR2004 -- type and value
            raise DerError("un attribut de nom n'est pas un type et une valeur")
        found.append(Attribute(asn1.dotted(parts[0].content), parts[1].tag, parts[1].content, one.raw))
    return tuple(found)


@lru_cache(maxsize=4096)
def read_extension(raw: bytes) -> Extension:
    """Read one Extension. Most repeat byte for byte from one certificate to the next, hence the cache."""
    parts = asn1.elements(asn1.content_of(raw, asn1.SEQUENCE))
    critical = len(parts) == 3  # noqa: PLR2004 -- extnID, critical, extnValue
    if critical and (parts[1].tag != asn1.BOOLEAN or parts.pop(1).content != _TRUE):
        raise DerError("le drapeau critique d'une extension n'est pas écrit selon DER (FALSE s'omet)")
    if tuple(part.tag for part in parts) != (asn1.OID, asn1.OCTET_STRING):
        raise DerError("une extension n'est pas faite comme le veut RFC 5280 §4.1")
    return Extension(asn1.dotted(parts[0].content), critical, parts[1].content)


@lru_cache(maxsize=4096)
def moment(tag: int, content: bytes) -> datetime:
    """A Time in the one form of RFC 5280 §4.1.2.5: to the second, Z, UTCTime through 2049; DerError otherwise."""
    text = content.decode("ascii", "replace")
    if (tag, len(text)) == (asn1.UTC_TIME, _UTC_LENGTH):
        text = ("19" if text >= "5" else "20") + text
    elif (tag, len(text)) != (asn1.GENERALIZED_TIME, _GENERALIZED_LENGTH):
        text = ""
    try:
        found = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise DerError("une date n'est pas écrite selon RFC 5280 §4.1.2.5") from None
    if (found.year >= _FIRST_GENERALIZED) != (tag == asn1.GENERALIZED_TIME):
        raise DerError("une date n'est pas du type que veut RFC 5280 §4.1.2.5")
    return found
