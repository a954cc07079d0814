"""What a withdrawal hands over: a certificate, and beside it the chains of the authorities that sign."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from clients.contract.values import Chaine, Retrait
from clients.errors import UnexpectedAnswerError
from clients.keys.csr import UNREADABLE


def chain_of(retrait: Retrait, chaines: Iterable[Chaine]) -> list[x509.Certificate]:
    """The withdrawn certificate and those above it, up to the root.

    Two authorities may have one name and two keys: the chain is the one whose first certificate signed this one. Raises
    UnexpectedAnswerError when none did, when the certificate has another serial number, or is not in its PKCS#7.
    """
    leaf = _certificate(retrait.certificat)
    if leaf is None or not _same_serial(leaf.serial_number, retrait.numero_serie):
        raise UnexpectedAnswerError(f"Le service n'a pas remis le certificat de numéro {retrait.numero_serie}.")
    # DER is written as it is into the container: nobody has to read it to know that the certificate is there.
    if retrait.certificat not in retrait.pkcs7:
        raise UnexpectedAnswerError(f"Le PKCS#7 remis ne contient pas le certificat de numéro {retrait.numero_serie}.")
    for chaine in chaines:
        above = [_certificate(der) for der in chaine.certificat]
        if above and all(above) and _signed_by(leaf, above[0]):
            return [leaf, *(one for one in above if one is not None)]
    raise UnexpectedAnswerError(f"Le service n'a pas remis la chaîne du certificat de numéro {retrait.numero_serie}.")


@functools.lru_cache(maxsize=64)
def _certificate(der: bytes) -> x509.Certificate | None:
    """None for what is none. The few above all the others of a page are read once."""
    try:
        return x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None


def _signed_by(leaf: x509.Certificate, issuer: x509.Certificate | None) -> bool:
    if issuer is None or leaf.issuer != issuer.subject:
        return False
    try:
        leaf.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _same_serial(serial: int, text: str) -> bool:
    digits = text.replace(":", "").replace(" ", "").lower()
    return digits.lstrip("0") == f"{serial:x}"
