"""The audit trail is written with every act of the CA core, in order, and nothing is issued without it."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.exc import OperationalError

from batch.context import DelegateFiles, WorkerContext
from batch.delegates import seals
from batch.delegates.seals import seal, seal_history, sign_checkpoint
from batch.lists.crls import publish
from batch.queue import leases
from batch.queue.jobs import install, run_tasks, seal_trail
from batch.watching.alarms import Fault, Subject, find_trail_alarms
from registration.revocation.by_key import revoke_key
from registration.vocabulary import Acte, CodeAction, EtatDemande
from storage import tables
from storage.database import Database
from storage.trail import TrailError, note
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import rsa_key, the
from tests.support.signers import watched
from tests.support.stored import certificate_of, der_of
from tests.support.trail import refusing, unlocked

pytestmark = pytest.mark.long

_PISTE = "piste_audit"
PASSPHRASE = b"phrase de passe des sceaux"


def _lines(world: BatchWorld, acte: Acte | None = None) -> list[tables.PisteAudit]:
    query = select(tables.PisteAudit).order_by(tables.PisteAudit.numero)
    return world.values(query if acte is None else query.where(tables.PisteAudit.acte == acte.value))


def _told(world: BatchWorld, acte: Acte) -> list[list[Any]]:
    return [item for line in _lines(world, acte) for item in json.loads(line.contenu)["certificats"]]


def _assert_chain(world: BatchWorld) -> None:
    """As docs/piste-audit.md says it: every line covers itself and the one before, without a gap."""
    previous = "00" * 32
    for rank, line in enumerate(_lines(world), 1):
        date = line.date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        covered = "\n".join([previous, str(rank), date, line.acte, line.auteur, line.contenu])
        assert line.numero == rank
        assert line.empreinte == hashlib.sha256(covered.encode()).digest()
        previous = line.empreinte.hex()
    (head,) = world.values(select(tables.TeteAudit))
    assert (head.numero, head.empreinte.hex()) == (rank, previous)


def test_every_certificate_is_told_before_and_after_its_signature(world: BatchWorld) -> None:
    index = world.deposit_fresh(60)
    world.run_batch()
    numeros = world.numeros(index)
    rows = [world.certificat(numero) for numero in numeros]
    signed = [certificate_of(row) for row in rows]
    assert sorted(_told(world, Acte.INTENT)) == sorted(
        [row.id_demande, row.autorite, row.serial, hashlib.sha256(each.tbs_certificate_bytes).hexdigest()]
        for row, each in zip(rows, signed, strict=True)
    )
    assert sorted(_told(world, Acte.ISSUED)) == sorted(
        [row.id_demande, row.autorite, row.serial, hashlib.sha256(der_of(row)).hexdigest()] for row in rows
    )
    _assert_chain(world)


def test_an_intent_is_told_in_the_transaction_that_stores_it(world: BatchWorld) -> None:
    """Whoever sees the bytes that will be signed also sees the line: no crash falls between the two."""
    world.place()
    (task,) = world.send()
    seen = []

    other = Database(world.database_url)

    def look(*_signature: object) -> None:
        with other.read() as session:
            certificates = session.scalar(select(func.count()).select_from(tables.Certificat))
            told = session.scalar(select(func.count()).where(tables.PisteAudit.acte == Acte.INTENT.value))
            seen.append((certificates, told))

    install(replace(world.context, signers=watched(world.hierarchy.signers, look)))
    run_tasks([[task.id, task.attempt]])
    other.dispose()
    assert seen == [(1, 1)]
    assert world.signed() == 1


def _counting(world: BatchWorld) -> tuple[WorkerContext, list[bytes]]:
    used: list[bytes] = []
    return replace(world.context, signers=watched(world.hierarchy.signers, used.append)), used


def test_without_a_trail_nothing_is_signed_and_no_try_is_lost(world: BatchWorld) -> None:
    clock = world.clock.stop()
    index = world.deposit_fresh(60)
    world.register_pages()
    context, used = _counting(world)
    install(context)
    with refusing(world.db, _PISTE):
        for _ in range(world.policy.max_attempts + 2):
            for task in world.send():
                run_tasks([[task.id, task.attempt]])
            clock.now += timedelta(minutes=1)
        assert used == []
        assert {row.attempts for row in world.outbox()} == {0}
        etats = world.values(select(tables.Demande.etat).where(tables.Demande.id_lot == index).distinct())
        assert etats == [EtatDemande.VALIDEE.value]
    world.run_batch(context=context)
    world.assert_complete(index, good=60)
    assert len(used) == 60
    _assert_chain(world)


def test_a_trail_that_breaks_between_intent_and_signature_gives_the_same_certificate_later(world: BatchWorld) -> None:
    numero = world.place()
    (task,) = world.send()
    context, used = _counting(world)
    install(context)
    connection_refused = []

    def break_trail(tbs: bytes) -> None:
        used.append(tbs)
        block = refusing(world.db, _PISTE)
        block.__enter__()
        connection_refused.append(block)

    install(replace(context, signers=watched(world.hierarchy.signers, break_trail)))
    run_tasks([[task.id, task.attempt]])
    assert world.signed() == 0
    connection_refused.pop().__exit__(None, None, None)
    clock = world.clock.stop()
    clock.now += timedelta(minutes=1)
    world.run_batch(context=context)
    assert world.signed() == 1
    assert len(used) == 2
    assert used[0] == used[1]
    assert world.steps(numero).count(CodeAction.ISSUED) == 1
    _assert_chain(world)


@pytest.mark.parametrize("damage", ["last line removed", "head moved back", "last line edited"])
def test_a_trail_that_does_not_end_where_its_head_says_stops_issuing(world: BatchWorld, damage: str) -> None:
    world.place()
    world.run_batch()
    line, head = tables.PisteAudit, tables.TeteAudit
    last = _lines(world)[-1]
    with unlocked(world.db, _PISTE), world.db.write() as session:
        if damage == "last line removed":
            session.execute(delete(line).where(line.numero == last.numero))
        elif damage == "head moved back":
            session.execute(update(head).values(numero=last.numero - 1))
        else:
            session.execute(update(line).where(line.numero == last.numero).values(empreinte=bytes(32)))
    world.place()
    context, used = _counting(world)
    install(context)
    for task in world.send():
        run_tasks([[task.id, task.attempt]])
    assert used == []
    assert world.signed() == 1


def test_what_protects_goes_on_with_a_broken_trail(world: BatchWorld, caplog: pytest.LogCaptureFixture) -> None:
    """Revoking and telling of it cannot wait for the repair; that the line is missing is an error in the log."""
    numero = world.place()
    world.run_batch()
    autorite = world.certificat(numero).autorite
    before = len(_lines(world))
    with refusing(world.db, _PISTE):
        world.cancel(numero)
        der = publish(world.context, autorite)
    serials = [entry.serial_number for entry in x509.load_der_x509_crl(der)]
    assert serials == [int(world.certificat(numero).serial, 16)]
    assert len(_lines(world)) == before


def test_crls_and_starts_are_told(world: BatchWorld) -> None:
    autorite = next(name for name, each in world.hierarchy.authorities.items() if each.products)
    der = publish(world.context, autorite)
    world.run_round()
    told = json.loads(_lines(world, Acte.CRL)[0].contenu)
    (row,) = world.values(select(tables.Crl))
    assert told == {
        "autorite": autorite,
        "numero": 1,
        "complete": hashlib.sha256(der).hexdigest(),
        "delta": hashlib.sha256(row.delta or b"").hexdigest(),
    }
    (started,) = _lines(world, Acte.WORKER_STARTED)
    assert json.loads(started.contenu)["autorites"] == sorted(world.hierarchy.signers)


def test_writers_of_all_processes_make_one_chain(world: BatchWorld) -> None:
    def write(writer: int) -> None:
        db = Database(world.database_url, auteur=f"ecrivain-{writer}")
        for act in range(15):
            with db.write() as session:
                for part in range(1 + act % 3):
                    note(session, "ESSAI", world.clock(), {"acte": act, "part": part})
        db.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert sum(line.acte == "ESSAI" for line in _lines(world)) == 4 * 30
    _assert_chain(world)
    by_writer = [
        [json.loads(line.contenu) for line in _lines(world) if line.auteur == f"ecrivain-{writer}"]
        for writer in range(4)
    ]
    wanted = [{"acte": act, "part": part} for act in range(15) for part in range(1 + act % 3)]
    assert by_writer == [wanted] * 4


def test_a_rolled_back_act_is_not_told(world: BatchWorld) -> None:
    with suppress(ZeroDivisionError), world.db.write() as session:
        note(session, "ESSAI", world.clock(), {})
        raise ZeroDivisionError
    assert "ESSAI" not in {line.acte for line in _lines(world)}


# PostgreSQL's own disk cannot be filled from here; a refused line of the trail, above, is what it would say.
@pytest.mark.parametrize("service_set", ["embedded"])
def test_no_disk_left_stops_issuing_and_loses_nothing(world: BatchWorld) -> None:
    index = world.deposit_fresh(30)
    world.register_pages()
    context, _used = _counting(world)
    install(context)
    with world.db.engine.connect() as connection:
        connection.rollback()
        connection.connection.driver_connection.execute("VACUUM")  # type: ignore[union-attr]  # no page is free now

    def bound(connection: Any) -> None:
        (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    ready = world.send()
    event.listen(world.db.engine, "begin", bound)
    for task in ready:
        with suppress(OperationalError):
            run_tasks([[task.id, task.attempt]])
    assert world.values(select(tables.Certificat.id)) == []
    event.remove(world.db.engine, "begin", bound)
    world.db.dispose()
    clock = world.clock.stop()
    clock.now += timedelta(minutes=5)
    world.run_batch()
    world.assert_complete(index, good=30)


# --- seals ---


@pytest.fixture
def sealer(world: BatchWorld, tmp_path: Path) -> WorkerContext:
    world.clock.stop()
    world.policy = replace(world.policy, seal_every=timedelta(minutes=1))
    return replace(world.context, seals=DelegateFiles(tmp_path / "sceaux", PASSPHRASE))


def _checkpoints(world: BatchWorld) -> list[tables.Scellement]:
    return world.values(select(tables.Scellement).order_by(tables.Scellement.numero))


def _assert_signed(world: BatchWorld, checkpoint: tables.Scellement) -> x509.Certificate:
    certificat = tables.Certificat
    (der,) = world.values(
        select(certificat.der).where(certificat.autorite == checkpoint.autorite, certificat.serial == checkpoint.serial)
    )
    certificate = x509.load_der_x509_certificate(the(der))
    certificate.verify_directly_issued_by(world.hierarchy.authorities[checkpoint.autorite].certificate)
    date = checkpoint.date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    said = f"igc-scellement-1\n{checkpoint.numero}\n{checkpoint.empreinte.hex()}\n{date}\n".encode()
    rsa_key(certificate).verify(checkpoint.signature, said, PKCS1v15(), SHA256())
    return certificate


def test_a_seal_signs_where_the_trail_ends(world: BatchWorld, sealer: WorkerContext) -> None:
    world.deposit_fresh(30)
    world.run_batch()
    install(sealer)
    assert seals.any_due(world.db, world.policy, world.clock())
    seal_trail()
    (checkpoint,) = _checkpoints(world)
    line = _lines(world)[checkpoint.numero - 1]
    assert checkpoint.empreinte == line.empreinte
    certificate = _assert_signed(world, checkpoint)
    (usage,) = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert usage.dotted_string == world.hierarchy.authorities[checkpoint.autorite].settings.seal_key_usage_oid


def test_a_seal_comes_when_it_is_due_and_for_something_new_only(world: BatchWorld, sealer: WorkerContext) -> None:
    clock = world.clock
    world.place()
    world.run_batch()
    seal(sealer)
    seal(sealer)  # the certificate of the seal itself was told meanwhile
    assert len(_checkpoints(world)) == 2
    assert sign_checkpoint(sealer) is None
    assert not seals.any_due(world.db, world.policy, clock())
    world.place()
    world.run_batch()
    assert not seals.any_due(world.db, world.policy, clock())
    clock.now += timedelta(minutes=1)
    assert seals.any_due(world.db, world.policy, clock())
    clock.now -= timedelta(days=1)  # set back: the next minute may never come
    assert seals.any_due(world.db, world.policy, clock())


def test_a_broken_trail_is_never_vouched_for(world: BatchWorld, sealer: WorkerContext) -> None:
    for _ in range(3):
        world.place()
        world.run_batch()
    line = tables.PisteAudit
    with unlocked(world.db, _PISTE), world.db.write() as session:
        session.execute(update(line).where(line.numero == 2).values(auteur="un autre"))
    with pytest.raises(TrailError, match="line 2"):
        seal(sealer)
    assert _checkpoints(world) == []


def test_the_seal_is_replaced_at_half_of_its_life_and_when_it_cannot_be_read(
    world: BatchWorld, sealer: WorkerContext, tmp_path: Path
) -> None:
    clock = world.clock
    sealer = replace(sealer, policy=replace(sealer.policy, seal_life=timedelta(days=10)))
    serials = []
    for days, damaged in ((0, False), (1, False), (5, False), (0, True)):
        clock.now += timedelta(days=days)
        if damaged:
            (file,) = (tmp_path / "sceaux").glob("*.pem")
            file.write_bytes(b"")
        with world.db.write() as session:
            note(session, "ESSAI", clock(), {})
        assert sign_checkpoint(sealer)
        serials.append(_checkpoints(world)[-1].serial)
    assert serials[0] == serials[1]
    assert len(set(serials)) == 3
    for checkpoint in _checkpoints(world):
        _assert_signed(world, checkpoint)


def test_every_line_of_the_history_is_vouched_for_once(world: BatchWorld, sealer: WorkerContext) -> None:
    world.deposit_fresh(20)
    world.run_batch()
    count = seal_history(sealer)
    assert count == len(world.values(select(tables.Historique.id))) > 0
    assert seal_history(sealer) == 0
    world.place()
    assert seal_history(sealer) == 2
    told = [json.loads(line.contenu) for line in _lines(world, Acte.HISTORY)]
    assert [(each["de"], each["nombre"]) for each in told] == [(1, count), (count + 1, 2)]
    rows = world.rows(select(*tables.Historique.__table__.columns).order_by(tables.Historique.id).limit(count))
    digests = [
        hashlib.sha256(
            json.dumps(
                [value if not hasattr(value, "tzinfo") else value.isoformat(timespec="microseconds") for value in row],
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
        ).digest()
        for row in rows
    ]
    assert told[0]["sha256"] == hashlib.sha256(b"".join(digests)).hexdigest()
    assert told[0]["reperes"] == "".join(digest[:4].hex() for digest in digests)


# SQLite has one writer at a time: a number is never handed out there before an earlier one is committed.
@pytest.mark.parametrize("service_set", [pytest.param("production", marks=pytest.mark.postgresql)])
def test_a_line_of_the_history_that_commits_late_is_not_passed_over(world: BatchWorld, sealer: WorkerContext) -> None:
    with world.db.write() as late:
        late.execute(text("SELECT nextval(pg_get_serial_sequence('historique', 'id'))"))
        late.execute(text("LOCK TABLE historique IN ROW EXCLUSIVE MODE"))
        world.place()  # committed, with later numbers
        assert seal_history(sealer) == 0
    assert seal_history(sealer) == 2


def test_seals_of_several_processes_do_not_disturb_each_other(world: BatchWorld, sealer: WorkerContext) -> None:
    world.deposit_fresh(20)
    world.run_batch()
    seal(sealer)
    world.place()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _turn: seal(sealer), range(3)))
    vouched = [json.loads(line.contenu) for line in _lines(world, Acte.HISTORY)]
    assert sum(each["nombre"] for each in vouched) == len(world.values(select(tables.Historique.id)))
    _assert_chain(world)
    for checkpoint in _checkpoints(world):
        _assert_signed(world, checkpoint)


def test_attempts_given_back_uncounted_may_be_claimed_again(world: BatchWorld) -> None:
    world.place()
    (task,) = world.send()
    leases.claim(world.db, [(task.id, task.attempt)], "w", world.policy, world.clock())
    assert leases.stand_back(world.db, "w", world.clock()) == 1
    assert world.outbox()[0].attempts == task.attempt
    assert leases.claim(world.db, [(task.id, task.attempt)], "w", world.policy, world.clock()) != []


def test_a_trail_that_nobody_seals_is_an_alarm(world: BatchWorld, sealer: WorkerContext) -> None:
    clock = world.clock
    assert find_trail_alarms(world.db, world.policy, clock()) == []
    world.place()
    world.run_batch()
    written = _lines(world)[0].date
    clock.now += timedelta(minutes=9)
    assert find_trail_alarms(world.db, world.policy, clock()) == []
    clock.now += timedelta(minutes=2)
    (alarm,) = find_trail_alarms(world.db, world.policy, clock())
    assert (alarm.subject, alarm.fault, alarm.ends, alarm.urgent) == (Subject.TRAIL, Fault.UNSEALED, written, False)
    seal(sealer)
    seal(sealer)
    assert find_trail_alarms(world.db, world.policy, clock()) == []


def test_a_trail_that_cannot_be_written_is_an_urgent_alarm(world: BatchWorld) -> None:
    world.place()
    world.run_batch()
    with unlocked(world.db, _PISTE), world.db.write() as session:
        session.execute(delete(tables.PisteAudit).where(tables.PisteAudit.numero == _lines(world)[-1].numero))
    (alarm,) = find_trail_alarms(world.db, world.policy, world.clock())
    assert (alarm.fault, alarm.urgent) == (Fault.BROKEN, True)


def test_a_seal_that_is_revoked_seals_no_more(world: BatchWorld, sealer: WorkerContext) -> None:
    seals = []
    for _ in range(3):
        world.place()
        world.run_batch()
        sign_checkpoint(sealer)
        seals.append(_assert_signed(world, _checkpoints(world)[-1]))
        certificat = tables.Certificat
        keys = select(certificat.spki_sha256).where(certificat.produit == "AUDIT_SEAL").order_by(certificat.id)
        revoke_key(world.db, the(world.values(keys)[0]), world.clock, "essai")  # the first one's, each time
    assert seals[0] != seals[1] == seals[2]
