"""The OCSP responder over HTTP, with real certificates and real revocations, on both databases."""

from __future__ import annotations

import base64
import http.client
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import ocsp
from sqlalchemy import delete, update

from batch.delegates.responders import renew_due
from pki.certificates import der
from pki.certificates.serials import new_serial, serial_hex
from pki.delegates.delegated import DelegatedSigner, signer_file
from pki.delegates.ocsp_signer import RESPONDER
from publication.answers import KeptAnswers
from publication.keys import ResponderKeys
from publication.maker import AnswerMaker
from publication.responder import OcspResponder
from publication.statuses import StatusReader
from storage import tables
from tests.integration.publication.conftest import OCSP_TYPE, ORG, Place, Reply
from tests.support.assertions import rsa_key, the
from tests.support.clock import Clock
from tests.unit.pki.ocsp_support import HOUR, cert_id, make_request, make_responder
from tests.vectors.samples import NOW, SERIAL, make_issuing

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


def read(reply: Reply) -> ocsp.OCSPResponse:
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(reply.body)


def status(reply: Reply) -> str:
    return read(reply).certificate_status.name


def error(reply: Reply) -> str:
    return read(reply).response_status.name


def get_path(request: bytes) -> str:
    return "/" + quote(base64.b64encode(request).decode(), safe="")


@pytest.mark.parametrize("algorithm", [SHA1, SHA256])
def test_good_then_revoked_by_post_and_get(place: Place, algorithm: type) -> None:
    certificate = place.issue()
    request = place.request(certificate, algorithm)
    for _ in range(3):  # signed, then kept, then known by heart
        assert status(place.post(request)) == "GOOD"
        assert status(place.get(get_path(request))) == "GOOD"
    place.revoke(certificate)
    for reply in (place.post(request), place.get(get_path(request))):
        answer = read(reply)
        assert answer.certificate_status.name == "REVOKED"
        assert answer.revocation_reason is x509.ReasonFlags.key_compromise
        assert answer.revocation_time_utc == place.clock().replace(microsecond=0)


def test_no_answer_is_older_than_a_committed_revocation(place: Place) -> None:
    """Clients that never stop asking see the revocation in the very next answer, on kept connections too."""
    certificates = [place.issue() for _ in range(4)]

    def watch(certificate: x509.Certificate) -> list[str]:
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
        request, seen = place.request(certificate), []

        def ask() -> str:
            connection.request("POST", "/", request, OCSP_TYPE)
            return ocsp.load_der_ocsp_response(connection.getresponse().read()).certificate_status.name

        seen += [ask() for _ in range(20)]
        place.revoke(certificate)
        seen += [ask() for _ in range(3)]
        connection.close()
        return seen

    with ThreadPoolExecutor(4) as pool:
        for seen in pool.map(watch, certificates):
            assert seen == ["GOOD"] * 20 + ["REVOKED"] * 3


def test_a_revocation_dated_by_a_clock_ahead_counts_at_once(place: Place) -> None:
    certificate = place.issue()
    now = place.clock()
    place.clock.advance(seconds=5)
    place.revoke(certificate)
    place.clock.now = now
    assert status(place.post(place.request(certificate))) == "REVOKED"


def test_unknown_for_a_serial_never_issued(place: Place) -> None:
    for serial in (new_serial(), 1):
        reply = place.post(make_request(place.context.authorities[ORG], serial))
        assert status(reply) == "UNKNOWN"
        # It may be issued the next second.
        assert reply.headers["cache-control"] == "no-store"
    certificate = place.issue()
    assert status(place.post(place.request(certificate))) == "GOOD"


def test_unknown_for_a_serial_that_is_promised_and_not_signed_yet(place: Place) -> None:
    authority, serial = place.context.authorities[ORG], new_serial()
    with place.db.write() as session:
        row = tables.Certificat(
            autorite=ORG, serial=serial_hex(serial), produit="ORG_AUTH_CLI", tbs=b"...", not_before=place.clock(),
            not_after=place.clock() + HOUR,
        )  # fmt: skip
        session.add(row)
    assert status(place.post(make_request(authority, serial))) == "UNKNOWN"
    with place.db.write() as session:
        session.execute(
            update(tables.Certificat)
            .where(tables.Certificat.serial == serial_hex(serial))
            .values(emis_le=place.clock())
        )
    assert status(place.post(make_request(authority, serial))) == "GOOD"


def test_every_cert_id_is_answered_by_the_one_responder(place: Place) -> None:
    good, revoked = place.issue(), place.issue()
    place.revoke(revoked, "superseded")
    authority, other = place.context.authorities[ORG], place.context.authorities["ACI-EL-PP-TEST"]
    ids = [
        cert_id(authority, good.serial_number),
        cert_id(authority, revoked.serial_number, SHA256),
        cert_id(authority, new_serial()),
        cert_id(other, good.serial_number),
    ]
    request = der.sequence(der.sequence(der.sequence(*(der.sequence(one) for one in ids))))
    answer = read(place.post(request))
    assert [single.certificate_status.name for single in answer.responses] == ["GOOD", "REVOKED", "UNKNOWN", "UNKNOWN"]
    assert [single.serial_number for single in answer.responses][:2] == [good.serial_number, revoked.serial_number]


def test_answers_are_signed_by_the_delegate_of_that_authority(place: Place) -> None:
    authority = place.context.authorities[ORG]
    answer = read(place.post(place.request(place.issue())))
    (delegate,) = answer.certificates
    delegate.verify_directly_issued_by(authority.certificate)
    rsa_key(delegate).verify(answer.signature, answer.tbs_response_bytes, PKCS1v15(), SHA256())
    assert answer.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(delegate.public_key()).digest
    assert answer.this_update_utc <= place.clock() <= the(answer.next_update_utc) <= delegate.not_valid_after_utc


def test_an_answer_says_a_moment_before_it_is_made(place: Place) -> None:
    """For clocks that are behind; producedAt is the true one, which proofs of later go by (RFC 6960 §2.4)."""
    now = place.clock().replace(microsecond=0)
    certificate = place.issue()
    for serial in (certificate.serial_number, new_serial()):
        answer = read(place.post(make_request(place.context.authorities[ORG], serial)))
        assert (answer.produced_at_utc, answer.this_update_utc) == (now, now - timedelta(minutes=5))
        assert the(answer.next_update_utc) == now + HOUR
    place.revoke(certificate)
    revoked = read(place.post(place.request(certificate)))
    assert revoked.certificate_status.name == "REVOKED"
    assert revoked.this_update_utc == now - timedelta(minutes=5)


def test_nonce_is_repeated_and_never_kept(place: Place) -> None:
    certificate = place.issue()
    for length in (1, 16, 32, 33, 128, 128):
        reply = place.post(place.request(certificate, nonce=b"n" * length))
        (extension,) = read(reply).extensions
        assert extension.value.nonce == b"n" * length
        assert reply.headers["cache-control"] == "no-store"


def test_errors_by_the_book(place: Place) -> None:
    authority = place.context.authorities[ORG]
    good = place.issue()
    replies = {
        "garbage": place.post(b"\x30\x03\x02\x01\x00"),
        "empty": place.post(b""),
        "nonce of 129 octets": place.post(place.request(good, nonce=b"n" * 129)),
        "GET of garbage": place.get("/MAMCAQA="),
        "GET of no base64": place.get("/M*"),
    }
    assert {name: error(reply) for name, reply in replies.items()} == dict.fromkeys(replies, "MALFORMED_REQUEST")
    root = next(item for item in place.context.authorities.values() if item.is_root)
    assert error(place.post(make_request(root, 1))) == "UNAUTHORIZED"
    stranger = make_request(authority, 1).replace(b"\x2b\x0e\x03\x02\x1a", b"\x2b\x0e\x03\x02\x1b")
    assert error(place.post(stranger)) == "UNAUTHORIZED"
    assert all(reply.headers["cache-control"] == "no-store" for reply in replies.values())


def test_http_refusals(place: Place) -> None:
    request = place.request(place.issue())
    assert place.post(request, headers={"Content-Type": "text/plain"}).status == 415
    assert place.post(b"\x30" * 20_000).status == 413
    assert place.post(request, path="/CRL/").status == 404
    assert place.get("/M" + "A" * 255).status == 414
    assert place.get("/").status == 404
    refused = place.call("PUT", "/", request, OCSP_TYPE)
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, POST")


def test_cache_headers_of_rfc_5019(place: Place) -> None:
    request = place.request(place.issue())
    first = place.get(get_path(request))
    again = place.get(get_path(request))
    answer = read(first)
    for reply in (first, again):
        assert reply.body == first.body
        headers = reply.headers
        assert headers["cache-control"] == "max-age=300, public, no-transform, must-revalidate"
        assert headers["last-modified"] == f"{answer.this_update_utc:%a, %d %b %Y %H:%M:%S} GMT"
        assert headers["expires"] == f"{answer.next_update_utc:%a, %d %b %Y %H:%M:%S} GMT"
        assert headers["etag"] == first.headers["etag"]
    for validator in ({"If-None-Match": first.headers["etag"]}, {"If-Modified-Since": first.headers["last-modified"]}):
        unchanged = place.get(get_path(request), validator)
        assert (unchanged.status, unchanged.body) == (304, b"")
    other = place.get(get_path(request), {"If-None-Match": '"other"'})
    assert (other.status, other.body) == (200, first.body)
    head = place.get(get_path(request), method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(first.body)))


def test_a_condition_is_not_met_once_the_certificate_is_revoked(place: Place) -> None:
    certificate = place.issue()
    path = get_path(place.request(certificate))
    condition = {"If-None-Match": place.get(path).headers["etag"]}
    assert place.get(path, condition).status == 304
    place.revoke(certificate)
    assert status(place.get(path, condition)) == "REVOKED"


def test_get_takes_base64_as_clients_write_it(place: Place) -> None:
    """Signs of base64 that are signs of URLs as well: escaped, bare, and without padding."""
    authority = place.context.authorities[ORG]
    texts = (base64.b64encode(make_request(authority, new_serial())).decode() for _ in range(1000))
    text = next(text for text in texts if "/" in text and "+" in text and text.endswith("="))
    for path in (quote(text, safe=""), text, quote(text, safe="/+="), text.rstrip("="), f"/{quote(text, safe='')}"):
        assert status(place.get(f"/{path}")) == "UNKNOWN"


def test_a_kept_answer_is_signed_anew_long_before_its_end(place: Place) -> None:
    request = place.request(place.issue())
    first = read(place.post(request))
    place.clock.advance(minutes=29)
    assert read(place.post(request)).produced_at_utc == first.produced_at_utc
    place.clock.advance(minutes=2)
    second = read(place.post(request))
    assert second.produced_at_utc == place.clock().replace(microsecond=0)
    assert the(second.next_update_utc) > the(first.next_update_utc)


def test_a_renewed_key_is_taken_up_without_restart(place: Place) -> None:
    certificate = place.issue()
    before = read(place.post(place.request(certificate, nonce=b"n" * 32)))
    assert renew_due(place.context) == 0
    place.clock.advance(days=16)
    assert renew_due(place.context) == 1
    after = read(place.post(place.request(certificate, nonce=b"n" * 32)))
    assert after.responder_key_hash != before.responder_key_hash
    after.certificates[0].verify_directly_issued_by(place.context.authorities[ORG].certificate)


def test_a_lost_key_is_made_again(place: Place) -> None:
    assert place.context.responders is not None
    file = signer_file(RESPONDER, place.context.responders.folder, ORG)
    file.unlink()
    assert renew_due(place.context) == 0  # another worker may just be writing it
    place.clock.advance(minutes=12)
    assert renew_due(place.context) == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_answer_ends_with_the_key_that_signed_it(place: Place) -> None:
    request = place.request(place.issue())
    (delegate,) = read(place.post(request)).certificates
    place.clock.now = delegate.not_valid_after_utc - timedelta(minutes=20)  # answers are good for an hour
    answer = read(place.post(request))
    assert answer.certificate_status.name == "GOOD"
    assert answer.next_update_utc == delegate.not_valid_after_utc


def test_without_a_valid_key_the_client_is_told_to_come_again(place: Place) -> None:
    request = place.request(place.issue(), nonce=b"n" * 32)
    place.clock.advance(days=31)
    assert error(place.post(request)) == "TRY_LATER"


def test_a_row_that_is_gone_is_not_answered_from_memory(place: Place) -> None:
    certificate = place.issue()
    request = place.request(certificate)
    for _ in range(2):
        assert status(place.post(request)) == "GOOD"
    with place.db.write() as session:
        session.execute(delete(tables.Certificat).where(tables.Certificat.autorite == ORG))
    assert status(place.post(request)) == "UNKNOWN"


def test_two_keys_under_one_name(place: Place) -> None:
    """A rollover: the CertID's key hash says which authority is meant, each with its own responder."""
    old, new = make_issuing(), make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    assert old.name_der == new.name_der
    delegates = {
        old.short_name: make_responder(old, now=NOW),
        new.short_name: make_responder(new, "issuing-2", now=NOW),
    }

    class Keys(ResponderKeys):
        def current(self, autorite: str, now: object) -> DelegatedSigner:
            return delegates[autorite]

    authorities = {one.short_name: one for one in (old, new)}
    reader = StatusReader(place.db)
    maker = AnswerMaker(authorities, Keys(authorities, Path(), b"", place.db), validity=HOUR, clock=Clock(NOW + HOUR))
    responder = OcspResponder(maker, reader, KeptAnswers(10))
    with place.db.write() as session:
        session.add(
            tables.Certificat(
                autorite=new.short_name, serial=serial_hex(SERIAL), produit="ORG_AUTH_CLI", not_before=NOW,
                not_after=NOW + HOUR, emis_le=NOW,
            )
        )  # fmt: skip
    for authority, expected in ((old, "UNKNOWN"), (new, "GOOD")):
        answer = ocsp.load_der_ocsp_response(responder.answer(make_request(authority)).body)
        assert answer.certificate_status.name == expected
        answer.certificates[0].verify_directly_issued_by(authority.certificate)
    reader.close()


def test_requests_in_pieces_and_one_behind_the_other(place: Place) -> None:
    """What is known by heart is never mistaken: cut, joined or pipelined requests take the long way."""
    import socket

    request = place.request(place.issue())
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: {len(request)}\r\n\r\n"
    whole = head.encode() + request
    with socket.create_connection(("127.0.0.1", place.port), timeout=30) as client:
        stream = client.makefile("rb")
        for pieces in (
            [whole],
            [whole],
            [whole[:30], whole[30:]],
            [whole + whole],
            [whole],
            [whole + whole[:10], whole[10:]],
        ):
            for piece in pieces:
                client.sendall(piece)
            for _ in range(sum(map(len, pieces)) // len(whole)):
                assert b"200" in stream.readline()
                length = 0
                while (line := stream.readline()) != b"\r\n":
                    key, _, value = line.partition(b":")
                    length = int(value) if key.lower() == b"content-length" else length
                assert ocsp.load_der_ocsp_response(stream.read(length)).certificate_status.name == "GOOD"
