"""Full CRLs (RFC 5280 §5): the revoked certificates of one authority, signed in bulk.

Which entries belong on a CRL, and when one is due, is decided by the caller.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from pki import der
from pki.authority import Authority
from pki.errors import CrlError
from pki.signers.port import Signer
from pki.signing import sign

_VERSION_2 = der.integer(1)
_MAX_NUMBER_BITS = 159  # CRLNumber: at most 20 octets, positive (RFC 5280 §5.2.3)
_MAX_SERIAL_BITS = 159
_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
_CRL_NUMBER = "2.5.29.20"
_REASON_CODE = "2.5.29.21"
_ENUMERATED = 0x0A


class RevocationReason(IntEnum):
    """CRLReason (RFC 5280 §5.3.1). `unspecified` is never written; removeFromCRL belongs to delta CRLs."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


class CrlEntry(NamedTuple):
    """One revoked certificate; `revoked_at` is aware, written in UTC to the second."""

    serial: int
    revoked_at: datetime
    reason: RevocationReason = RevocationReason.UNSPECIFIED


def build_crl(
    authority: Authority,
    signer: Signer,
    entries: Iterable[CrlEntry],
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """Return a signed full CRL, version 2, DER, with AuthorityKeyIdentifier and CRLNumber.

    The list is absent when there is no entry, a reason is absent when unspecified. CrlError when the number or a
    serial is out of range, a serial stands twice, or the dates are not in order; SignerError as in signing.sign.
    """
    if signer.authority != authority.short_name:
        raise CrlError(f"the signer of {signer.authority} cannot sign for {authority.short_name}")
    if number < 0 or number.bit_length() > _MAX_NUMBER_BITS:
        raise CrlError("the CRL number is not 1 to 20 octets")
    if this_update.tzinfo is None or next_update.tzinfo is None:
        raise CrlError("a date without time zone")
    if next_update <= this_update:
        raise CrlError("nextUpdate does not follow thisUpdate")
    encoded = _encode_entries(entries)
    key_id = x509.AuthorityKeyIdentifier(authority.key_id, None, None).public_bytes()
    extensions = der.sequence(
        der.extension(_AUTHORITY_KEY_IDENTIFIER, key_id),
        der.extension(_CRL_NUMBER, der.integer(number)),
    )
    tbs = der.sequence(
        _VERSION_2,
        der.SHA256_WITH_RSA,
        authority.name_der,
        der.time(_to_second(this_update)),
        der.time(_to_second(next_update)),
        der.tlv(der.SEQUENCE, encoded) if encoded else b"",
        der.tlv(der.CONTEXT_0, extensions),
    )
    return sign(tbs, signer, authority.public_key)


def _encode_entries(entries: Iterable[CrlEntry]) -> bytes:
    """Return the concatenated entries.

    Written out by hand, since a CRL may hold hundreds of thousands: an entry is shorter than 128 octets, so every
    length in it is one octet, and entries share their days and their reasons.
    """
    encoded = []
    seen = set()
    for serial, revoked_at, reason in entries:
        if serial <= 0 or serial.bit_length() > _MAX_SERIAL_BITS:
            raise CrlError("a serial is not a positive number of at most 20 octets")
        seen.add(serial)
        octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
        coded_reason = _REASONS.get(reason)
        if coded_reason is None:
            raise CrlError("a reason that a full CRL cannot carry")
        body = b"\x02%c%b%b%b" % (len(octets), octets, _date(revoked_at), coded_reason)
        encoded.append(b"\x30%c%b" % (len(body), body))
    if len(seen) != len(encoded):
        raise CrlError("a serial stands twice")
    return b"".join(encoded)


def _date(moment: datetime) -> bytes:
    if moment.tzinfo is None:
        raise CrlError("a date without time zone")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    day, rest = _day(utc.year, utc.month, utc.day)
    return day + _TWO_DIGITS[utc.hour] + _TWO_DIGITS[utc.minute] + _TWO_DIGITS[utc.second] + rest


@lru_cache(maxsize=16384)
def _day(year: int, month: int, day: int) -> tuple[bytes, bytes]:
    """Return what stands before and after the six digits of the time of day."""
    encoded = der.time(datetime(year, month, day, tzinfo=UTC))
    return encoded[:-7], encoded[-1:]


_TWO_DIGITS = tuple(f"{number:02}".encode() for number in range(60))


def _reason(reason: RevocationReason) -> bytes:
    """Return crlEntryExtensions with the reason code; nothing for unspecified (RFC 5280 §5.3.1)."""
    if reason is RevocationReason.UNSPECIFIED:
        return b""
    return der.sequence(der.extension(_REASON_CODE, der.tlv(_ENUMERATED, bytes((reason,)))))


_REASONS = {reason: _reason(reason) for reason in RevocationReason}


def _to_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
