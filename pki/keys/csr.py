"""Certification requests (RFC 2986): decoding the forms that people send, and accepting one.

Only the public key counts, after proof of possession. The subject, the attributes and the extensions of a request
are never read: names come from the registration authority.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import SignatureAlgorithmOID

from pki.errors import CsrError, CsrProblem
from pki.keys.csr_diagnosis import PEM_BLOCK, REQUEST_LABELS, diagnose, pem_problem
from pki.keys.key_policy import DEFAULT_POLICY, KeyPolicy, check_composite, check_point, check_rsa_key

MAX_CSR_BYTES = 16 * 1024
MAX_TEXT_BYTES = 2 * MAX_CSR_BYTES  # base64 with line ends

_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()
_ECDSA = ec.ECDSA(_SHA256)
# By whether the key is RSA.
_ALGORITHMS = {True: SignatureAlgorithmOID.RSA_WITH_SHA256, False: SignatureAlgorithmOID.ECDSA_WITH_SHA256}
_DER_SEQUENCE = b"\x30"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class AcceptedCsr:
    """A request whose signature proves possession of an acceptable key; made by accept_csr only.

    `der` may hold a challengePassword of the sender: it belongs in no log. `modulus` is None for a key on a curve.
    """

    der: bytes
    spki: bytes
    spki_sha256: bytes
    modulus: int | None


def accept_csr(data: bytes, policy: KeyPolicy = DEFAULT_POLICY) -> AcceptedCsr:
    """Return the accepted request, or raise CsrError; no bytes whatever raise anything else.

    `data` is one DER PKCS#10 structure. Accepted: RSA of exactly 2048 bits, exponent 65537, signed by itself with
    sha256WithRSAEncryption, passing the key policy; and where the policy admits it EC on P-256, its point
    uncompressed, signed with ecdsa-with-SHA256. What takes other requests to see is the caller's to check: the same key
    twice, and primes in common (shared_primes.py).
    """
    if len(data) > MAX_CSR_BYTES:
        raise CsrError(CsrProblem.TOO_LARGE)
    data = bytes(data)
    csr, key = _parse(data, policy)
    # The library passes over unused bits: the octet before the last ones says that there are none.
    if data[-len(csr.signature) - 1]:
        raise CsrError(CsrProblem.SIGNATURE_BITS)
    if csr.signature_algorithm_oid != _ALGORITHMS[isinstance(key, rsa.RSAPublicKey)]:
        raise CsrError(CsrProblem.WRONG_ALGORITHM)
    signed = csr.tbs_certrequest_bytes
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    # A key under another identifier (RSASSA-PSS), with odd parameters or a compressed point would be certified in a
    # form that its owner did not present.
    if spki not in signed:
        raise CsrError(CsrProblem.WRONG_KEY_TYPE)
    spki_sha256 = hashlib.sha256(spki).digest()
    modulus = None
    try:
        if isinstance(key, rsa.RSAPublicKey):
            numbers = key.public_numbers()
            modulus = numbers.n
            check_rsa_key(modulus, numbers.e, spki_sha256, policy)
            key.verify(csr.signature, signed, _PKCS1V15, _SHA256)
        else:
            check_point(key.public_numbers().x, spki_sha256, policy)
            key.verify(csr.signature, signed, _ECDSA)
    except InvalidSignature:
        raise CsrError(CsrProblem.BAD_SIGNATURE) from None
    if modulus is not None:
        check_composite(modulus, policy)
    return AcceptedCsr(der=data, spki=spki, spki_sha256=spki_sha256, modulus=modulus)


_Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def _parse(data: bytes, policy: KeyPolicy) -> tuple[x509.CertificateSigningRequest, _Key]:
    """Return the request and its key. The errors of the parser are many and undocumented; each is a refusal."""
    try:
        csr = x509.load_der_x509_csr(data)
    except Exception:  # noqa: BLE001 -- see above
        raise CsrError(diagnose(data)) from None
    try:
        key = csr.public_key()
    except Exception:  # noqa: BLE001 -- unsupported types, points off the curve, broken numbers
        raise CsrError(CsrProblem.WRONG_KEY_TYPE) from None
    if isinstance(key, rsa.RSAPublicKey):
        return csr, key
    if policy.p256 and isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return csr, key
    raise CsrError(CsrProblem.WRONG_KEY_TYPE)


def decode_csr(text_or_bytes: str | bytes) -> bytes:
    """Return the DER of one request given as PEM, DER or bare base64; else raise CsrError, which says what it is.

    PEM may say NEW CERTIFICATE REQUEST, use CRLF, begin with a BOM and stand between other lines; two requests in one
    file are refused, a private key beside one above all. Only the envelope is checked here: accept_csr judges the
    content.
    """
    data = text_or_bytes.encode("utf-8", "replace") if isinstance(text_or_bytes, str) else bytes(text_or_bytes)
    if len(data) > MAX_TEXT_BYTES:
        raise CsrError(CsrProblem.TOO_LARGE)
    if data.startswith(_DER_SEQUENCE) and not _is_base64(data):
        return _bounded(data)
    data = data.removeprefix(_BOM)
    if b"-----" in data:
        data = _pem_body(data)
    return _bounded(_from_base64(data))


def _bounded(request: bytes) -> bytes:
    if len(request) > MAX_CSR_BYTES:
        raise CsrError(CsrProblem.TOO_LARGE)
    return request


def _pem_body(data: bytes) -> bytes:
    blocks = list(PEM_BLOCK.finditer(data))
    problem = pem_problem([block["label"] for block in blocks])
    if problem is None and data.count(b"-----BEGIN ") != len(blocks):
        problem = CsrProblem.TRUNCATED  # a block that does not end
    if problem is not None:
        raise CsrError(problem)
    return next(block["body"] for block in blocks if block["label"] in REQUEST_LABELS)


def _is_base64(data: bytes) -> bool:
    return re.fullmatch(rb"[A-Za-z0-9+/=\s]+", data) is not None


def _from_base64(data: bytes) -> bytes:
    try:
        decoded = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        raise CsrError(diagnose(data)) from None
    if not decoded.startswith(_DER_SEQUENCE) or _is_base64(decoded):
        raise CsrError(diagnose(decoded))
    return decoded
