"""What nobody renews by itself: the list of a root that is elsewhere, TLS certificates, the authorities."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from batch.lists import crls
from batch.lists.root_crls import take_carried_crl
from batch.queue.relay import Relay
from batch.queue.rq import WorkQueue, connect
from batch.watching.alarms import Alarm, Fault, Subject, find_alarms
from batch.watching.expiry import Watched, find_endings
from pki.authority import INDEX_NAME, Authority
from pki.issuing.crl import build_crl
from tests.integration.batch.world import BatchWorld
from tests.support.clock import Clock
from tests.support.damage import flipped
from tests.support.hierarchies import Hierarchy
from tests.vectors.generate import FOLDER
from tests.vectors.samples import make_issuing, make_root

pytestmark = pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
ROOT = "ACR-EL-TEST"
ORG = "ACI-EL-ORG-TEST"
DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def sign_root_crl(hierarchy: Hierarchy) -> Callable[[datetime], bytes]:
    """What is carried from the root's machine, with its end."""
    root, signer = hierarchy.authorities[ROOT], hierarchy.signers[ROOT]
    return lambda end: build_crl(root, signer, [], 1, end - 365 * DAY, end)


@pytest.fixture
def watched(world: BatchWorld, tmp_path: Path, clock: Clock, sign_root_crl: Callable[[datetime], bytes]) -> Watched:
    """A plateforme without a reason for alarm."""
    (tmp_path / "CRL").mkdir()
    (tmp_path / "CRL" / f"{ROOT}.crl").write_bytes(sign_root_crl(clock.now + 365 * DAY))
    shutil.copy(FOLDER / "tls-server.gen2.pem", tmp_path / "ws.pem")
    return Watched(
        authorities_dir=world.hierarchy.authorities_dir, publication=tmp_path, tls={"ws": tmp_path / "ws.pem"}
    )


def test_nothing_to_say(world: BatchWorld, watched: Watched) -> None:
    assert find_endings(world.db, watched, world.clock()) == []


def test_list_of_a_root_that_is_elsewhere(
    world: BatchWorld, watched: Watched, clock: Clock, sign_root_crl: Callable[[datetime], bytes]
) -> None:
    file = watched.publication / "CRL" / f"{ROOT}.crl"
    end = x509.load_der_x509_crl(file.read_bytes()).next_update_utc
    assert end is not None
    for moment, alarms in (
        (end - 30 * DAY, []),
        (end - 30 * DAY + timedelta(seconds=1), [Alarm(Subject.ROOT_CRL, ROOT, end, urgent=False)]),
        (end, [Alarm(Subject.ROOT_CRL, ROOT, end)]),
    ):
        assert find_endings(world.db, watched, moment) == alarms
    foreign = crls.publish(world.context, ORG)
    for content, fault in (
        (flipped(file.read_bytes()), Fault.FORGED),
        (foreign, Fault.FORGED),
        (file.read_bytes()[:-9], Fault.UNREADABLE),
        (b"", Fault.UNREADABLE),
    ):
        file.write_bytes(content)
        (alarm,) = find_endings(world.db, watched, clock.now)
        assert (alarm.subject, alarm.name, alarm.fault, alarm.urgent) == (Subject.ROOT_CRL, ROOT, fault, True)
    file.unlink()
    assert find_endings(world.db, watched, clock.now) == [Alarm(Subject.ROOT_CRL, ROOT, None)]
    # A root whose key is here has its lists in the database, where find_alarms looks.
    crls.publish(replace(world.context, signers={ROOT: world.hierarchy.load_signer(ROOT)}), ROOT)
    assert find_endings(world.db, watched, clock.now) == []


def test_a_carried_list_is_nobodys_work_here_and_told_once(
    world: BatchWorld, watched: Watched, clock: Clock, sign_root_crl: Callable[[datetime], bytes]
) -> None:
    root, end = world.hierarchy.authorities[ROOT], (clock.now + 200 * DAY).replace(microsecond=0)
    crl = sign_root_crl(end)
    (watched.publication / "CRL" / f"{ROOT}.crl").unlink()
    assert take_carried_crl(world.db, watched.publication, root, crl, clock.now) == 1
    assert (watched.publication / "CRL" / f"{ROOT}.crl").read_bytes() == crl
    for moment, alarms in (
        (clock.now + DAY, []),
        (end - DAY, [Alarm(Subject.ROOT_CRL, ROOT, end, urgent=False)]),
        (end + DAY, [Alarm(Subject.ROOT_CRL, ROOT, end)]),
    ):
        clock.now = moment
        assert find_endings(world.db, watched, moment) == alarms
        assert find_alarms(world.db, world.policy, moment) == []
        assert not crls.any_due(world.db, world.policy, moment)
        assert crls.publish_due(world.context) == 0


def test_tls_certificates_whoever_made_them(world: BatchWorld, watched: Watched) -> None:
    file = watched.tls["ws"]
    leaf = file.read_bytes()
    # Every certificate of the bundle counts, wherever it stands.
    file.write_bytes((FOLDER / "issuing.pem").read_bytes() + leaf)
    end = x509.load_pem_x509_certificate(leaf).not_valid_after_utc
    without_lists = replace(watched, authorities_dir=watched.publication / "nowhere")
    index = Alarm(Subject.AUTHORITY, INDEX_NAME, None, Fault.UNREADABLE)
    for moment, alarms in (
        (end - 30 * DAY, []),
        (end - 29 * DAY, [Alarm(Subject.TLS, "ws", end, urgent=False)]),
        (end + DAY, [Alarm(Subject.TLS, "ws", end)]),
    ):
        assert find_endings(world.db, without_lists, moment) == [*alarms, index]
    for spoil, alarm in (
        (lambda: file.write_text("words"), Alarm(Subject.TLS, "ws", None, Fault.UNREADABLE)),
        (file.unlink, Alarm(Subject.TLS, "ws", None)),
        (file.mkdir, Alarm(Subject.TLS, "ws", None, Fault.UNREADABLE)),
    ):
        spoil()
        assert find_endings(world.db, watched, world.clock()) == [alarm]


def of_authorities(alarms: list[Alarm]) -> dict[str, tuple[Fault | None, bool]]:
    return {alarm.name: (alarm.fault, alarm.urgent) for alarm in alarms if alarm.subject is Subject.AUTHORITY}


def test_authorities_whose_end_shortens_what_they_issue(world: BatchWorld, watched: Watched) -> None:
    authorities = world.hierarchy.authorities
    root, issuing = authorities[ROOT], authorities[ORG]
    last_whole = issuing.not_after.replace(year=issuing.not_after.year - 3)
    names = set(authorities) - {ROOT}
    for moment, expected in (
        (last_whole, {}),
        (last_whole + timedelta(seconds=1), dict.fromkeys(names, (Fault.SHORTENS, False))),
        # From the day when the root is too short as well, a new key under it does not help.
        (last_whole + 2 * DAY, dict.fromkeys(authorities, (Fault.SHORTENS, False))),
        (root.not_after - 89 * DAY, dict.fromkeys(authorities, (None, False))),
        (root.not_after, dict.fromkeys(authorities, (None, True))),
    ):
        assert of_authorities(find_endings(world.db, watched, moment)) == expected


def write_index(folder: Path, products: dict[str, tuple[Authority, list[str]]]) -> None:
    folder.mkdir(exist_ok=True)
    entries = []
    for name, (authority, issued) in products.items():
        (folder / f"{name}.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        entries.append({"short_name": name, "issuer": ROOT, "products": issued})
    (folder / INDEX_NAME).write_text(json.dumps({"authorities": entries}))


def test_key_that_a_later_one_has_relieved_is_no_matter(world: BatchWorld, watched: Watched, tmp_path: Path) -> None:
    last = make_issuing().not_after
    old = make_issuing(until=last - 5 * 365 * DAY)
    new = make_issuing(label="issuing-2", short_name="ACI-EL-2-TEST")
    here = replace(watched, authorities_dir=tmp_path / "ac", tls={})
    for issued, expected in (
        (["ORG_SIGN", "ORG_CONF"], {}),
        # One product is still the old key's alone.
        (["ORG_SIGN"], {old.short_name}),
    ):
        write_index(
            here.authorities_dir,
            {
                ROOT: (make_root(), []),
                old.short_name: (old, ["ORG_SIGN", "ORG_CONF"]),
                new.short_name: (new, issued),
            },
        )
        for moment in (old.not_after - 60 * DAY, old.not_after + DAY):
            assert of_authorities(find_endings(world.db, here, moment)).keys() == set(expected)


def test_the_relay_looks_once_in_a_while_and_goes_on(world: BatchWorld, watched: Watched) -> None:
    (watched.publication / "CRL" / f"{ROOT}.crl").unlink()
    relay = Relay(world.db, WorkQueue(connect(world.queue_url)), world.policy, world.clock, watched)
    with capture_logs() as events:
        for _ in range(3):
            relay.run_once()
    told = [event for event in events if event.get("subject") == Subject.ROOT_CRL.value]
    assert told == [
        {
            "event": "about to expire", "log_level": "error", "subject": "crl of a root", "name": ROOT, "ends": None,
            "fault": None,
        }
    ]  # fmt: skip
