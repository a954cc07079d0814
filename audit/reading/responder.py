"""Asking an OCSP responder over HTTP (RFC 6960, appendix A) and reading what it says, as a relying party would."""

from __future__ import annotations

import hashlib
import http.client
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from audit.reading.authorities import Authority

_TIMEOUT_SECONDS = 15
_CLOCKS = timedelta(minutes=5)
_HEADERS = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
_PKCS1 = PKCS1v15()
_SHA256 = SHA256()
_REASONS = {
    x509.ReasonFlags.key_compromise: "keyCompromise",
    x509.ReasonFlags.affiliation_changed: "affiliationChanged",
    x509.ReasonFlags.superseded: "superseded",
    x509.ReasonFlags.cessation_of_operation: "cessationOfOperation",
    x509.ReasonFlags.privilege_withdrawn: "privilegeWithdrawn",
}


class Status(NamedTuple):
    """GOOD, REVOKED or UNKNOWN; when revoked the date to the second and the reason, None when none is given."""

    name: str
    at: datetime | None = None
    reason: str | None = None


class ResponderError(Exception):
    """The responder answers, and its answer is no answer that may be trusted; the text is French."""


class Responder:
    """One kept connection. OSError and HTTPException when nobody answers there."""

    def __init__(self, url: str) -> None:
        """Connects when first asked."""
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
        self._trusted: dict[tuple[str, bytes], x509.Certificate] = {}

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def ask(self, authority: Authority, url: str, serial: int, now: datetime, *, by_sha1: bool = True) -> Status:
        """What it says of a certificate; ResponderError when that is no valid answer of this authority now."""
        algorithm: HashAlgorithm = SHA1() if by_sha1 else _SHA256  # noqa: S303 -- only names the issuer in a CertID
        digest = hashlib.new(algorithm.name, usedforsecurity=False)
        name_hash, key_hash = digest.copy(), digest
        name_hash.update(authority.certificate.subject_raw)
        key_hash.update(authority.key_bits)
        asked = (name_hash.digest(), key_hash.digest(), serial)
        request = ocsp.OCSPRequestBuilder().add_certificate_by_hash(*asked, algorithm).build()
        answer = self._post(urlsplit(url).path or "/", request.public_bytes(Encoding.DER))
        return self._read(answer, authority, asked, now)

    def _post(self, path: str, body: bytes) -> bytes:
        try:
            return self._post_once(path, body)
        except (OSError, http.client.HTTPException):
            # The kept connection may have been closed for its age: once more on a new one.
            self._connection.close()
            return self._post_once(path, body)

    def _post_once(self, path: str, body: bytes) -> bytes:
        self._connection.request("POST", path, body, _HEADERS)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != http.client.OK:
            raise ResponderError(f"répond par le code HTTP {response.status}")
        return content

    def _read(self, answer: bytes, authority: Authority, asked: tuple[bytes, bytes, int], now: datetime) -> Status:
        try:
            response = ocsp.load_der_ocsp_response(answer)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                raise ResponderError(f"répond {response.response_status.name}")
            self._check_signature(response, authority, now)
            found = (response.issuer_name_hash, response.issuer_key_hash, response.serial_number)
            this_update, next_update = response.this_update_utc, response.next_update_utc
            status = _status(response)
        except (ValueError, TypeError):
            raise ResponderError("sa réponse est illisible") from None
        if found != asked:
            raise ResponderError("répond pour un autre certificat que celui demandé")
        if next_update is None or not this_update - _CLOCKS <= now < next_update + _CLOCKS:
            raise ResponderError("sa réponse n'est pas d'aujourd'hui (thisUpdate, nextUpdate)")
        return status

    def _check_signature(self, response: ocsp.OCSPResponse, authority: Authority, now: datetime) -> None:
        delegate = self._delegate(response, authority, now)
        key = delegate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or not isinstance(response.signature_hash_algorithm, SHA256):
            raise ResponderError("sa réponse n'est pas signée en sha256WithRSAEncryption")
        try:
            key.verify(response.signature, response.tbs_response_bytes, _PKCS1, _SHA256)
        except InvalidSignature:
            raise ResponderError("la signature de sa réponse est fausse") from None

    def _delegate(self, response: ocsp.OCSPResponse, authority: Authority, now: datetime) -> x509.Certificate:
        """The certificate behind an answer (RFC 6960 §4.2.2.2), checked once."""
        for certificate in response.certificates:
            if (
                x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
                == response.responder_key_hash
            ):
                break
        else:
            raise ResponderError("sa réponse ne porte pas le certificat de son signataire")
        known = authority.short_name, certificate.fingerprint(_SHA256)
        if known not in self._trusted:
            _check_delegate(certificate, authority)
            self._trusted[known] = certificate
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise ResponderError("le certificat de son signataire n'est pas en cours de validité")
        return certificate


def _check_delegate(certificate: x509.Certificate, authority: Authority) -> None:
    try:
        certificate.verify_directly_issued_by(authority.x509)
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        certificate.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        raise ResponderError("le certificat de son signataire n'est pas celui d'un répondeur de l'autorité") from None
    if list(purposes) != [ExtendedKeyUsageOID.OCSP_SIGNING]:
        raise ResponderError("le certificat de son signataire n'est pas celui d'un répondeur de l'autorité")


def _status(response: ocsp.OCSPResponse) -> Status:
    name = response.certificate_status.name
    if response.certificate_status is not ocsp.OCSPCertStatus.REVOKED:
        return Status(name)
    reason = response.revocation_reason
    return Status(name, response.revocation_time_utc, None if reason is None else _REASONS.get(reason, reason.value))
