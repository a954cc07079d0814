"""Strict reading of a TBSCertificate (RFC 5280 §4.1) into its raw fields, for the lint and for recovery."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from pki.certificates import der
from pki.errors import LintError

VERSION_3 = b"\xa0\x03\x02\x01\x02"
_FIELDS = (
    der.CONTEXT_0,
    der.INTEGER,
    der.SEQUENCE,
    der.SEQUENCE,
    der.SEQUENCE,
    der.SEQUENCE,
    der.SEQUENCE,
    der.CONTEXT_3,
)
_TRUE = b"\xff"
_GENERALIZED_LENGTH = 15


@dataclass(frozen=True, slots=True)
class RawExtension:
    """One extension: `oid` is the content of its OBJECT IDENTIFIER, `value` that of its OCTET STRING."""

    oid: bytes
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class TbsFields:
    """The fields of a TBSCertificate; bytes are whole DER elements unless said otherwise, dates aware UTC."""

    version: bytes
    serial: int
    serial_octets: int
    algorithm: bytes
    issuer: bytes
    not_before: datetime
    not_after: datetime
    subject: bytes
    spki: bytes
    extensions: tuple[RawExtension, ...]


def read_tbs(tbs: bytes) -> TbsFields:
    """Return the fields of a version 3 TBSCertificate; LintError when the bytes are anything else."""
    try:
        return _read(tbs)
    except (ValueError, IndexError):
        raise LintError(("not a DER TBSCertificate of version 3 (RFC 5280 §4.1)",)) from None


def _read(tbs: bytes) -> TbsFields:
    fields = der.children(tbs, *der.sole(tbs, der.SEQUENCE))
    if tuple(field[0] for field in fields) != _FIELDS:
        raise der.DerError
    version, serial, algorithm, issuer, validity, subject, spki, extensions = fields
    not_before, not_after = der.children(tbs, validity[2], validity[3])
    (listed,) = der.children(tbs, extensions[2], extensions[3])
    return TbsFields(
        version=tbs[version[1] : version[3]],
        serial=_integer(tbs[serial[2] : serial[3]]),
        serial_octets=serial[3] - serial[2],
        algorithm=tbs[algorithm[1] : algorithm[3]],
        issuer=tbs[issuer[1] : issuer[3]],
        not_before=read_time(not_before[0], tbs[not_before[2] : not_before[3]]),
        not_after=read_time(not_after[0], tbs[not_after[2] : not_after[3]]),
        subject=tbs[subject[1] : subject[3]],
        spki=tbs[spki[1] : spki[3]],
        extensions=tuple(_extension(tbs[start:end]) for _, start, _, end in der.children(tbs, listed[2], listed[3])),
    )


def _integer(content: bytes) -> int:
    value = int.from_bytes(content, "big", signed=True)
    if value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True) != content:
        raise der.DerError
    return value


@lru_cache(maxsize=1024)
def read_time(tag: int, content: bytes) -> datetime:
    """Return a Time in the only form that RFC 5280 §4.1.2.5 allows: seconds, Z, UTCTime through 2049."""
    moment = _utc_time(content) if tag == der.UTC_TIME else read_generalized_time(content)
    if der.time(moment) != der.tlv(tag, content):
        raise der.DerError
    return moment


def _utc_time(content: bytes) -> datetime:
    century = "19" if content[:1] >= b"5" else "20"
    return read_generalized_time(century.encode() + content)


def read_generalized_time(content: bytes) -> datetime:
    """Return the moment of a GeneralizedTime content in the form YYYYMMDDHHMMSSZ; ValueError otherwise."""
    text = content.decode("ascii")
    if len(text) != _GENERALIZED_LENGTH or not text.endswith("Z"):
        raise der.DerError
    year, month, day, hour, minute, second = (
        int(text[start:end]) for start, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
    )
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@lru_cache(maxsize=4096)
def _extension(element: bytes) -> RawExtension:
    """Return one extension. Most repeat byte for byte from one certificate to the next, hence the cache."""
    parts = der.children(element, *der.sole(element, der.SEQUENCE))
    tags = [part[0] for part in parts]
    critical = len(parts) == 3  # noqa: PLR2004 -- extnID, critical, extnValue
    if critical:
        flag = parts[1]
        if tags.pop(1) != der.BOOLEAN or element[flag[2] : flag[3]] != _TRUE:
            raise der.DerError
    if tags != [der.OBJECT_IDENTIFIER, der.OCTET_STRING]:
        raise der.DerError
    oid, value = parts[0], parts[-1]
    return RawExtension(oid=element[oid[2] : oid[3]], critical=critical, value=element[value[2] : value[3]])
