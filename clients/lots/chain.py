"""What a withdrawal hands over: a PKCS#7 with one certificate and its chain, put in order."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from clients.errors import UnexpectedAnswerError
from clients.keys.csr import UNREADABLE


def ordered_chain(pkcs7_der: bytes, numero_serie: str) -> list[x509.Certificate]:
    """The certificates of a PKCS#7 from the one with that serial number up to the root, as far as they go.

    Raises UnexpectedAnswerError when it is no PKCS#7 or does not hold exactly one certificate of that number.
    """
    try:
        with warnings.catch_warnings():
            # The certificates come leaf first, and not in the order of DER: CMS leaves it free, the library says so.
            warnings.filterwarnings("ignore", "PKCS#7 certificates could not be parsed as DER")
            certificates = pkcs7.load_der_pkcs7_certificates(pkcs7_der)
    except UNREADABLE as error:
        raise UnexpectedAnswerError("Le service a remis un PKCS#7 illisible.") from error
    leaves = [certificate for certificate in certificates if _same_serial(certificate.serial_number, numero_serie)]
    if len(leaves) != 1:
        raise UnexpectedAnswerError(f"Le PKCS#7 remis ne contient pas le certificat de numéro de série {numero_serie}.")
    chain = leaves
    remaining = [certificate for certificate in certificates if certificate is not chain[0]]
    while True:
        above = next((one for one in remaining if one.subject == chain[-1].issuer), None)
        if above is None:
            return chain
        remaining.remove(above)
        chain.append(above)


def _same_serial(serial: int, text: str) -> bool:
    digits = text.replace(":", "").replace(" ", "").lower()
    return digits.lstrip("0") == f"{serial:x}"
