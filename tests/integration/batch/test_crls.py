"""When a list is due, what it says, and how its file is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select, update
from structlog.testing import capture_logs

from batch.context import WorkerContext
from batch.lists import crls
from batch.lists.files import bring_up_to_date
from pki.issuing.crl import build_crl
from registration.revocation.revoking import revoke
from storage import tables
from storage.bulk import insert_rows
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.clock import Clock
from tests.support.damage import flipped
from tests.support.queue_server import jobs_waiting
from tests.support.stored import crl_of

_AUTORITE = "ACI-EL-ORG-TEST"


def _certificat(
    serial: int, revoked: datetime | None, not_after: datetime, raison: str | None = None
) -> dict[str, Any]:
    return {
        "id_demande": None,
        "autorite": _AUTORITE,
        "serial": f"{serial:x}",
        "produit": "ORG_AUTH_CLI",
        "not_before": not_after - timedelta(days=1000),
        "emis_le": not_after - timedelta(days=1000),
        "not_after": not_after,
        "revoque_le": revoked,
        "raison_crl": raison,
    }


def _insert(world: BatchWorld, *rows: dict[str, Any]) -> None:
    with world.db.write() as session:
        insert_rows(session, tables.Certificat, rows)


def _due(world: BatchWorld) -> bool:
    return crls.any_due(world.db, world.policy, world.clock())


def _publish(world: BatchWorld, context: WorkerContext | None = None) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(crls.publish(context or world.context, _AUTORITE))


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _base(delta: x509.CertificateRevocationList) -> int:
    return delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number


def _serials(crl: x509.CertificateRevocationList) -> list[int]:
    return sorted(entry.serial_number for entry in crl)


def test_a_list_without_entries_has_none_and_numbers_grow(world: BatchWorld, clock: Clock) -> None:
    first = _publish(world)
    assert len(first) == 0
    # RFC 5280 §5.1.2.6: absent, not empty. thisUpdate and nextUpdate are followed by [0].
    assert b"\x30\x00\xa0" not in first.tbs_certlist_bytes
    assert first.is_signature_valid(world.hierarchy.authorities[_AUTORITE].public_key)
    # thisUpdate is back-dated, nextUpdate is not.
    assert the(first.next_update_utc) - first.last_update_utc == world.policy.crl_validity + world.policy.backdate
    numbers = [_number(first)]
    for _ in range(3):
        clock.now += timedelta(hours=1)
        numbers.append(_number(_publish(world)))
    assert numbers == [1, 2, 3, 4]


def test_the_first_list_comes_with_an_empty_delta_from_itself(world: BatchWorld, clock: Clock) -> None:
    """freshestCRL, which stands in every certificate, never names what is not there (RFC 5280 §5.2.4)."""
    _insert(world, _certificat(0x11, clock.now, clock.now + timedelta(days=100)))
    full = _publish(world)
    (row,) = world.values(select(tables.Crl))
    delta = x509.load_der_x509_crl(the(row.delta))
    assert (_number(full), _number(delta), _base(delta)) == (1, 1, 1)
    assert (_serials(full), _serials(delta)) == ([0x11], [])
    assert delta.last_update_utc == full.last_update_utc
    assert delta.is_signature_valid(world.hierarchy.authorities[_AUTORITE].public_key)


@pytest.mark.parametrize("minutes", [0, 5, 60])
def test_lists_say_a_moment_before_they_are_made(world: BatchWorld, clock: Clock, minutes: int) -> None:
    """For clocks that are behind; what is due, and what a list may miss, goes by the moment that it describes."""
    world.policy = replace(world.policy, backdate=timedelta(minutes=minutes), crl_refresh=timedelta(minutes=1))
    full = _publish(world)
    (row,) = world.values(select(tables.Crl))
    said = clock.now.replace(microsecond=0) - timedelta(minutes=minutes)
    assert full.last_update_utc == x509.load_der_x509_crl(the(row.delta)).last_update_utc == said
    assert (row.complete_le, row.publie_le) == (clock.now, clock.now)
    assert not _due(world)
    clock.now += timedelta(seconds=10)
    _insert(world, _certificat(0x11, clock.now, clock.now + timedelta(days=100)))
    assert _due(world)
    assert crls.publish_due(world.context) == 1
    # A revocation of this very second is on the list, though its date is later than the one that the list says.
    (row,) = world.values(select(tables.Crl))
    assert _serials(crl_of(row)) == [0x11]
    clock.now += timedelta(seconds=61)
    assert crls.publish_due(world.context) == 1
    assert not _due(world)


def test_no_list_says_a_moment_before_its_authority_or_the_list_before_it(world: BatchWorld, clock: Clock) -> None:
    clock.now = world.hierarchy.authorities[_AUTORITE].not_before + timedelta(minutes=2)
    first = _publish(world)
    assert first.last_update_utc == world.hierarchy.authorities[_AUTORITE].not_before
    world.policy = replace(world.policy, backdate=timedelta(0))
    clock.now += timedelta(minutes=1)
    second = _publish(world)
    assert second.last_update_utc == clock.now.replace(microsecond=0)
    world.policy = replace(world.policy, backdate=timedelta(hours=1))
    clock.now += timedelta(minutes=1)
    assert _publish(world).last_update_utc == second.last_update_utc


def test_revoked_serials_stand_with_their_reason(world: BatchWorld, clock: Clock) -> None:
    later = clock.now + timedelta(days=100)
    _insert(
        world,
        _certificat(0x11, clock.now, later, "keyCompromise"),
        _certificat(0x12, clock.now, later, "cessationOfOperation"),
        _certificat(0x13, clock.now, later, "superseded"),
        _certificat(0x14, clock.now, later, "unspecified"),
        _certificat(0x15, clock.now, later, None),
        _certificat(0x16, None, later),
    )
    crl = _publish(world)
    reasons = {
        entry.serial_number: [e.value.reason for e in entry.extensions if isinstance(e.value, x509.CRLReason)]
        for entry in crl
    }
    assert reasons == {
        0x11: [x509.ReasonFlags.key_compromise],
        0x12: [x509.ReasonFlags.cessation_of_operation],
        0x13: [x509.ReasonFlags.superseded],
        0x14: [],
        0x15: [],
    }


def test_an_entry_stays_until_after_its_certificate_has_expired(world: BatchWorld, clock: Clock) -> None:
    _insert(world, _certificat(0x11, clock.now, clock.now + timedelta(hours=2), "keyCompromise"))
    assert _serials(_publish(world)) == [0x11]
    clock.now += timedelta(hours=3)
    # The first list after the end still has it (RFC 5280 §3.3), the second no more.
    assert _serials(_publish(world)) == [0x11]
    clock.now += timedelta(hours=1)
    assert _serials(_publish(world)) == []


def test_a_list_made_in_the_last_second_of_a_certificate_is_not_yet_after_it(world: BatchWorld, clock: Clock) -> None:
    end = (clock.now + timedelta(hours=2)).replace(microsecond=0)
    _insert(world, _certificat(0x11, clock.now, end, "keyCompromise"))
    _publish(world)
    clock.now = end + timedelta(milliseconds=700)  # thisUpdate says `end`, when the certificate was still good
    for serials in ([0x11], [0x11], []):
        assert _serials(_publish(world)) == serials
        clock.now += timedelta(hours=1)


def test_a_delta_lacks_nothing_that_its_base_does_not_have(world: BatchWorld, clock: Clock) -> None:
    """What was dated before the base and committed after it, and what has expired since (RFC 5280 §5.2.4)."""
    _publish(world)
    dated = clock.now - timedelta(seconds=30)
    _insert(world, _certificat(0x11, dated, clock.now + timedelta(days=100)))
    _insert(world, _certificat(0x12, clock.now, clock.now + timedelta(minutes=10)))
    clock.now += timedelta(minutes=20)
    crls.publish(world.context, _AUTORITE, full=False)
    (row,) = world.values(select(tables.Crl))
    assert len(crl_of(row)) == 0
    assert _serials(x509.load_der_x509_crl(the(row.delta))) == [0x11, 0x12]


def _points(crl: x509.CertificateRevocationList) -> list[str]:
    return [
        name.value
        for extension in crl.extensions
        if isinstance(extension.value, x509.IssuingDistributionPoint)
        for name in extension.value.full_name or []
    ]


def test_two_keys_of_one_name_say_whose_list_is_whose(world: BatchWorld, clock: Clock) -> None:
    """Neither list is all that the name has revoked, and the first after a rollover starts a scope of its own."""
    context, ours = world.context, world.hierarchy.authorities[_AUTORITE]
    twin = replace(ours, short_name="ACI-EL-ORG-2-TEST")
    both = replace(context, authorities={**context.authorities, twin.short_name: twin})
    _publish(world)
    assert _points(_publish(world)) == []
    later = clock.now + timedelta(days=100)
    _insert(world, _certificat(0x11, clock.now, later))
    for kind in ("full again", "delta"):
        clock.now += timedelta(seconds=1)
        crls.publish(both, _AUTORITE, full=False)
        (row,) = world.values(select(tables.Crl))
        delta = x509.load_der_x509_crl(the(row.delta))
        assert _points(crl_of(row)) == _points(delta) == [ours.url(ours.settings.crl_url)]
        # A delta from a list of another scope would be none: it starts from the new one.
        assert (_base(delta), _number(delta)) == (3, 3 if kind == "full again" else 4)
        assert row.numero == 3
    # Alone again, as after the end of the old key.
    assert _points(_publish(world)) == []


@pytest.mark.parametrize("damaged", [lambda _der: b"words", flipped])
def test_a_damaged_list_is_followed_by_a_whole_one(world: BatchWorld, damaged: Callable[[bytes], bytes]) -> None:
    stored = _publish(world).public_bytes(Encoding.DER)
    with world.db.write() as session:
        session.execute(update(tables.Crl).values(der=damaged(stored)))
    crls.publish(world.context, _AUTORITE, full=False)
    (row,) = world.values(select(tables.Crl))
    delta = x509.load_der_x509_crl(the(row.delta))
    assert (_number(crl_of(row)), _base(delta), _number(delta), len(delta)) == (2, 2, 2, 0)


def test_when_a_list_is_due(world: BatchWorld, clock: Clock) -> None:
    later = clock.now + timedelta(days=100)
    assert not _due(world)  # nothing published, nothing to repeat
    _publish(world)
    assert not _due(world)
    clock.now += world.policy.crl_refresh - timedelta(seconds=1)
    assert not _due(world)
    clock.now += timedelta(seconds=1)
    assert _due(world)
    assert crls.publish_due(world.context) == 1
    assert not _due(world)
    # A revocation makes one due at once, and once: its row knows that it is listed.
    clock.now += timedelta(seconds=10)
    _insert(world, _certificat(0x11, clock.now, later))
    assert _due(world)
    clock.now += timedelta(seconds=1)
    assert crls.publish_due(world.context) == 1
    assert not _due(world)
    clock.now += timedelta(seconds=70)
    assert not _due(world)


def test_a_revocation_that_was_slow_to_commit_is_not_forgotten(world: BatchWorld, clock: Clock) -> None:
    """It is dated before the list that was published while it waited for the database."""
    dated = clock.now
    clock.now += timedelta(seconds=25)
    assert _serials(_publish(world)) == []
    _insert(world, _certificat(0x11, dated, clock.now + timedelta(days=100)))
    clock.now += timedelta(seconds=70)
    assert _due(world)
    crls.publish_due(world.context)
    (row,) = world.values(select(tables.Crl))
    assert _serials(crl_of(row)) == [0x11]


def test_a_clock_that_was_set_back_does_not_hide_a_revocation(world: BatchWorld, clock: Clock) -> None:
    _publish(world)
    clock.now -= timedelta(hours=1)
    _insert(world, _certificat(0x11, clock.now, clock.now + timedelta(days=100)))
    assert _due(world)
    crls.publish_due(world.context)
    (row,) = world.values(select(tables.Crl))
    assert row.numero == 2
    assert _serials(crl_of(row)) == [0x11]
    clock.now += timedelta(seconds=61)
    crls.publish_due(world.context)
    assert not _due(world)


def test_only_who_has_the_key_publishes(world: BatchWorld, clock: Clock) -> None:
    _publish(world)
    clock.now += world.policy.crl_refresh
    others = {name: signer for name, signer in world.hierarchy.signers.items() if name != _AUTORITE}
    assert crls.publish_due(replace(world.context, signers=others)) == 0
    assert _due(world)


def test_the_relay_asks_and_a_worker_publishes(world: BatchWorld, tmp_path: Path) -> None:
    _publish(world)
    with world.db.write() as session:
        session.execute(update(tables.Crl).values(complete_le=world.clock() - world.policy.crl_refresh))
    world.relay().run_once()
    assert jobs_waiting(world.queue_url) == 1
    world.publication = tmp_path
    world.run_round()
    (row,) = world.values(select(tables.Crl))
    assert row.numero == 2
    file = tmp_path / "CRL" / f"{_AUTORITE}.crl"
    assert file.read_bytes() == row.der
    assert file.stat().st_mode & 0o777 == 0o644


def test_the_relay_says_aloud_that_a_list_is_about_to_expire(world: BatchWorld, clock: Clock) -> None:
    _publish(world)
    for hours, expected in ((71, set()), (1, {("crl", _AUTORITE), ("delta crl", _AUTORITE)})):
        clock.now = world.clock() + world.policy.crl_validity - timedelta(hours=hours)
        with capture_logs() as events:
            world.relay().run_once()
        assert {(event["subject"], event["name"]) for event in events if "subject" in event} == expected
        clock.now -= world.policy.crl_validity - timedelta(hours=hours)


def test_a_reader_never_sees_half_a_file(world: BatchWorld, tmp_path: Path) -> None:
    later = world.clock() + timedelta(days=100)
    now = world.clock()
    # Large enough that a plain write would take several system calls.
    _insert(world, *(_certificat(0x1000 + number, now, later) for number in range(3_000)))
    context = replace(world.context, publication=tmp_path)
    _publish(world, context)
    file = tmp_path / "CRL" / f"{_AUTORITE}.crl"
    seen: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            content = file.read_bytes()
            if not seen or seen[-1] != content:
                seen.append(content)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(8):
        _publish(world, context)
    done.set()
    reader.join()
    numbers = [_number(x509.load_der_x509_crl(content)) for content in seen]
    assert numbers == sorted(set(numbers))
    assert {len(x509.load_der_x509_crl(content)) for content in seen} == {3_000}
    # Nothing else is left in the folder.
    assert {entry.name for entry in file.parent.iterdir()} == {file.name, f"{_AUTORITE}-delta.crl"}


def test_a_list_signed_slowly_gives_way_to_a_later_one(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(world)
    sign = crls._sign

    def slowly(*args: Any, **named: Any) -> object:
        signed = sign(*args, **named)
        monkeypatch.setattr(crls, "_sign", sign)
        _publish(world)  # another worker, meanwhile
        return signed

    monkeypatch.setattr(crls, "_sign", slowly)
    # Number 2 was signed, and is never seen: 3 is the list in force.
    assert _number(_publish(world)) == 3
    (row,) = world.values(select(tables.Crl))
    assert (row.numero, row.dernier_numero, _number(x509.load_der_x509_crl(the(row.delta)))) == (3, 3, 3)


def test_a_slow_worker_does_not_put_an_older_list_back(
    world: BatchWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = replace(world.context, publication=tmp_path)

    def slowly(*args: Any) -> None:
        monkeypatch.setattr(crls, "bring_up_to_date", bring_up_to_date)
        _publish(world, context)  # another worker, meanwhile
        bring_up_to_date(*args)

    monkeypatch.setattr(crls, "bring_up_to_date", slowly)
    assert _number(_publish(world, context)) == 2
    assert _number(x509.load_der_x509_crl((tmp_path / "CRL" / f"{_AUTORITE}.crl").read_bytes())) == 2


def _reasons(der: bytes | None) -> dict[int, x509.ReasonFlags]:
    assert der is not None
    return {
        entry.serial_number: entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        for entry in x509.load_der_x509_crl(der)
    }


def _row(world: BatchWorld) -> tables.Crl:
    (row,) = world.values(select(tables.Crl))
    return row


def test_a_reason_that_became_stronger_is_published_under_its_first_date(world: BatchWorld, clock: Clock) -> None:
    later, revoked = clock.now + timedelta(days=100), clock.now
    _insert(world, _certificat(0x11, revoked, later, "superseded"), _certificat(0x12, revoked, later, "superseded"))
    clock.now += timedelta(minutes=10)
    crls.publish(world.context, _AUTORITE)
    assert not _due(world)
    # Beyond this length the next list is a delta only.
    world.policy = replace(world.policy, crl_full_up_to=1)
    clock.now += timedelta(minutes=10)
    with world.db.write() as session:
        first = session.scalars(select(tables.Certificat.id).order_by(tables.Certificat.id).limit(1)).one()
        revoke(session, {first: "keyCompromise"}, clock.now, "essai")
    assert _due(world)
    clock.now += timedelta(seconds=1)
    assert crls.publish_due(world.context) == 1
    assert not _due(world)
    # RFC 5280 §5.2.4: a delta says every change since its base, that of a reason too.
    assert _reasons(_row(world).delta) == {0x11: x509.ReasonFlags.key_compromise}
    assert set(_reasons(_row(world).der).values()) == {x509.ReasonFlags.superseded}
    full = crls.publish(world.context, _AUTORITE)
    assert _reasons(full) == {0x11: x509.ReasonFlags.key_compromise, 0x12: x509.ReasonFlags.superseded}
    assert {entry.revocation_date_utc for entry in x509.load_der_x509_crl(full)} == {revoked.replace(microsecond=0)}


@pytest.mark.parametrize("raison", ["superseded", None])
def test_what_is_revoked_while_a_list_is_made_is_on_the_next(
    world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch, raison: str | None
) -> None:
    """A first revocation, or a stronger reason for one: committed when the list has read its entries."""
    revoked = None if raison is None else clock.now
    clock.now += timedelta(minutes=5)
    _insert(world, _certificat(0x11, revoked, clock.now + timedelta(days=100), raison))

    def meanwhile(*arguments: Any) -> bytes:
        monkeypatch.setattr(crls, "build_crl", build_crl)
        with world.db.write() as session:
            ident = session.scalars(select(tables.Certificat.id)).one()
            revoke(session, {ident: "keyCompromise"}, clock.now, "essai")
        return build_crl(*arguments)

    monkeypatch.setattr(crls, "build_crl", meanwhile)
    crls.publish(world.context, _AUTORITE)
    assert x509.ReasonFlags.key_compromise not in _reasons(_row(world).der).values()
    assert _due(world)
    clock.now += timedelta(seconds=1)
    crls.publish_due(world.context)
    assert _reasons(_row(world).der) == {0x11: x509.ReasonFlags.key_compromise}
