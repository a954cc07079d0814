"""Reading a CRL before anything in it is believed (RFC 5280 §5, §6.3.3): whose it is, and what it speaks of."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.reading import UNREADABLE
from pki.errors import CrlError, CrlForgedError
from pki.status.crl_entries import entries_field

_MAX_NUMBER_BITS = 159
_DELTA = ExtensionOID.DELTA_CRL_INDICATOR
# How DER writes the mark of a critical extension, and the tag that follows it: three octets alone stand by chance in
# one long list of ten, among the serial numbers.
_TRUE = b"\x01\x01\xff\x04"


@dataclass(frozen=True, slots=True)
class CrlHead:
    """What a list says apart from its entries: ``has_point`` that it names the part which it is."""

    number: int
    is_delta: bool
    has_point: bool


def read_crl(authority: Authority, data: bytes) -> x509.CertificateRevocationList:
    """Return the full CRL of an authority, DER; CrlError says what is wrong with it.

    Wanted: the authority's name byte for byte, its key identifier and its sha256WithRSAEncryption signature;
    nextUpdate; a CRLNumber that is not critical and has at most 20 octets; no delta, no part of a list but the one at
    our own address, no critical extension or entry extension that is not understood. Dates are the caller's to judge.
    Who did not sign it is told by CrlForgedError.
    """
    return _read(authority, data, delta=False)


def read_delta(authority: Authority, data: bytes) -> x509.CertificateRevocationList:
    """Return the delta CRL of an authority, DER (§5.2.4); CrlError as in read_crl, and when it is no delta.

    Its base is a number that is not above its own; whether it follows a list that the caller has is his to judge.
    """
    return _read(authority, data, delta=True)


def read_head(authority: Authority, data: bytes) -> CrlHead:
    """Return what the full or delta CRL of an authority says, DER; CrlError as in read_crl and read_delta.

    Its entries are covered by the signature, and not read: a long list costs little more than its hash.
    """
    extensions = _checked(authority, data, delta=None)
    return CrlHead(
        number=extensions.get_extension_for_class(x509.CRLNumber).value.crl_number,
        is_delta=_has(extensions, _DELTA),
        has_point=_has(extensions, ExtensionOID.ISSUING_DISTRIBUTION_POINT),
    )


def _has(extensions: x509.Extensions, oid: x509.ObjectIdentifier) -> bool:
    return any(extension.oid == oid for extension in extensions)


def _read(authority: Authority, data: bytes, *, delta: bool) -> x509.CertificateRevocationList:
    _checked(authority, data, delta=delta)
    try:
        return x509.load_der_x509_crl(data)
    except UNREADABLE:
        raise CrlError(f"{authority.short_name} : la CRL ne se lit pas") from None


def _checked(authority: Authority, data: bytes, *, delta: bool | None) -> x509.Extensions:
    """All that is wanted of a list but its entries; ``delta`` None: of either kind."""
    name = authority.short_name
    try:
        tbs, signature, short = _frame(data)
        authority.public_key.verify(signature, tbs, PKCS1v15(), SHA256())
        crl = x509.load_der_x509_crl(short)
        extensions = crl.extensions
        issuer = crl.issuer.public_bytes()
    except (IndexError, *UNREADABLE):
        raise CrlError(f"{name} : la CRL ne se lit pas") from None
    except InvalidSignature:
        raise CrlForgedError(f"{name} : la CRL n'est pas signée par cette AC") from None
    if issuer != authority.name_der:
        raise CrlForgedError(f"{name} : la CRL n'est pas signée par cette AC")
    if crl.next_update_utc is None:
        raise CrlError(f"{name} : la CRL est sans fin de validité")
    _check_extensions(authority, extensions, delta=_has(extensions, _DELTA) if delta is None else delta)
    if data.count(_TRUE) > sum(extension.critical for extension in extensions):
        _check_entries(name, data)
    return extensions


def _frame(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what is signed, the signature, and the list without its entries, which the library reads in no time.

    The library would encode what is signed anew, which is slow for a long list.
    """
    tbs, algorithm, signature = der.children(data, *der.sole(data, der.SEQUENCE))
    inner = [field for field in der.children(data, tbs[2], tbs[3])[:2] if field[0] == der.SEQUENCE][0]  # noqa: RUF015 -- IndexError is meant
    if not data[algorithm[1] : algorithm[3]] == data[inner[1] : inner[3]] == der.SHA256_WITH_RSA:
        raise der.DerError
    entries, short = entries_field(data), data
    if entries is not None:
        kept = data[tbs[2] : entries.offset] + data[entries.end : tbs[3]]
        short = der.sequence(der.tlv(der.SEQUENCE, kept), data[algorithm[1] : signature[3]])
    return data[tbs[1] : tbs[3]], data[signature[2] + 1 : signature[3]], short


def _check_extensions(authority: Authority, extensions: x509.Extensions, *, delta: bool) -> None:
    name = authority.short_name
    found = {extension.oid: extension for extension in extensions}
    number = found.get(ExtensionOID.CRL_NUMBER)
    if number is None or not isinstance(number.value, x509.CRLNumber):
        raise CrlError(f"{name} : CRL sans numéro")
    if number.critical or not 0 <= number.value.crl_number < 1 << _MAX_NUMBER_BITS:
        raise CrlError(f"{name} : le numéro de la CRL est critique, ou n'a pas de 1 à 20 octets")
    key_id = found.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    if key_id is None or key_id.value != x509.AuthorityKeyIdentifier(authority.key_id, None, None):
        raise CrlError(f"{name} : la CRL nomme une autre clé")
    base = found.pop(ExtensionOID.DELTA_CRL_INDICATOR, None)
    if base is not None and not delta:
        raise CrlError(f"{name} : une delta CRL n'est pas la liste entière")
    if delta and not _is_base(base, number.value.crl_number):
        raise CrlError(f"{name} : pas une delta CRL, ou base impossible")
    point = found.pop(ExtensionOID.ISSUING_DISTRIBUTION_POINT, None)
    if point is not None and point.value != _own_point(authority):
        raise CrlError(f"{name} : la CRL n'est qu'une partie de la liste")
    if any(extension.critical for extension in found.values()):
        raise CrlError(f"{name} : une extension critique de la CRL n'est pas comprise")


def _is_base(base: x509.Extension[x509.ExtensionType] | None, number: int) -> bool:
    return (
        base is not None
        and base.critical
        and isinstance(base.value, x509.DeltaCRLIndicator)
        and 0 <= base.value.crl_number <= number
    )


def _own_point(authority: Authority) -> x509.IssuingDistributionPoint:
    """Return the only scope that our lists have: everything, at the address of this authority."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(authority.url(authority.settings.crl_url))],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _check_entries(name: str, data: bytes) -> None:
    """Slow, and asked only when the octets of a critical extension stand somewhere in the list."""
    try:
        crl = x509.load_der_x509_crl(data)
        critical = any(extension.critical for entry in crl for extension in entry.extensions)
    except UNREADABLE:
        raise CrlError(f"{name} : une entrée de la CRL ne se lit pas") from None
    if critical:
        raise CrlError(f"{name} : une extension critique d'une entrée n'est pas comprise")
