"""Certs-only PKCS#7 (RFC 5652 SignedData without signers): how a certificate is handed over with its chain."""

import warnings

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pki.errors import ContainerError

MEDIA_TYPE = "application/pkcs7-mime; smime-type=certs-only"


def certs_only(leaf: bytes, chain: tuple[bytes, ...]) -> bytes:
    """Return a DER certs-only message with the leaf and its chain, all given as DER certificates.

    DER puts the members of a SET in the order of their bytes, so a reader finds the leaf by its content, not its place.
    """
    try:
        certificates = [x509.load_der_x509_certificate(certificate) for certificate in (leaf, *chain)]
    except ValueError:
        raise ContainerError("not a DER certificate") from None
    return pkcs7.serialize_certificates(certificates, Encoding.DER)


def read_certs_only(data: bytes) -> list[bytes]:
    """Return the DER certificates of a DER PKCS#7 message, in their order there; ContainerError when unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # The library warns when it falls back to BER: that is not ours.
            certificates = pkcs7.load_der_pkcs7_certificates(data)
    except (ValueError, UserWarning, UnsupportedAlgorithm):
        raise ContainerError("not a DER certs-only PKCS#7 message") from None
    return [certificate.public_bytes(Encoding.DER) for certificate in certificates]
