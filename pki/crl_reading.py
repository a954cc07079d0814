"""Reading a full CRL before anything in it is believed (RFC 5280 §5, §6.3.3): whose it is, and what it speaks of."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID

from pki import der
from pki.authority import Authority
from pki.errors import CrlError
from pki.reading import UNREADABLE

_MAX_NUMBER_BITS = 159
_POINT = der.object_identifier(ExtensionOID.ISSUING_DISTRIBUTION_POINT.dotted_string)
_TRUE = b"\x01\x01\xff"  # how DER writes the mark of a critical extension


def read_crl(authority: Authority, data: bytes) -> x509.CertificateRevocationList:
    """Return the full CRL of an authority, DER; CrlError says what is wrong with it.

    Wanted: the authority's name byte for byte, its key identifier and its sha256WithRSAEncryption signature;
    nextUpdate; a CRLNumber that is not critical and has at most 20 octets; no delta, no part of a list but the one at
    our own address, no critical extension or entry extension that is not understood. Dates are the caller's to judge.
    """
    name = authority.short_name
    try:
        tbs, signature = _frame(data)
        authority.public_key.verify(signature, tbs, PKCS1v15(), SHA256())
        crl = x509.load_der_x509_crl(data)
        extensions = crl.extensions
        issuer = crl.issuer.public_bytes()
    except (IndexError, *UNREADABLE):
        raise CrlError(f"{name}: the CRL cannot be read") from None
    except InvalidSignature:
        raise CrlError(f"{name}: the CRL is not signed by this authority") from None
    if issuer != authority.name_der:
        raise CrlError(f"{name}: the CRL is not signed by this authority")
    if crl.next_update_utc is None:
        raise CrlError(f"{name}: the CRL never ends")
    _check_extensions(authority, extensions)
    if tbs.count(_TRUE) > sum(extension.critical for extension in extensions):
        _check_entries(name, crl)
    return crl


def _frame(data: bytes) -> tuple[bytes, bytes]:
    """Return what is signed and the signature; the library would encode it anew, which is slow for a long list."""
    tbs, algorithm, signature = der.children(data, *der.sole(data, der.SEQUENCE))
    inner = [field for field in der.children(data, tbs[2], tbs[3])[:2] if field[0] == der.SEQUENCE][0]  # noqa: RUF015 - IndexError is meant
    if not data[algorithm[1] : algorithm[3]] == data[inner[1] : inner[3]] == der.SHA256_WITH_RSA:
        raise der.DerError
    return data[tbs[1] : tbs[3]], data[signature[2] + 1 : signature[3]]


def has_issuing_point(data: bytes) -> bool:
    """Whether a CRL, DER, says of which part it is; read without its entries. CrlError when that cannot be read."""
    try:
        tbs, *_ = der.children(data, *der.sole(data, der.SEQUENCE))
        *_, last = der.children(data, tbs[2], tbs[3])
    except (ValueError, IndexError):
        raise CrlError("the CRL cannot be read") from None
    return last[0] == der.CONTEXT_0 and _POINT in data[last[2] : last[3]]


def _check_extensions(authority: Authority, extensions: x509.Extensions) -> None:
    name = authority.short_name
    found = {extension.oid: extension for extension in extensions}
    number = found.get(ExtensionOID.CRL_NUMBER)
    if number is None or not isinstance(number.value, x509.CRLNumber):
        raise CrlError(f"{name}: a CRL without number")
    if number.critical or not 0 <= number.value.crl_number < 1 << _MAX_NUMBER_BITS:
        raise CrlError(f"{name}: the number of the CRL is critical or not 1 to 20 octets")
    key_id = found.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    if key_id is None or key_id.value != x509.AuthorityKeyIdentifier(authority.key_id, None, None):
        raise CrlError(f"{name}: the CRL names another key")
    if ExtensionOID.DELTA_CRL_INDICATOR in found:
        raise CrlError(f"{name}: a delta is not the whole list")
    point = found.pop(ExtensionOID.ISSUING_DISTRIBUTION_POINT, None)
    if point is not None and point.value != _own_point(authority):
        raise CrlError(f"{name}: the CRL is only a part of the list")
    if any(extension.critical for extension in found.values()):
        raise CrlError(f"{name}: a critical extension of the CRL is not understood")


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


def _check_entries(name: str, crl: x509.CertificateRevocationList) -> None:
    """Slow, and asked only when the octets of a critical extension stand somewhere in the list."""
    try:
        critical = any(extension.critical for entry in crl for extension in entry.extensions)
    except UNREADABLE:
        raise CrlError(f"{name}: an entry of the CRL cannot be read") from None
    if critical:
        raise CrlError(f"{name}: a critical extension of an entry is not understood")
