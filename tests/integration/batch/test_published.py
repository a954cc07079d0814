"""What clients would still download or meet when all seems well: stale files, a disk that is full, revoked certificates."""

from __future__ import annotations

import os
import ssl
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from batch.context import WorkerContext
from batch.issuing.own_certificates import Enrolled, enroll
from batch.lists import crls
from batch.queue.relay import Relay
from batch.queue.rq import WorkQueue, connect
from batch.watching.alarms import Alarm, Fault, Subject
from batch.watching.expiry import Watched
from batch.watching.listeners import find_bad_listeners, find_ended
from batch.watching.published import find_stale_files, find_unwritable
from pki.certificates.content import CertificateContent
from pki.certificates.serials import serial_hex
from registration.vocabulary import Plateforme
from runtime.probes import served_certificate
from storage import tables
from tests.integration.batch.world import BatchWorld
from tests.support.clock import Clock
from tests.vectors.samples import make_root

pytestmark = pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
ORG = "ACI-EL-ORG-TEST"
SERVER = CertificateContent(
    product="TLS_SERVER",
    common_name="localhost",
    dns_names=("localhost",),
    state="Paris (75)",
    organization="IGC",
    organizational_unit="10B0990011",
)


def at(world: BatchWorld, folder: Path | None) -> WorkerContext:
    """A worker that publishes in this folder."""
    return replace(world.context, publication=folder)


def published(world: BatchWorld, folder: Path) -> Path:
    """The file of a list that has been there for a while."""
    crls.publish(at(world, folder), ORG)
    world.clock.advance(minutes=5)
    return folder / "CRL" / f"{ORG}.crl"


def test_a_file_that_is_not_the_list_in_force_is_told_and_written_anew(
    world: BatchWorld, tmp_path: Path, clock: Clock
) -> None:
    file = published(world, tmp_path)
    assert find_stale_files(world.db, tmp_path, clock()) == []
    good = file.read_bytes()
    for harm in (file.unlink, lambda: file.write_bytes(b""), lambda: file.write_bytes(good[:-1])):
        harm()
        assert find_stale_files(world.db, tmp_path, clock()) == [Alarm(Subject.CRL, ORG, None, Fault.UNPUBLISHED)]
        crls.write_stored(at(world, tmp_path))
        assert find_stale_files(world.db, tmp_path, clock()) == []
        assert file.read_bytes() == good


def test_a_list_just_stored_has_a_moment_to_reach_its_file(world: BatchWorld, tmp_path: Path, clock: Clock) -> None:
    crls.publish(at(world, None), ORG)
    assert find_stale_files(world.db, tmp_path, clock()) == []
    clock.advance(seconds=31)
    assert find_stale_files(world.db, tmp_path, clock()) != []


def test_the_relay_has_them_written(world: BatchWorld, tmp_path: Path, clock: Clock) -> None:
    published(world, tmp_path).unlink()
    watched = Watched(authorities_dir=world.hierarchy.authorities_dir, publication=tmp_path, tls={})
    queue = WorkQueue(connect(world.queue_url))
    relay = Relay(world.db, queue, world.policy, clock, watched=watched)
    relay.run_once()
    assert queue.backlog() == 1


def test_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: BatchWorld) -> None:
    folder = tmp_path / "publication"
    folder.mkdir()
    assert find_unwritable([folder]) == []
    assert list(folder.iterdir()) == []
    assert find_unwritable([tmp_path / "missing"]) == [
        Alarm(Subject.FOLDER, str(tmp_path / "missing"), None, Fault.UNWRITABLE)
    ]

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert find_unwritable([folder]) == [Alarm(Subject.FOLDER, str(folder), None, Fault.UNWRITABLE)]
    assert list(folder.iterdir()) == []


def test_a_folder_closed_to_its_own_account_and_one_of_another_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: BatchWorld
) -> None:
    def closed(**_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("batch.watching.published.NamedTemporaryFile", closed)
    owner = tmp_path.stat().st_uid
    for account, expected in ((owner, 1), (0, 1), (owner + 4_000, 0)):
        monkeypatch.setattr(os, "geteuid", lambda account=account: account)
        assert len(find_unwritable([tmp_path])) == expected


@pytest.fixture
def pair(world: BatchWorld, tmp_path: Path) -> tuple[Enrolled, Path]:
    """A listener's certificate from our own CA, in its file."""
    enrolled = enroll(world.context, Plateforme.TEST, SERVER)
    file = tmp_path / "portal.pem"
    file.write_bytes(enrolled.chain_pem)
    return enrolled, file


def revoke(world: BatchWorld, enrolled: Enrolled) -> None:
    serial = serial_hex(x509.load_der_x509_certificate(enrolled.der).serial_number)
    with world.db.write() as session:
        session.query(tables.Certificat).filter_by(serial=serial).update({"revoque_le": world.clock()})


def test_a_listener_with_a_revoked_certificate_is_told(world: BatchWorld, pair: tuple[Enrolled, Path]) -> None:
    enrolled, file = pair
    authorities = world.hierarchy.authorities

    def told(served: bytes | None = None) -> list[tuple[Fault | None, bool]]:
        shown = {} if served is None else {"portal": served}
        found = find_bad_listeners(world.db, authorities, {"portal": file}, shown)
        return [(alarm.fault, alarm.urgent) for alarm in found]

    assert told() == told(enrolled.der) == []
    other = enroll(world.context, Plateforme.TEST, SERVER)
    assert told(other.der) == [(Fault.SERVES_ANOTHER, False)]
    revoke(world, enrolled)
    assert told() == told(enrolled.der) == [(Fault.REVOKED, True)]
    file.write_bytes(other.chain_pem)
    assert told() == []
    assert told(enrolled.der) == [(Fault.SERVES_REVOKED, True)]
    # Of another CA, nothing is known.
    assert told(make_root().certificate_der) == [(Fault.SERVES_ANOTHER, False)]
    assert told(b"words") == []


def test_a_listener_that_still_shows_what_has_ended(world: BatchWorld, pair: tuple[Enrolled, Path]) -> None:
    certificate = x509.load_der_x509_certificate(pair[0].der)
    end = certificate.not_valid_after_utc
    assert find_ended({"portal": pair[0].der}, world.clock()) == []
    assert find_ended({"portal": pair[0].der}, end) == [Alarm(Subject.TLS, "portal", end)]


def test_what_a_listener_shows_is_seen(pair: tuple[Enrolled, Path], tmp_path: Path, world: BatchWorld) -> None:
    enrolled, file = pair
    (tmp_path / "portal.key").write_bytes(enrolled.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, tmp_path / "portal.key")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        assert served_certificate("127.0.0.1", port) == enrolled.der
        thread.join()
    assert served_certificate("127.0.0.1", port) is None
