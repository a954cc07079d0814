"""Issuing certificates, in numbered steps: the one place that signs leaf certificates.

1. The caller draws a serial (serials.new_serial).
2. prepare() builds the exact bytes to be signed; the caller stores serial and bytes before anything is signed.
3. lint() checks those bytes.
4. issue() signs exactly what was linted and verifies its own signature.
5. The caller stores the certificate. After a crash, restore() takes up the stored bytes again at step 3.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.content import CertificateContent, check_content, encode_subject
from pki.certificates.extensions import encode_extensions
from pki.certificates.profiles import P256_SPKI_HEAD, PRODUCTS, Profile, ProfileSettings
from pki.certificates.tbs import read_tbs
from pki.errors import LintError, ProfileError, SignerError
from pki.lint.inline import find_breaches
from pki.signer import Signer
from pki.signing import sign
from runtime.clock import backdated

_VERSION_3 = der.tlv(der.CONTEXT_0, der.integer(2))
_DECEMBER = 12
_LEAP_DAY = (2, 29)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCertificate:
    """What will be signed: `tbs` is the DER TBSCertificate, the rest is said by it and kept for convenience.

    `issuer` is the short name of the authority; dates are aware UTC.
    """

    tbs: bytes
    issuer: str
    product: str
    serial: int
    not_before: datetime
    not_after: datetime


class LintedCertificate:
    """A prepared certificate without breach, for one signature. Only lint() makes one."""

    __slots__ = ("authority", "prepared")

    def __init__(self, prepared: PreparedCertificate, authority: Authority, seal: object) -> None:
        """Refuses with LintError to be made anywhere but in lint()."""
        if seal is not _SEAL:
            raise LintError(("not linted",))
        self.prepared = prepared
        self.authority = authority


_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A signed certificate, DER, with what its row needs."""

    der: bytes
    issuer: str
    product: str
    serial: int
    not_before: datetime
    not_after: datetime


def prepare(
    authority: Authority,
    content: CertificateContent,
    spki: bytes,
    serial: int,
    now: datetime,
    *,
    not_after: datetime | None = None,
    backdate: timedelta = timedelta(0),
) -> PreparedCertificate:
    """Return the certificate to be signed, valid from `now` (aware, to the second) for the term of the settings.

    `spki` is the DER SubjectPublicKeyInfo of an accepted request. Validity begins `backdate` before now, for the sake
    of clocks that are behind, but not before the authority's own (RFC 5280 §6.1.3 (a)(2) is asked of every certificate
    of a path). `not_after` may shorten the term; nothing outlives the authority. ProfileError when the content does not
    fit the product or the authority does not issue it.
    """
    profile = check_content(content)
    settings = authority.settings
    if content.product not in authority.products:
        raise ProfileError("product", f"not issued by {authority.short_name}")
    if spki.startswith(P256_SPKI_HEAD) and not (settings.p256 and profile.admits_p256):
        raise ProfileError("public_key", "EC keys are not admitted for this product")
    if now.tzinfo is None or (not_after is not None and not_after.tzinfo is None):
        raise ProfileError("validity", "a date without time zone")
    start = backdated(now, backdate, authority.not_before).astimezone(UTC).replace(microsecond=0)
    period_end, end = _validity(start, profile, settings, authority.not_after)
    if not_after is not None:
        end = min(end, not_after.astimezone(UTC).replace(microsecond=0))
        period_end = min(period_end, end)
    if end <= start:
        raise ProfileError("not_after", "the validity would end before it begins")
    tbs = der.sequence(
        _VERSION_3,
        der.integer(serial),
        der.SHA256_WITH_RSA,
        authority.name_der,
        _validity_der(start, end),
        encode_subject(content, profile, settings.organization_length),
        spki,
        der.tlv(
            der.CONTEXT_3,
            der.tlv(der.SEQUENCE, encode_extensions(authority, content, spki, (start, period_end))),
        ),
    )
    return PreparedCertificate(
        tbs=tbs,
        issuer=authority.short_name,
        product=content.product,
        serial=serial,
        not_before=start,
        not_after=end,
    )


def term_end(authority: Authority, product: str, now: datetime) -> datetime:
    """Return when a certificate of `product` issued now would end if its authority did not end before."""
    return _validity(now, PRODUCTS[product], authority.settings, _NEVER)[1]


@lru_cache(maxsize=4096)
def _validity_der(start: datetime, end: datetime) -> bytes:
    return der.sequence(der.time(start), der.time(end))


@lru_cache(maxsize=4096)
def _validity(
    start: datetime,
    profile: Profile,
    settings: ProfileSettings,
    limit: datetime,
) -> tuple[datetime, datetime]:
    """Return the end of the private key usage period and of the validity, both at most the authority's end."""
    period_end = _same_day(start, start.year + settings.validity_years)
    end = period_end
    if settings.generation == 1 and profile.private_key_usage_period:
        end = _next_month(period_end)
    return min(period_end, limit), min(end, limit)


def _same_day(start: datetime, year: int) -> datetime:
    """Return the same second in another year; 29 February becomes 28: a term is never longer than its years."""
    if (start.month, start.day) == _LEAP_DAY:
        start = start.replace(day=28)
    return start.replace(year=year)


def _next_month(moment: datetime) -> datetime:
    year, month = (moment.year + 1, 1) if moment.month == _DECEMBER else (moment.year, moment.month + 1)
    day = moment.day
    while True:
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1


def lint(prepared: PreparedCertificate, authority: Authority) -> LintedCertificate:
    """Return the certificate ready for one signature; LintError with every breach of RFC 5280 or its profile."""
    if prepared.issuer != authority.short_name:
        raise LintError((f"prepared for {prepared.issuer}",))
    findings = find_breaches(prepared.tbs, authority, prepared.product)
    if findings:
        raise LintError(findings)
    return LintedCertificate(prepared, authority, _SEAL)


def issue(linted: LintedCertificate, signer: Signer) -> IssuedCertificate:
    """Sign exactly the linted bytes, verify the signature with the authority's certificate, return the certificate.

    SignerError when the signer belongs to another authority, fails, or signs wrongly.
    """
    prepared, authority = linted.prepared, linted.authority
    if signer.authority != authority.short_name:
        raise SignerError(f"le signataire de {signer.authority} ne peut pas signer pour {authority.short_name}")
    return IssuedCertificate(
        der=sign(prepared.tbs, signer, authority.public_key),
        issuer=prepared.issuer,
        product=prepared.product,
        serial=prepared.serial,
        not_before=prepared.not_before,
        not_after=prepared.not_after,
    )


def restore(tbs: bytes, issuer: str, product: str) -> PreparedCertificate:
    """Return what was prepared, from the stored bytes: after a crash they are linted and signed again.

    LintError when the bytes are no TBSCertificate.
    """
    fields = read_tbs(tbs)
    return PreparedCertificate(
        tbs=tbs,
        issuer=issuer,
        product=product,
        serial=fields.serial,
        not_before=fields.not_before,
        not_after=fields.not_after,
    )
