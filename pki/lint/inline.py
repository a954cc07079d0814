"""The inline lint: rules of RFC 5280 and of the profile over the exact bytes that will be signed.

It reads the bytes with its own reader and shares no code with their construction, apart from the tables of profiles.
Extensions that repeat from one certificate to the next are judged once and remembered by their bytes.
"""

from collections.abc import Iterator
from functools import lru_cache

from cryptography import x509

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.content import BOUNDS
from pki.certificates.profiles import P256_SPKI_HEAD, PRODUCTS, KeyUsageBit, Profile
from pki.certificates.reading import UNREADABLE
from pki.certificates.tbs import VERSION_3, TbsFields, read_tbs
from pki.errors import LintError
from pki.lint import extensions

_MIN_SERIAL_OCTETS, _MAX_SERIAL_OCTETS = 9, 20
_MONTH = 31
_UNSIGNED = der.SHA256_WITH_RSA + der.bit_string(bytes(256))

# SubjectPublicKeyInfo of RSA, 2048 bits, exponent 65537: everything but the modulus is fixed.
_SPKI_HEAD = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
_SPKI_TAIL = bytes.fromhex("0203010001")
_SPKI_LENGTH = 294
_HIGH_BIT = 0x80
_P256_COORDINATES = 64

_ATTRIBUTES = {
    bytes.fromhex("550406"): "country",
    bytes.fromhex("550408"): "state",
    bytes.fromhex("55040a"): "organization",
    bytes.fromhex("55040b"): "organizational_unit",
    bytes.fromhex("550403"): "common_name",
    bytes.fromhex("55040c"): "title",
    bytes.fromhex("550404"): "surname",
    bytes.fromhex("55042a"): "given_name",
}
_ORGANIZATION_BOUND = 64


def find_breaches(tbs: bytes, authority: Authority, product: str) -> tuple[str, ...]:
    """Return every breach found in a DER TBSCertificate that `authority` is about to sign; empty when clean."""
    profile = PRODUCTS.get(product)
    if profile is None:
        return ("unknown product",)
    try:
        fields = read_tbs(tbs)
        subject = _read_subject(fields.subject)
    except LintError as error:
        return error.findings
    except (ValueError, IndexError):
        return ("subject: not a Name of UTF8String and PrintableString values",)
    findings = [
        *_check_frame(fields, authority, profile),
        *_check_subject(subject, profile),
        *_check_key(fields.spki, authority, profile),
        *extensions.check(fields, authority, profile, _common_name(subject)),
    ]
    if not findings and not _library_reads(tbs):
        findings.append("the library's strict parser refuses the certificate")
    return tuple(findings)


def _library_reads(tbs: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(der.tlv(der.SEQUENCE, tbs + _UNSIGNED))
    except UNREADABLE:
        return False
    return True


def _check_frame(fields: TbsFields, authority: Authority, profile: Profile) -> Iterator[str]:
    settings = authority.settings
    if fields.version != VERSION_3:
        yield "version: not 3 (RFC 5280 §4.1.2.1)"
    if fields.serial <= 0 or not _MIN_SERIAL_OCTETS <= fields.serial_octets <= _MAX_SERIAL_OCTETS:
        yield "serial: not positive, or not 9 to 20 octets (RFC 5280 §4.1.2.2)"
    if fields.algorithm != der.SHA256_WITH_RSA:
        yield "signature: not sha256WithRSAEncryption with NULL parameters (RFC 4055 §5)"
    if fields.issuer != authority.name_der:
        yield "issuer: not byte for byte the name of the authority (RFC 5280 §4.1.2.4)"
    if fields.not_after <= fields.not_before:
        yield "validity: ends before it begins"
    if fields.not_before < authority.not_before or fields.not_after > authority.not_after:
        yield "validity: outside that of the authority"
    longest = settings.validity_years * 365 + (settings.validity_years + 3) // 4
    if settings.generation == 1 and profile.private_key_usage_period:
        longest += _MONTH
    if (fields.not_after - fields.not_before).days > longest:
        yield f"validity: longer than {settings.validity_years} years"


def _check_key(spki: bytes, authority: Authority, profile: Profile) -> Iterator[str]:
    if authority.settings.p256 and spki.startswith(P256_SPKI_HEAD):
        if len(spki) != len(P256_SPKI_HEAD) + _P256_COORDINATES:
            yield "key: not one uncompressed point of P-256 (RFC 5480 §2.2)"
        if KeyUsageBit.KEY_ENCIPHERMENT in profile.key_usage:
            yield "key: EC in a product that enciphers keys (RFC 5480 §3)"
        return
    modulus = spki[len(_SPKI_HEAD) : -len(_SPKI_TAIL)]
    if (
        len(spki) != _SPKI_LENGTH
        or not spki.startswith(_SPKI_HEAD)
        or not spki.endswith(_SPKI_TAIL)
        or not modulus[0] & _HIGH_BIT
        or not modulus[-1] & 1
    ):
        yield "key: not RSA of 2048 bits with exponent 65537 and an odd modulus"
    if spki == authority.spki:
        yield "key: the authority's own"


_Rdn = tuple[tuple[str, int, str], ...]


def _read_subject(name: bytes) -> tuple[tuple[_Rdn, bool], ...]:
    """Return for each RDN its (attribute, string tag, text) and whether it is in DER SET order."""
    return tuple(_read_rdn(name[start:end]) for _, start, _, end in der.children(name, *der.sole(name, der.SEQUENCE)))


@lru_cache(maxsize=1024)
def _read_rdn(element: bytes) -> tuple[_Rdn, bool]:
    """Return one RDN. Country, state and structure repeat from one certificate to the next, hence the cache."""
    attributes, encoded = [], []
    for _, offset, content, stop in der.children(element, *der.sole(element, der.SET)):
        (oid_tag, _, oid, oid_end), (text_tag, _, text, text_end) = der.children(element, content, stop)
        if oid_tag != der.OBJECT_IDENTIFIER or text_tag not in {der.UTF8_STRING, der.PRINTABLE_STRING}:
            raise der.DerError
        attribute = _ATTRIBUTES.get(element[oid:oid_end], "unknown")
        attributes.append((attribute, text_tag, element[text:text_end].decode()))
        encoded.append(element[offset:stop])
    return tuple(attributes), encoded == sorted(encoded)


def _common_name(subject: tuple[tuple[_Rdn, bool], ...]) -> str:
    return next((text for rdn, _ in subject for field, _, text in rdn if field == "common_name"), "")


def _check_subject(subject: tuple[tuple[_Rdn, bool], ...], profile: Profile) -> Iterator[str]:
    found = tuple(frozenset(field for field, _, _ in rdn) for rdn, _ in subject)
    if found != _shape(profile) or any(
        len(rdn) != len(fields) for (rdn, _), fields in zip(subject, found, strict=True)
    ):
        yield "subject: not the attributes of the profile in its order"
    for rdn, ordered in subject:
        if not ordered:
            yield "subject: a multi-valued RDN is not in DER SET order (X.690 §11.6)"
        for field, tag, text in rdn:
            wanted = der.PRINTABLE_STRING if field == "country" else der.UTF8_STRING
            if tag != wanted:
                yield f"subject: {field} has the wrong string type"
            bound = _ORGANIZATION_BOUND if field == "organization" else BOUNDS.get(field, 0)
            if not 1 <= len(text) <= bound:
                yield f"subject: {field} is empty or beyond its upper bound (RFC 5280 appendix A.1)"
            if not text.isprintable():
                yield f"subject: {field} holds a character that cannot be read"


@lru_cache(maxsize=64)
def _shape(profile: Profile) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(rdn) for rdn in profile.subject)
