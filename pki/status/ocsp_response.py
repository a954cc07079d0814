"""OCSP answers (RFC 6960 §4.2): signed BasicOCSPResponses of a delegated responder, and the unsigned errors.

Assembled here rather than by `cryptography`, whose builder answers one CertID at a time and wants a private key, not
a signer.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache

from pki.certificates import der
from pki.delegates.delegated import DelegatedSigner
from pki.errors import OcspResponseError
from pki.signing import sign
from pki.status.ocsp_request import NONCE, CertId
from pki.status.reasons import RevocationReason

MEDIA_TYPE_REQUEST = "application/ocsp-request"
MEDIA_TYPE_RESPONSE = "application/ocsp-response"

_BASIC = der.object_identifier("1.3.6.1.5.5.7.48.1.1")
_SUCCESSFUL = der.tlv(der.ENUMERATED, b"\x00")
_CONTEXT_1 = 0xA1
_CONTEXT_2 = 0xA2
_GOOD = b"\x80\x00"  # [0] IMPLICIT NULL
_UNKNOWN = b"\x82\x00"  # [2] IMPLICIT NULL

# What CertIDs may be hashed with, by the content of the OID. SHA-1 only names an issuer here.
_HASHES = {
    der.object_identifier(oid)[2:]: name
    for oid, name in (
        ("1.3.14.3.2.26", "sha1"),
        ("2.16.840.1.101.3.4.2.1", "sha256"),
        ("2.16.840.1.101.3.4.2.2", "sha384"),
        ("2.16.840.1.101.3.4.2.3", "sha512"),
    )
}


class OcspError(Enum):
    """The answers that need no key (RFC 6960 §4.2.1); values are the bytes to send."""

    MALFORMED_REQUEST = b"\x30\x03\x0a\x01\x01"
    INTERNAL_ERROR = b"\x30\x03\x0a\x01\x02"
    TRY_LATER = b"\x30\x03\x0a\x01\x03"
    SIG_REQUIRED = b"\x30\x03\x0a\x01\x05"
    UNAUTHORIZED = b"\x30\x03\x0a\x01\x06"


@dataclass(frozen=True, slots=True)
class Good:
    """Issued, and not revoked."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """Revoked for good; `at` is aware UTC, the reason is left out when unspecified."""

    at: datetime
    reason: RevocationReason = RevocationReason.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not a certificate of this authority."""


CertStatus = Good | Revoked | Unknown


@dataclass(frozen=True, slots=True)
class SingleAnswer:
    """One CertID of the request, repeated as it came, with its status."""

    cert_id: CertId
    status: CertStatus


def issuer_hashes(name_der: bytes, key_bits: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return (algorithm, issuerNameHash, issuerKeyHash) for every hash that a CertID may use, SHA-1 and SHA-256 first.

    `key_bits` is the content of the subjectPublicKey BIT STRING without its first octet.
    """
    return [
        (oid, hashlib.new(name, name_der).digest(), hashlib.new(name, key_bits).digest())
        for oid, name in _HASHES.items()
    ]


def build_response(
    signer: DelegatedSigner,
    answers: Sequence[SingleAnswer],
    produced_at: datetime,
    this_update: datetime,
    next_update: datetime,
    nonce: bytes | None = None,
) -> bytes:
    """Return a signed OCSPResponse, DER: responder by key, its certificate inside, the nonce repeated.

    Times are written in UTC to the second. OcspResponseError when there is no answer, a date has no zone, the dates
    are not in order (thisUpdate, producedAt, nextUpdate), or lie outside the validity of the responder's certificate;
    SignerError as in signing.sign.
    """
    if not answers:
        raise OcspResponseError("no answer")
    if any(moment.tzinfo is None for moment in (produced_at, this_update, next_update)):
        raise OcspResponseError("a date without time zone")
    if not signer.not_before <= this_update <= produced_at < next_update <= signer.not_after:
        raise OcspResponseError("the dates are not in order within the validity of the responder's certificate")
    times = (_time(this_update), der.tlv(der.CONTEXT_0, _time(next_update)))
    extensions = b""
    if nonce is not None:
        extension = der.extension(NONCE, der.octet_string(nonce))
        extensions = der.tlv(_CONTEXT_1, der.sequence(extension))
    tbs = der.sequence(
        der.tlv(_CONTEXT_2, der.octet_string(signer.key_hash)),
        _time(produced_at),
        der.sequence(
            *(der.sequence(answer.cert_id.der, _status(answer.status), *times) for answer in answers),
        ),
        extensions,
    )
    certificates = der.tlv(der.CONTEXT_0, der.sequence(signer.certificate_der))
    basic = sign(tbs, signer, signer.public_key, certificates)
    response_bytes = der.tlv(der.CONTEXT_0, der.sequence(_BASIC, der.octet_string(basic)))
    return der.sequence(_SUCCESSFUL, response_bytes)


def _status(status: CertStatus) -> bytes:
    if isinstance(status, Good):
        return _GOOD
    if isinstance(status, Unknown):
        return _UNKNOWN
    reason = b""
    if status.reason is not RevocationReason.UNSPECIFIED:
        reason = der.tlv(der.CONTEXT_0, der.tlv(der.ENUMERATED, bytes((status.reason,))))
    return der.tlv(_CONTEXT_1, _time(status.at) + reason)


@lru_cache(maxsize=1024)
def _time(moment: datetime) -> bytes:
    """Return a GeneralizedTime, whatever the year (RFC 6960 §4.2.1)."""
    if moment.tzinfo is None:
        raise OcspResponseError("a date without time zone")
    return der.tlv(der.GENERALIZED_TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())
