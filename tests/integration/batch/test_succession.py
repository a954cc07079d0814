"""A full list made of the one before it says what all rows say, and notices when it would not."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select, update
from structlog.testing import capture_logs

from batch.context import WorkerContext
from batch.lists import crls, rows, succession
from batch.lists.succession import ListsDifferError
from batch.past.errors import PastError
from batch.watching.alarms import Fault, find_alarms
from pki.issuing.crl import build_crl, encode_entries
from pki.status.crl_entries import entries_octets
from registration.revocation.revoking import revoke
from storage import tables
from storage.bulk import insert_rows
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.clock import Clock
from tests.support.damage import flipped

ORG = "ACI-EL-ORG-TEST"
COMPROMISE = x509.ReasonFlags.key_compromise


@dataclass
class Lists:
    """One worker that lives on, so that its lists follow from each other, and the rows that they are made of."""

    world: BatchWorld
    context: WorkerContext
    clock: Clock
    older: bytes = b""
    _serial: int = 0x100

    def certify(
        self,
        end: timedelta = timedelta(days=100),
        revoked: datetime | None = None,
        raison: str = "",
        *,
        signed: bool = True,
    ) -> int:
        """The id of a certificate's row."""
        self._serial += 1
        row = {
            "autorite": ORG,
            "serial": f"{self._serial:032x}",
            "produit": "ORG_AUTH_CLI",
            "not_before": self.clock.now - timedelta(days=1),
            "not_after": self.clock.now + end,
            "revoque_le": revoked,
            "raison_crl": raison or None,
            "emis_le": self.clock.now if signed else None,
        }
        with self.world.db.write() as session:
            insert_rows(session, tables.Certificat, [row])
            return session.scalars(select(tables.Certificat.id).where(tables.Certificat.serial == row["serial"])).one()

    def revoke(self, ident: int, raison: str = "superseded") -> None:
        with self.world.db.write() as session:
            revoke(session, {ident: raison}, self.clock.now, "essai")

    def change(self, table: type[tables.Base], **values: Any) -> None:
        """What no door of ours does."""
        with self.world.db.write() as session:
            session.execute(update(table).values(**values))

    def publish(self, *, full: bool = True) -> bytes:
        self.clock.now += timedelta(seconds=1)
        return crls.publish(self.context, ORG, full=full)

    @property
    def row(self) -> tables.Crl:
        (row,) = self.world.values(select(tables.Crl))
        return row

    def said_by_rows(self) -> bytes:
        """The entries of the list in force, made anew of every row."""
        everything = rows.read_everything(self.world.db, ORG, the(self.row.sorties_le))
        return b"".join(sorted(encode_entries(everything.entries)))

    def reasons(self, der: bytes | None = None) -> dict[int, x509.ReasonFlags | None]:
        """What a foreign reader finds on a list, by the rank of the certificate."""
        return {
            entry.serial_number - 0x100: next(
                (one.value.reason for one in entry.extensions if isinstance(one.value, x509.CRLReason)), None
            )
            for entry in x509.load_der_x509_crl(der or self.row.der)
        }


@pytest.fixture
def lists(world: BatchWorld, clock: Clock) -> Lists:
    """Behind the first list of this worker, which it made of every row."""
    found = Lists(world, world.context, clock)
    found.publish()
    return found


@contextmanager
def followed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody reads every row inside the block."""

    def refuse(*_arguments: object) -> rows.Everything:
        raise AssertionError("every row was read")

    with monkeypatch.context() as patched:
        patched.setattr(succession, "read_everything", refuse)
        yield


def test_a_list_reads_only_what_has_changed(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lists.certify(), lists.certify()
    with followed(monkeypatch):
        lists.publish()
        assert lists.reasons() == {}
        lists.revoke(first)
        lists.publish()
        assert lists.reasons() == {1: x509.ReasonFlags.superseded}
        lists.revoke(second, "keyCompromise")
        lists.revoke(first, "keyCompromise")
        lists.revoke(first, "superseded")  # a compromise stays one
        lists.publish()
    assert lists.reasons() == {1: COMPROMISE, 2: COMPROMISE}
    assert entries_octets(lists.row.der) == lists.said_by_rows()
    assert lists.row.entrees == 2
    # The delta that came with it says the same three changes, once each.
    assert lists.reasons(the(lists.row.delta)) == {1: COMPROMISE, 2: COMPROMISE}


def test_any_sequence_of_events_gives_the_list_of_all_rows(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    """Octet for octet and in the same order, whatever comes when; a foreign reader counts the same."""
    chance = random.Random(20261130)
    known: list[int] = []
    for _ in range(25):
        known += [
            lists.certify(timedelta(minutes=chance.randrange(5, 400)), signed=chance.random() < 0.8)
            for _ in range(chance.randrange(4))
        ]
        for ident in chance.sample(known, min(len(known), chance.randrange(4))):
            lists.revoke(ident, chance.choice(["superseded", "keyCompromise", "unspecified", "privilegeWithdrawn"]))
        # Committed late, by a clock that is behind.
        if chance.random() < 0.3:
            lists.certify(timedelta(days=1), lists.clock.now - timedelta(minutes=chance.randrange(10)), "superseded")
        lists.clock.now += timedelta(minutes=chance.randrange(1, 30))
        with followed(monkeypatch):
            lists.publish(full=chance.random() < 0.7)
        octets = entries_octets(lists.row.der)
        if lists.row.numero == lists.row.dernier_numero:
            assert octets == lists.said_by_rows()
        assert len(lists.reasons()) == lists.row.entrees
    lists.context.rebuilt.clear()
    lists.publish()  # the comparison finds nothing
    assert lists.row.ecart_le is None


def test_what_is_committed_late_by_a_clock_behind_is_on_the_next_list(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours late, far beyond what any date could tell."""
    lists.certify(revoked=lists.clock.now - timedelta(hours=3))
    assert crls.any_due(lists.world.db, lists.world.policy, lists.clock.now)
    with followed(monkeypatch):
        lists.publish()
    assert lists.reasons() == {1: None}


def test_what_is_revoked_while_a_list_is_made_is_on_the_next(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lists.certify(), lists.certify()
    lists.revoke(first)

    def meanwhile(*arguments: Any) -> bytes:
        monkeypatch.setattr(crls, "build_crl", build_crl)
        lists.revoke(first, "keyCompromise")
        lists.revoke(second)
        return build_crl(*arguments)

    monkeypatch.setattr(crls, "build_crl", meanwhile)
    with followed(monkeypatch):
        lists.publish()
        assert lists.reasons() == {1: x509.ReasonFlags.superseded}
        lists.publish()
    assert lists.reasons() == {1: COMPROMISE, 2: x509.ReasonFlags.superseded}


def test_a_worker_that_dies_before_it_marks_the_rows_lists_them_once_more(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.revoke(lists.certify(), "keyCompromise")
    with monkeypatch.context() as patched:
        patched.setattr(crls, "mark_listed", lambda *_arguments: None)
        lists.publish()
    before = entries_octets(lists.row.der)
    assert crls.any_due(lists.world.db, lists.world.policy, lists.clock.now)
    with followed(monkeypatch):
        lists.publish()
    assert entries_octets(lists.row.der) == before == lists.said_by_rows()
    assert not crls.any_due(lists.world.db, lists.world.policy, lists.clock.now)


def test_a_certificate_leaves_the_list_when_all_rows_would_have_it_leave(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.revoke(lists.certify(timedelta(hours=2)))
    lists.revoke(lists.certify())
    sizes = []
    with followed(monkeypatch):
        for _ in range(4):
            lists.publish()
            sizes.append(lists.row.entrees)
            assert entries_octets(lists.row.der) == lists.said_by_rows()
            lists.clock.now += timedelta(hours=3)
    # The first list after its end still has it (RFC 5280 §3.3).
    assert sizes == [2, 2, 1, 1]
    lists.revoke(lists.certify(timedelta(minutes=-1)))  # too late: never listed
    assert not crls.any_due(lists.world.db, replace(lists.world.policy, crl_refresh=timedelta(days=9)), lists.clock.now)


def test_what_was_never_signed_here_stays_on_the_list_for_good(world: BatchWorld, clock: Clock, tmp_path: Path) -> None:
    """Its end stands in the row alone, which is no proof: leaving the list would stop the plateforme years later."""
    lists = Lists(world, replace(world.context, publication=tmp_path), clock)
    lists.publish()
    lists.revoke(lists.certify(timedelta(hours=2), signed=False))
    for _ in range(3):
        lists.publish()
        assert lists.row.entrees == 1
        assert entries_octets(lists.row.der) == lists.said_by_rows()
        lists.clock.now += timedelta(hours=3)
    lists.context.rebuilt.clear()
    lists.publish()
    assert lists.row.entrees == 1
    assert lists.row.ecart_le is None


def _flip(lists: Lists) -> dict[str, Any]:
    return {"der": flipped(lists.row.der)}


def _without_an_entry(lists: Lists) -> dict[str, Any]:
    der = lists.row.der
    entry = entries_octets(der)[: len(entries_octets(der)) // 2]
    return {"der": der.replace(entry, b"", 1)}


def _without_an_entry_and_its_hash(lists: Lists) -> dict[str, Any]:
    changed = _without_an_entry(lists)
    return {**changed, "socle": hashlib.sha256(changed["der"]).digest()}


def _older(lists: Lists) -> dict[str, Any]:
    """A list that the authority did sign, told as the last one in every column."""
    older = lists.older
    return {"der": older, "socle": hashlib.sha256(older).digest()}


@pytest.mark.parametrize("tampering", [_flip, _without_an_entry, _without_an_entry_and_its_hash, _older])
def test_a_stored_list_that_was_touched_is_no_ground_of_another(
    lists: Lists, tampering: Callable[[Lists], dict[str, Any]]
) -> None:
    """It is found before anything is signed: the next list is made of every row, and says all of them."""
    lists.revoke(lists.certify())
    lists.publish()
    lists.older = lists.row.der
    lists.revoke(lists.certify())
    lists.publish()
    lists.change(tables.Crl, **tampering(lists))
    lists.revoke(lists.certify())
    with capture_logs() as events:
        lists.publish()
    assert any(event["log_level"] == "warning" for event in events)
    assert set(lists.reasons()) == {1, 2, 3}
    assert entries_octets(lists.row.der) == lists.said_by_rows()
    # Nor of a delta: it starts from the new list, and lacks nothing.
    assert (
        x509.load_der_x509_crl(the(lists.row.delta))
        .extensions.get_extension_for_class(x509.DeltaCRLIndicator)
        .value.crl_number
        == lists.row.numero
    )


def test_an_older_list_with_its_own_number_is_noticed_by_its_length(lists: Lists) -> None:
    lists.revoke(lists.certify())
    lists.publish()
    older = lists.row
    lists.revoke(lists.certify())
    lists.publish()
    lists.change(tables.Crl, der=older.der, socle=older.socle, numero=older.numero, sorties_le=older.sorties_le)
    with capture_logs() as events:
        lists.publish()
    assert "crl made of its rows, which are not its entries" in {event["event"] for event in events}
    assert set(lists.reasons()) == {1, 2}


def test_a_list_that_differs_from_its_rows_is_never_signed(lists: Lists) -> None:
    """Told aloud, by an alarm too until a later list agrees; the next one is what the rows say."""
    lists.revoke(lists.certify())
    lists.publish()
    before = lists.row
    lists.change(tables.Certificat, revoque_le=lists.clock.now - timedelta(days=3))
    lists.publish()
    assert lists.row.numero == before.numero + 1, "a date that nobody may change is seen when all rows are read"
    assert entries_octets(lists.row.der) != lists.said_by_rows()
    before = lists.row
    lists.clock.now += lists.context.policy.crl_rebuild
    with capture_logs() as events, pytest.raises(ListsDifferError, match=f"n° {before.numero}"):
        crls.publish_due(lists.context)
    assert {"autorite": ORG, "lacking": 1, "beyond": 1} in [
        {name: event.get(name) for name in ("autorite", "lacking", "beyond")} for event in events
    ]
    assert (lists.row.der, lists.row.numero) == (before.der, before.numero)
    assert _told(lists) == [Fault.DIFFERED]
    lists.publish()
    assert entries_octets(lists.row.der) == lists.said_by_rows()
    assert _told(lists) == [Fault.DIFFERED], "nothing was compared yet"
    lists.publish()
    assert _told(lists) == []


def _told(lists: Lists) -> list[Fault | None]:
    alarms = find_alarms(lists.world.db, lists.context.policy, lists.clock.now)
    return [alarm.fault for alarm in alarms if alarm.name == ORG and alarm.fault is not None]


def test_a_revocation_that_rows_take_back_stops_the_plateforme_without_any_file(lists: Lists) -> None:
    """The signed list that is stored is a witness as the published files are."""
    lists.revoke(lists.certify())
    lists.publish()
    before = lists.row
    lists.change(tables.Certificat, revoque_le=None, raison_crl=None)
    with pytest.raises(PastError, match="ne révoque plus"):
        lists.publish()
    assert lists.row.der == before.der


def test_every_row_is_read_when_a_process_begins_and_when_its_period_has_passed(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_rebuilt(context: WorkerContext) -> bool:
        before = lists.row.refaite_le
        lists.clock.now += timedelta(seconds=1)
        crls.publish(context, ORG)
        return lists.row.refaite_le != before

    assert not is_rebuilt(lists.context)
    lists.clock.now += lists.context.policy.crl_rebuild - timedelta(minutes=1)
    assert not is_rebuilt(lists.context)
    lists.clock.now += timedelta(minutes=2)
    assert is_rebuilt(lists.context)
    another = lists.world.context
    assert [is_rebuilt(another), is_rebuilt(another)] == [True, False]
    lists.clock.now -= timedelta(hours=3)
    assert is_rebuilt(another), "the clock went back"
    always = replace(another, policy=replace(another.policy, crl_rebuild=timedelta(0)))
    assert [is_rebuilt(always), is_rebuilt(always)] == [True, True]
    # Where most is new, all rows are the shorter way; the delta still says what is.
    monkeypatch.setattr(succession, "_FEW", 1)
    for _ in range(3):
        lists.revoke(lists.certify())
    assert is_rebuilt(another)
    assert len(lists.reasons(the(lists.row.delta))) == 3


@pytest.mark.parametrize("rebuild", [True, False])
def test_who_is_overtaken_gives_way_without_an_alarm(
    lists: Lists, monkeypatch: pytest.MonkeyPatch, rebuild: bool
) -> None:
    """Another worker stores a later list, and marks its rows, between this one's number and its look at the rows."""
    lists.revoke(lists.certify())

    def slowly(*arguments: Any, **named: Any) -> succession.Contents:
        monkeypatch.setattr(crls, "make_contents", succession.make_contents)
        crls.publish(lists.world.context, ORG)
        return succession.make_contents(*arguments, **named)

    monkeypatch.setattr(crls, "make_contents", slowly)
    if rebuild:
        lists.context.rebuilt.clear()
    number = lists.row.numero
    lists.publish()
    assert lists.row.numero == number + 2
    assert (lists.row.ecart_le, set(lists.reasons())) == (None, {1})
    lists.publish()
    assert entries_octets(lists.row.der) == lists.said_by_rows()


def test_the_first_list_of_a_database_of_before_is_made_of_every_row(lists: Lists) -> None:
    """As an upgrade leaves it: nothing is known of what the list in force was made of."""
    lists.revoke(lists.certify())
    lists.publish()
    lists.change(tables.Crl, socle=None, entrees=None, sorties_le=None, refaite_le=None)
    lists.change(tables.Certificat, raison_listee=None)
    assert crls.any_due(lists.world.db, lists.world.policy, lists.clock.now)
    lists.publish(full=False)
    assert set(lists.reasons()) == {1}
    assert not crls.any_due(lists.world.db, lists.world.policy, lists.clock.now)
