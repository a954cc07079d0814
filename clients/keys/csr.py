"""A CSR file that somebody else made, read with a French text for whatever else the file may be."""

from __future__ import annotations

import base64
import binascii
import codecs
import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)
"""Everything that cryptography raises about bytes that are not what they should be."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_CSR_LABELS = {b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"}
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]+")


class CsrError(ValueError):
    """A file that holds no usable PKCS#10; the text is French and completes "the file ..."."""


def read_csr(content: bytes) -> bytes:
    """The DER of the one PKCS#10 in ``content`` (DER, or PEM in ASCII, UTF-8 or UTF-16).

    Its key and signature are the service's to judge. Raises CsrError.
    """
    content = _without_mark(content)
    if not content.strip():
        raise CsrError("est vide.")
    labels = _BLOCK.findall(content)
    requests = [label for label in labels if label in _CSR_LABELS]
    if labels and not requests:
        raise CsrError(_other_block(labels))
    if len(requests) > 1:
        raise CsrError(f"contient {len(requests)} CSR ; il en faut une par fichier et par demande.")
    try:
        request = x509.load_pem_x509_csr(content) if requests else x509.load_der_x509_csr(content)
    except x509.InvalidVersion as error:
        raise CsrError("porte un numéro de version inconnu ; celui d'une CSR PKCS#10 est 0.") from error
    except UNREADABLE as error:
        raise CsrError(_what_else(content, pem=bool(requests))) from error
    return request.public_bytes(Encoding.DER)


def _without_mark(content: bytes) -> bytes:
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace").encode("utf-8")
    return content.removeprefix(codecs.BOM_UTF8)


def _other_block(labels: list[bytes]) -> str:
    if any(b"PRIVATE KEY" in label for label in labels):
        return "est une clé privée, à garder pour vous ; il faut la CSR faite avec elle."
    if b"CERTIFICATE" in labels:
        return "est un certificat ; il faut une CSR (CERTIFICATE REQUEST)."
    return f"contient {labels[0].decode('ascii')} ; il faut une CSR (CERTIFICATE REQUEST)."


def _what_else(content: bytes, *, pem: bool) -> str:
    if pem:
        return "est en PEM, mais son contenu est coupé ou n'est pas une CSR PKCS#10."
    if _BASE64.fullmatch(content):
        try:
            inner = base64.b64decode(b"".join(content.split()), validate=True)
        except (ValueError, binascii.Error):
            inner = b""
        if inner.startswith(b"-----BEGIN"):
            return "est un PEM encodé encore une fois en base64 ; donnez le PEM lui-même."
        if inner.startswith(b"0"):
            return "est en base64 sans les lignes BEGIN et END du PEM ; ajoutez-les, ou donnez le DER."
    if content.startswith(b"PK\x03\x04"):
        return "est une archive ou un document, pas une CSR."
    return "n'est pas une CSR PKCS#10 (PEM ou DER) ; il est peut-être coupé."
