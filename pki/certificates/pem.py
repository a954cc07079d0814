"""PEM of certificates."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def certificate_pem(certificate: bytes) -> bytes:
    """Return a DER certificate as PEM."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
