"""Answers prepared before anybody asks: served without a signature, and never against what is committed, nor the clock."""

from __future__ import annotations

import base64
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, Event
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import ocsp
from sqlalchemy import delete, text, update
from sqlalchemy.exc import SQLAlchemyError

from batch.delegates.responders import renew_due
from pki.certificates import der
from pki.certificates.serials import new_serial, serial_hex
from pki.status.ocsp_request import read_request
from publication import issued, preparer
from publication.preparer import Courtesy
from publication.statuses import StatusReader, StatusRow
from storage import tables
from storage.bulk import insert_rows
from tests.integration.publication.conftest import OCSP_TYPE, ORG, Place, Reply
from tests.support.assertions import the
from tests.unit.pki.ocsp_support import make_request
from tests.vectors.keys import key

pytestmark = [pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"), pytest.mark.long]

ANYBODY = der.tlv(0xA1, der.tlv(0xA4, der.sequence()))  # requestorName: an empty directoryName
VERSION = der.tlv(0xA0, der.integer(0))
SERVICE_LOCATOR = der.sequence(
    der.sequence(der.object_identifier("1.3.6.1.5.5.7.48.1.7"), der.octet_string(der.sequence(der.sequence())))
)


def read(reply: Reply) -> ocsp.OCSPResponse:
    assert reply.status == 200
    return ocsp.load_der_ocsp_response(reply.body)


def status(reply: Reply) -> str:
    return read(reply).certificate_status.name


def when(reply: Reply) -> datetime:
    return read(reply).produced_at_utc


def get_path(request: bytes) -> str:
    return "/" + quote(base64.b64encode(request).decode(), safe="")


def second(place: Place) -> datetime:
    return place.clock().replace(microsecond=0)


def test_the_first_request_is_answered_with_what_was_prepared(place: Place) -> None:
    """By POST and GET, by SHA-1 and SHA-256, and whatever else a plain request may say."""
    certificate = place.issue()
    prepared_at = second(place)
    place.prepare()
    for algorithm in (SHA1, SHA256):
        request = place.request(certificate, algorithm)
        cert_id = read_request(request).cert_ids[0].der
        place.clock.advance(seconds=7)
        replies = [
            place.post(der.sequence(der.sequence(*before, der.sequence(der.sequence(cert_id, *after)))))
            for before, after in (
                ((), ()),
                ((ANYBODY,), ()),
                ((VERSION, ANYBODY), ()),
                ((), (der.tlv(0xA0, SERVICE_LOCATOR),)),
            )
        ]
        replies.append(place.get(get_path(request)))
        assert {reply.body for reply in replies} == {replies[0].body}
        answer = read(replies[0])
        assert (answer.serial_number, answer.certificate_status.name) == (certificate.serial_number, "GOOD")
        assert isinstance(answer.hash_algorithm, algorithm)
        assert (answer.produced_at_utc, answer.this_update_utc) == (prepared_at, prepared_at - timedelta(minutes=5))
        assert answer.next_update_utc == prepared_at + timedelta(hours=1)
        (headers,) = {
            tuple(reply.headers[name] for name in ("etag", "last-modified", "expires", "cache-control"))
            for reply in replies
        }
        assert headers[1:] == (
            f"{answer.this_update_utc:%a, %d %b %Y %H:%M:%S} GMT",
            f"{answer.next_update_utc:%a, %d %b %Y %H:%M:%S} GMT",
            "max-age=300, public, no-transform, must-revalidate",
        )
    # Another writing of the CertID is repeated as it came, so that it is another answer.
    bare = cert_id.replace(b"\x05\x00", b"", 1)
    bare = der.sequence(
        bare[2:].replace(b"\x30\x0d", b"\x30\x0b", 1),
    )
    reply = place.post(der.sequence(der.sequence(der.sequence(der.sequence(bare)))))
    assert bare in reply.body
    assert when(reply) == second(place)


def test_it_is_renewed_before_half_of_its_life_without_being_asked(place: Place) -> None:
    certificate = place.issue()
    request = place.request(certificate)
    place.prepare()
    first = second(place)
    for minutes, expected in ((19, first), (3, first + timedelta(minutes=22))):
        place.clock.advance(minutes=minutes)
        place.prepare()
        assert when(place.post(request)) == expected
    place.clock.advance(minutes=29)  # nobody renews
    assert when(place.post(request)) == expected
    place.clock.advance(minutes=2)
    assert when(place.post(request)) == second(place)


def test_a_revocation_is_said_whenever_it_comes(place: Place) -> None:
    """After the preparation, and between the reading of the row and the keeping of the answer."""
    prepared, read_before, renewed = (place.issue() for _ in range(3))
    statuses = place.preparer._statuses
    hurry: dict[int, x509.Certificate] = {read_before.serial_number: read_before}

    class Hurried(StatusReader):
        """A revocation is committed right after the row was read."""

        def row(self, autorite: str, serial: int) -> StatusRow | None:
            found = super().row(autorite, serial)
            if serial in hurry:
                place.revoke(hurry.pop(serial))
            return found

    statuses.__class__ = Hurried
    place.prepare()
    place.revoke(prepared)
    hurry[renewed.serial_number] = renewed
    place.clock.advance(minutes=21)
    place.prepare()
    assert not hurry
    for certificate in (prepared, read_before, renewed):
        for algorithm in (SHA1, SHA256):
            reply = place.post(place.request(certificate, algorithm))
            assert status(reply) == "REVOKED"
            # The renewal has seen what was revoked before it; the last one is signed now.
            assert when(reply) == second(place)


def test_nobody_sees_a_good_answer_after_the_revocation(place: Place) -> None:
    """Clients that never stop asking, while the background works at the same answers."""
    certificates = [place.issue() for _ in range(4)]

    def watch(certificate: x509.Certificate) -> list[str]:
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
        request = place.request(certificate)

        def ask() -> str:
            connection.request("POST", "/", request, OCSP_TYPE)
            return ocsp.load_der_ocsp_response(connection.getresponse().read()).certificate_status.name

        seen = []
        for count in range(30):
            if count == 20:
                place.revoke(certificate)
            place.clock.advance(minutes=1)
            seen.append(ask())
        connection.close()
        return seen

    with place.preparer.in_thread(), ThreadPoolExecutor(4) as pool:
        for seen in pool.map(watch, certificates):
            assert seen == ["GOOD"] * 20 + ["REVOKED"] * 10


def test_an_answer_from_the_future_is_not_served(place: Place) -> None:
    """The clock was ahead and is set right: thisUpdate never lies after the moment of the answer."""
    asked, waiting = place.issue(), place.issue()
    place.clock.advance(hours=6)
    for back in (timedelta(seconds=5), timedelta(hours=5)):
        place.prepare()
        place.clock.advance(seconds=-back.total_seconds())
        assert when(place.post(place.request(asked))) == second(place)
        place.prepare()
        place.clock.advance(seconds=1)
        assert when(place.post(place.request(waiting))) == second(place) - timedelta(seconds=1)


def test_a_revocation_by_a_clock_five_seconds_off_counts(place: Place) -> None:
    certificates = [place.issue() for _ in range(2)]
    place.prepare()
    now = place.clock()
    for certificate, seconds in zip(certificates, (-5, 5), strict=True):
        place.clock.now = now + timedelta(seconds=seconds)
        place.revoke(certificate)
        place.clock.now = now
        assert status(place.post(place.request(certificate))) == "REVOKED"


def test_another_key_in_the_middle(place: Place) -> None:
    """What the former key signed is served until it is signed anew, which is soon; the clock may have gone back."""
    certificate = place.issue()
    place.clock.advance(days=14, hours=23, minutes=49)  # half of its life, less what it is backdated
    assert renew_due(place.context) == 0
    place.prepare()
    prepared_at = second(place)
    place.clock.advance(minutes=2)
    assert renew_due(place.context) == 1
    former = place.post(place.request(certificate))
    assert when(former) == prepared_at
    assert the(read(former).next_update_utc) <= read(former).certificates[0].not_valid_after_utc
    for seconds in (180, -600):
        place.clock.advance(seconds=seconds)
        place.prepare()
        latter = place.post(place.request(certificate))
        assert when(latter) == second(place)
    assert read(latter).responder_key_hash != read(former).responder_key_hash
    place.clock.advance(minutes=-1)
    with place.db.write() as session:
        session.execute(delete(tables.RepondeurOcsp))
    assert renew_due(place.context) == 1
    third = place.post(place.request(certificate, nonce=b"n"))
    assert read(third).responder_key_hash != read(latter).responder_key_hash


def test_the_key_is_there_for_every_thread_that_looks_first(place: Place) -> None:
    keys, together = place.preparer._maker._keys, Barrier(4)

    def look(_: int) -> object:
        together.wait()
        return keys.current(ORG, place.clock())

    with ThreadPoolExecutor(4) as pool:
        (signer,) = set(pool.map(look, range(4)))
    assert signer is not None


def test_without_the_database_nothing_old_is_served_and_work_goes_on_after(place: Place) -> None:
    kept, later = place.issue(), place.issue()
    with place.db.write() as session:
        session.execute(delete(tables.Certificat).where(tables.Certificat.serial == serial_hex(later.serial_number)))
    place.prepare()
    _rename(place, "certificat", "absent")
    place.clock.advance(minutes=21)
    assert read(place.post(place.request(kept))).response_status.name == "TRY_LATER"
    with pytest.raises(SQLAlchemyError):
        place.prepare()
    _rename(place, "absent", "certificat")
    place.prepare()
    place.clock.advance(seconds=1)
    assert when(place.post(place.request(kept))) == second(place) - timedelta(seconds=1)


def test_nothing_is_prepared_while_the_batch_is_busy(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparer, "_LOOK_SECONDS", 0.01)
    busy, asked = [True], Event()

    def is_batch_busy() -> bool:
        asked.set()
        return busy[0]

    monkeypatch.setattr(place.preparer, "_courtesy", Courtesy(is_batch_busy))
    certificate = place.issue()
    with place.preparer.in_thread():
        for _ in range(3):
            asked.clear()
            assert asked.wait(10)
        assert place.preparer._kept.requests() == []
        assert status(place.post(place.request(certificate))) == "GOOD", "who asks has his answer all the same"
        busy[0] = False
        deadline = time.monotonic() + 20
        while len(place.preparer._kept.requests()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    # Two ways to name the certificate; what was asked for meanwhile may be prepared beside them.
    assert len(place.preparer._kept.requests()) >= 2


def test_a_batch_that_is_never_done_is_waited_for_ten_minutes_each_time() -> None:
    now, busy = [100.0], [True]
    courtesy = Courtesy(lambda: busy[0], lambda: now[0])
    assert courtesy.must_wait()
    now[0] += 599
    assert courtesy.must_wait()
    now[0] += 1
    assert not courtesy.must_wait()
    busy[0] = False
    assert not courtesy.must_wait()
    busy[0] = True
    assert courtesy.must_wait()


def _rename(place: Place, old: str, new: str) -> None:
    with place.db.write() as session:
        session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_certificates_are_found_whenever_they_are_issued(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a page, one prepared long before it is issued, one of an authority whose responder is away.

    And all of it with a key that signs wrongly at first.
    """
    monkeypatch.setattr(issued, "_PAGE", 4)
    now = place.clock()
    serials = [new_serial() for _ in range(13)]
    late, foreign = serials[3], serials[5]
    rows: list[dict[str, Any]] = [
        {
            "autorite": "ACI-EL-PP-TEST" if serial == foreign else ORG, "serial": serial_hex(serial),
            "produit": "ORG_AUTH_CLI", "not_before": now, "not_after": now + timedelta(days=900),
            "emis_le": None if serial == late else now,
        }
        for serial in serials
    ]  # fmt: skip
    with place.db.write() as session:
        insert_rows(session, tables.Certificat, rows)
    keys = place.preparer._maker._keys
    right = keys.current(ORG, now)
    assert right is not None
    keys._loaded[ORG] = replace(keys._loaded[ORG], signer=replace(right, private_key=key("leaf")))
    place.prepare()
    assert place.preparer._kept.requests() == []
    keys._loaded[ORG] = replace(keys._loaded[ORG], signer=right)
    place.clock.advance(seconds=2)
    place.prepare()
    first = second(place)
    with place.db.write() as session:
        session.execute(
            update(tables.Certificat).where(tables.Certificat.serial == serial_hex(late)).values(emis_le=place.clock())
        )
    place.clock.advance(seconds=2)
    place.prepare()
    place.clock.advance(seconds=2)
    authority = place.context.authorities[ORG]
    times = {serial: when(place.post(make_request(authority, serial))) for serial in serials if serial != foreign}
    assert times.pop(late) == first + timedelta(seconds=2)
    assert set(times.values()) == {first}


def test_a_date_alone_does_not_hide_a_revocation_of_the_same_second(place: Place) -> None:
    certificate = place.issue()
    path = get_path(place.request(certificate))
    place.prepare()
    good = place.get(path)
    place.revoke(certificate)
    reply = place.get(path, {"If-Modified-Since": good.headers["last-modified"]})
    assert (reply.status, status(reply)) == (200, "REVOKED")
    again = place.get(path, {"If-None-Match": reply.headers["etag"]})
    assert again.status == 304
