"""A responder of the test hierarchy, and requests made by the library."""

import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pki.authority import Authority
from pki.certificates import der
from pki.delegates.delegated import DelegatedSigner, Office, issue_certificate, prepare_certificate
from pki.delegates.ocsp_signer import RESPONDER
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, KeySigner

HOUR = timedelta(hours=1)
LIFE = timedelta(days=30)


def make_responder(
    authority: Authority,
    label: str = "issuing",
    *,
    now: datetime = NOW - HOUR,
    life: timedelta = LIFE,
    office: Office = RESPONDER,
) -> DelegatedSigner:
    """Return a responder, or the holder of another office, with a test key; `label` names the authority's key."""
    private = key("leaf-2")
    tbs = prepare_certificate(office, authority, private.public_key(), SERIAL + 7, now, life)
    certificate = issue_certificate(office, authority, KeySigner(authority.short_name, key(label)), tbs)
    return DelegatedSigner(
        authority=authority.short_name,
        certificate=x509.load_der_x509_certificate(certificate),
        certificate_der=certificate,
        private_key=private,
    )


def cert_id(authority: Authority, serial: int = SERIAL, algorithm: type[HashAlgorithm] = SHA1) -> bytes:
    """Return a DER CertID, cut from a request that the library made."""
    request = make_request(authority, serial, algorithm)
    tbs = der.children(request, *der.sole(request, der.SEQUENCE))[0]
    listed = der.children(request, tbs[2], tbs[3])[0]
    single = der.children(request, listed[2], listed[3])[0]
    identifier = der.children(request, single[2], single[3])[0]
    return request[identifier[1] : identifier[3]]


def make_request(
    authority: Authority, serial: int = SERIAL, algorithm: type[HashAlgorithm] = SHA1, nonce: bytes | None = None
) -> bytes:
    """Return a DER OCSPRequest for one serial."""
    builder = ocsp.OCSPRequestBuilder()
    name, bits = authority.name_der, authority.key_bits
    digest = algorithm().name
    builder = builder.add_certificate_by_hash(
        hashlib.new(digest, name).digest(), hashlib.new(digest, bits).digest(), serial, algorithm()
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)
