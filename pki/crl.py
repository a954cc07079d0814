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
    """One revoked certificate; `revoked_at` is aware UTC, written to the second."""

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
    """Return the concatenated entries. One pass of byte joins: a builder object per entry costs several times more."""
    encoded = []
    seen = set()
    for serial, revoked_at, reason in entries:
        if serial <= 0 or serial.bit_length() > _MAX_SERIAL_BITS:
            raise CrlError("a serial is not a positive number of at most 20 octets")
        seen.add(serial)
        encoded.append(der.tlv(der.SEQUENCE, der.integer(serial) + _tail(int(revoked_at.timestamp()), reason)))
    if len(seen) != len(encoded):
        raise CrlError("a serial stands twice")
    return b"".join(encoded)


@lru_cache(maxsize=65536)
def _tail(timestamp: int, reason: RevocationReason) -> bytes:
    """Return date and extensions of an entry; many entries share them."""
    date = der.time(datetime.fromtimestamp(timestamp, UTC))
    if reason is RevocationReason.UNSPECIFIED:
        return date
    code = der.tlv(0x0A, bytes((reason,)))  # ENUMERATED
    return date + der.sequence(der.extension(_REASON_CODE, code))


def _to_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
