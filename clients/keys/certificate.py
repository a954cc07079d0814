"""A certificate in a file, as it was withdrawn: who issued it, and under which number."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from clients.errors import IgcClientError
from clients.files import reason_of
from clients.keys.csr import UNREADABLE

_PEM_MARK = b"-----BEGIN"


class CertificateFileError(IgcClientError):
    """A file that was to hold a certificate and does not."""


def issuer_and_serial(path: Path) -> tuple[str, str]:
    """The name of the issuer (RFC 4514) and the serial number (hexadecimal) of the certificate in a PEM or DER file.

    Of several in PEM the first one counts: its chain follows it. Raises CertificateFileError, in French.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CertificateFileError(f"Le certificat {path} ne peut pas être lu : {reason_of(error)}.") from error
    try:
        if _PEM_MARK in content:
            certificate = x509.load_pem_x509_certificates(content)[0]
        else:
            certificate = x509.load_der_x509_certificate(content)
        return certificate.issuer.rfc4514_string(), f"{certificate.serial_number:X}"
    except UNREADABLE as error:
        what = "Un .p7b n'en est pas un : prenez le .pem écrit à côté." if path.suffix.lower() == ".p7b" else ""
        raise CertificateFileError(
            f"Le fichier {path} n'est pas un certificat en PEM ou en DER. {what}".strip()
        ) from error
