"""Certs-only PKCS#7 (RFC 5652 SignedData without signers): how a certificate is handed over with its chain.

The certificates stand in the order given, the one that matters first: many readers take the first one for the one that
was meant (`openssl pkcs7 -print_certs` writes them as they come, and a server wants its own certificate first in the
file). DER would put the members of a SET in the order of their octets (X.690 §11.6), which is that of their lengths and
so begins with the root. CMS asks DER of what is signed only (RFC 5652 §2), and here nothing is: everything else is DER,
with definite and shortest lengths. OpenSSL keeps the order in what it writes as well, so every reader knows such files;
`cryptography` reads them with a warning.
"""

from cryptography import x509

from pki.certificates import der
from pki.certificates.reading import UNREADABLE
from pki.errors import ContainerError

MEDIA_TYPE = "application/pkcs7-mime; smime-type=certs-only"

_SIGNED_DATA = der.object_identifier("1.2.840.113549.1.7.2")
_DATA = der.sequence(der.object_identifier("1.2.840.113549.1.7.1"))
_VERSION_1 = der.integer(1)
_EMPTY_SET = der.tlv(der.SET, b"")


def certs_only(leaf: bytes, chain: tuple[bytes, ...]) -> bytes:
    """Return a certs-only message with the leaf and its chain in this order, all given as DER certificates.

    ContainerError when one of them is no certificate.
    """
    certificates = (leaf, *chain)
    for certificate in certificates:
        _check(certificate)
    signed = der.sequence(_VERSION_1, _EMPTY_SET, _DATA, der.tlv(der.CONTEXT_0, b"".join(certificates)), _EMPTY_SET)
    return der.sequence(_SIGNED_DATA, der.tlv(der.CONTEXT_0, signed))


def read_certs_only(data: bytes) -> list[bytes]:
    """Return the DER certificates of a message as `certs_only` makes them, in their order there.

    ContainerError when it is anything else.
    """
    try:
        found = _read(data)
    except (ValueError, IndexError):
        raise ContainerError("not a certs-only PKCS#7 message") from None
    for certificate in found:
        _check(certificate)
    return found


def _read(data: bytes) -> list[bytes]:
    kind, content = der.children(data, *der.sole(data, der.SEQUENCE))
    (signed,) = der.children(data, content[2], content[3])
    parts = der.children(data, signed[2], signed[3])
    version, digests, inner, certificates, signers = (data[start:end] for _, start, _, end in parts)
    if (
        data[kind[1] : kind[3]] != _SIGNED_DATA
        or (content[0], signed[0], parts[3][0]) != (der.CONTEXT_0, der.SEQUENCE, der.CONTEXT_0)
        or (version, digests, inner, signers) != (_VERSION_1, _EMPTY_SET, _DATA, _EMPTY_SET)
    ):
        raise der.DerError
    listed = der.children(certificates, *der.sole(certificates, der.CONTEXT_0))
    return [certificates[start:end] for _, start, _, end in listed]


def _check(certificate: bytes) -> None:
    try:
        x509.load_der_x509_certificate(certificate)
    except UNREADABLE:
        raise ContainerError("not a DER certificate") from None
