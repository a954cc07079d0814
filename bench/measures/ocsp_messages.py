"""OCSP requests of the bench, in their HTTP messages, and the answers to them."""

from __future__ import annotations

import hashlib
import socket

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from batch.context import WorkerContext
from bench.measures.revoked import AUTHORITY
from bench.plateforme.http import post, send
from pki.status.ocsp_response import MEDIA_TYPE_REQUEST

_SEQUENCE = b"\x30\x82"


def request(context: WorkerContext, serial: int, *, nonce: bytes | None = None, keep: bool = True) -> bytes:
    """The bytes to send to ask for a certificate of the authority that is measured."""
    authority = context.authorities[AUTHORITY]
    issuer = x509.SubjectKeyIdentifier.from_public_key(authority.public_key).digest
    name = hashlib.sha1(authority.name_der, usedforsecurity=False).digest()
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, issuer, serial, SHA1())  # noqa: S303 -- CertIDs are made of it
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    body = builder.build().public_bytes(Encoding.DER)
    return post("/", "ocsp.igc.example", MEDIA_TYPE_REQUEST, body, *(() if keep else ("Connection: close",)))


def exchange(connection: socket.socket, message: bytes) -> bytes:
    """The answer in DER; RuntimeError when it is not a whole OCSPResponse."""
    _status, body = send(connection, message)
    if not body.startswith(_SEQUENCE):
        raise RuntimeError("no answer with a status")
    return body
