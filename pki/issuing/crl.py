"""CRLs (RFC 5280 §5), full and delta: the revoked certificates of one authority, signed in bulk.

Which entries belong on a CRL, and when one is due, is decided by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.extensions import distribution_points
from pki.errors import CrlError
from pki.signer import Signer
from pki.signing import sign
from pki.status.crl_entries import SortedEntries, entry_head
from pki.status.reasons import RevocationReason

_VERSION_2 = der.integer(1)
_MAX_NUMBER_BITS = 159  # CRLNumber: at most 20 octets, positive (RFC 5280 §5.2.3)
_MAX_SERIAL_BITS = 159
_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
_CRL_NUMBER = "2.5.29.20"
_REASON_CODE = "2.5.29.21"
_DELTA_CRL_INDICATOR = "2.5.29.27"
_ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
_FRESHEST_CRL = "2.5.29.46"


class CrlEntry(NamedTuple):
    """One revoked certificate; `revoked_at` is aware, written in UTC to the second."""

    serial: int
    revoked_at: datetime
    reason: RevocationReason = RevocationReason.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlForm:
    """What kind of CRL to make: by default a full one without further extensions.

    `base` is the number of the full CRL that a delta starts from. `freshest` names in a full CRL where the deltas
    are, as the certificates do. `issuing_point` adds IssuingDistributionPoint with the address of the full CRL; full
    and delta must agree on it, for they have one scope (RFC 5280 §5.2.4).
    """

    base: int | None = None
    freshest: bool = False
    issuing_point: bool = False


FULL = CrlForm()


def build_crl(
    authority: Authority,
    signer: Signer,
    entries: Iterable[CrlEntry] | SortedEntries,
    number: int,
    this_update: datetime,
    next_update: datetime,
    form: CrlForm = FULL,
) -> bytes:
    """Return a signed CRL, version 2, DER, with AuthorityKeyIdentifier and CRLNumber.

    Entries stand in the order of their octets. The list is absent when there is none, a reason is absent when
    unspecified. CrlError when the number or a serial is out of range, a serial stands twice, the dates are not in
    order, a full list removes an entry, or a delta does not follow its base; SignerError as in signing.sign.
    """
    if signer.authority != authority.short_name:
        raise CrlError(f"le signataire de {signer.authority} ne peut pas signer pour {authority.short_name}")
    if number < 0 or number.bit_length() > _MAX_NUMBER_BITS:
        raise CrlError("the CRL number is not 1 to 20 octets")
    if this_update.tzinfo is None or next_update.tzinfo is None:
        raise CrlError("a date without time zone")
    if next_update <= this_update:
        raise CrlError("nextUpdate does not follow thisUpdate")
    if not isinstance(entries, SortedEntries):
        entries = SortedEntries.of(encode_entries(entries, delta=form.base is not None))
    extensions = der.sequence(*_crl_extensions(authority, number, form))
    tbs = der.sequence(
        _VERSION_2,
        der.SHA256_WITH_RSA,
        authority.name_der,
        der.time(_to_second(this_update)),
        der.time(_to_second(next_update)),
        der.tlv(der.SEQUENCE, entries.octets) if entries.octets else b"",
        der.tlv(der.CONTEXT_0, extensions),
    )
    return sign(tbs, signer, authority.public_key)


def _crl_extensions(authority: Authority, number: int, form: CrlForm) -> Iterable[bytes]:
    """Yield the extensions; the delta indicator and the issuing distribution point are critical (§5.2.4, §5.2.5)."""
    key_id = x509.AuthorityKeyIdentifier(authority.key_id, None, None).public_bytes()
    yield der.extension(_AUTHORITY_KEY_IDENTIFIER, key_id)
    yield der.extension(_CRL_NUMBER, der.integer(number))
    if form.base is not None:
        if not 0 <= form.base <= number:
            raise CrlError("a delta CRL does not follow its base")
        yield der.extension(_DELTA_CRL_INDICATOR, der.integer(form.base), critical=True)
    if form.issuing_point:
        yield der.extension(_ISSUING_DISTRIBUTION_POINT, _issuing_point(authority), critical=True)
    points = distribution_points(authority, *authority.settings.delta_addresses)
    if form.freshest and form.base is None and points:
        yield der.extension(_FRESHEST_CRL, x509.FreshestCRL(points).public_bytes())


def _issuing_point(authority: Authority) -> bytes:
    points = distribution_points(authority, authority.settings.crl_url)
    if not points:
        raise CrlError("an issuing distribution point needs the address of the CRL")
    return x509.IssuingDistributionPoint(
        full_name=points[0].full_name,
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    ).public_bytes()


def encode_entries(entries: Iterable[CrlEntry], *, delta: bool = False) -> list[bytes]:
    """Return each entry of a full list, or of a delta, in DER, no serial twice. CrlError as `build_crl`.

    Written out by hand, since a CRL may hold hundreds of thousands: an entry is shorter than 128 octets, so every
    length in it is one octet, and entries share their days and their reasons.
    """
    reasons = _REASONS if delta else _FULL_REASONS
    encoded = []
    seen = set()
    for serial, revoked_at, reason in entries:
        if serial <= 0 or serial.bit_length() > _MAX_SERIAL_BITS:
            raise CrlError("a serial is not a positive number of at most 20 octets")
        seen.add(serial)
        coded_reason = reasons.get(reason)
        if coded_reason is None:
            raise CrlError("a reason that this CRL cannot carry")
        date = _date(revoked_at)
        length = 2 + serial.bit_length() // 8 + 1 + len(date) + len(coded_reason)
        encoded.append(b"%b%b%b" % (entry_head(serial, length), date, coded_reason))
    if len(seen) != len(encoded):
        raise CrlError("a serial stands twice")
    return encoded


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
    return der.sequence(der.extension(_REASON_CODE, der.tlv(der.ENUMERATED, bytes((reason,)))))


_REASONS: Mapping[int, bytes] = {reason: _reason(reason) for reason in RevocationReason}
_FULL_REASONS = {reason: coded for reason, coded in _REASONS.items() if reason != RevocationReason.REMOVE_FROM_CRL}


def _to_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
