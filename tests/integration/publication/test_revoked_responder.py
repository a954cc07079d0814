"""Revocations as relying parties see them at once; and the delegated keys that are revoked themselves."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from sqlalchemy import select

from batch.context import BatchPolicy
from batch.delegates import responders
from batch.delegates.responders import renew_due
from pki.certificates.serials import serial_hex
from pki.delegates.delegated import signer_file
from pki.delegates.ocsp_signer import RESPONDER
from registration.revocation.by_key import revoke_key
from registration.revocation.revoking import revoke
from storage import tables
from tests.integration.publication.conftest import ORG, Place
from tests.support.assertions import the

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


def answer(place: Place, request: bytes) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(place.post(request).body)


def revoke_for(place: Place, certificate: x509.Certificate, raison: str) -> None:
    row = tables.Certificat
    with place.db.write() as session:
        ident = session.scalars(select(row.id).where(row.serial == serial_hex(certificate.serial_number))).one()
        revoke(session, {ident: raison}, place.clock(), "essai")


def test_ocsp_says_it_at_once_and_a_stronger_reason_too(place: Place) -> None:
    certificate = place.issue()
    request = place.request(certificate)
    for _ in range(3):  # signed, then kept, then known by heart
        assert answer(place, request).certificate_status.name == "GOOD"
    revoked = place.clock()
    revoke_for(place, certificate, "superseded")
    assert answer(place, request).revocation_reason is x509.ReasonFlags.superseded
    place.clock.advance(minutes=1)
    revoke_for(place, certificate, "keyCompromise")
    for _ in range(3):
        told = answer(place, request)
        assert told.revocation_reason is x509.ReasonFlags.key_compromise
        assert told.revocation_time_utc == revoked.replace(microsecond=0)


def test_a_compromised_responder_is_out_of_service_and_replaced(place: Place) -> None:
    certificate = place.issue()
    kept = place.request(certificate)
    assert place.context.responders is not None
    file = signer_file(RESPONDER, place.context.responders.folder, ORG)
    former = x509.load_pem_x509_certificate(file.read_bytes())
    assert answer(place, kept).certificate_status.name == "GOOD"
    assert not responders.any_due(place.db, BatchPolicy(), place.clock())

    row = tables.Certificat
    with place.db.read() as session:
        key = session.scalars(select(row.spki_sha256).where(row.produit == RESPONDER.product)).one()
    assert len(revoke_key(place.db, the(key), place.clock, "essai").certificates) == 1
    # The relay sees it, whatever the age of the lists.
    assert responders.any_due(place.db, BatchPolicy(), place.clock())
    place.clock.advance(seconds=6)
    # Neither a kept answer of that key nor a new one: tryLater, until there is another key.
    other = place.request(place.issue())
    for request in (kept, other, kept):
        assert answer(place, request).response_status.name == "TRY_LATER"

    assert renew_due(place.context) == 1
    assert renew_due(place.context) == 0
    assert not responders.any_due(place.db, BatchPolicy(), place.clock())
    assert x509.load_pem_x509_certificate(file.read_bytes()).serial_number != former.serial_number
    place.clock.advance(seconds=6)
    for request in (kept, other):
        told = answer(place, request)
        assert told.certificate_status.name == "GOOD"
        assert told.responder_key_hash != x509.SubjectKeyIdentifier.from_public_key(former.public_key()).digest
    # And of the former one it says what it is.
    assert answer(place, place.request(former)).certificate_status.name == "REVOKED"
