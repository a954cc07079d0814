"""``igc revoke``: by a file of serials and by a compromised key, on the command line, on both databases."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import Signals
from typing import Any

import pytest
import structlog
import typer
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from typer.testing import Result

from batch.lists.contents import PublishedLists
from batch.lists.crls import publish
from commands.revoke import support as revoke_support
from commands.revoke import work as revoke_work
from pki.certificates.serials import new_serial, serial_hex
from registration.revocation import by_list as bulk_revocation
from registration.revocation.by_list import revoke_block
from registration.revocation.revoking import revoke
from storage import tables
from storage.database import Database
from tests.support.acteurs import AGENT, HOPITAL
from tests.support.assertions import the
from tests.support.csrs import key
from tests.support.revocations import certificats, copies
from tests.support.stored import key_of
from tests.support.verbs import igc
from tests.support.world import World

ORG = "ACI-EL-ORG-TEST"


@dataclass
class Desk:
    """Where an operator types: a world of today with one certificate, and a settings file."""

    world: World
    folder: Path
    config: Path
    source: int

    def igc(self, *words: object) -> Result:
        return igc("revoke", *words, "--config", self.config)

    def good(self, *words: object) -> str:
        done = self.igc(*words)
        assert done.exit_code == 0, done.output
        return done.output

    def refused(self, *words: object) -> str:
        done = self.igc(*words)
        assert done.exit_code == 1, done.output
        return done.output

    def file(self, *lines: str, name: str = "liste.csv") -> Path:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def copies(self, number: int, **changes: Any) -> list[tables.Certificat]:
        return certificats(self.world.db, copies(self.world.db, self.source, number, **changes))

    def now(self, rows: list[tables.Certificat]) -> list[tables.Certificat]:
        return certificats(self.world.db, [row.id for row in rows])

    def revoked(self) -> int:
        with self.world.db.read() as session:
            return session.query(tables.Certificat).filter(tables.Certificat.revoque_le.is_not(None)).count()


@pytest.fixture
def desk(world: World, database_url: str, tmp_path: Path) -> Iterator[Desk]:
    world.clock.now = datetime.now(UTC)
    (numero,) = world.numeros(world.issued(world.form("PRO_AUTH")))
    config = tmp_path / "igc.toml"
    authorities = world.hierarchy.authorities_dir
    config.write_text(
        f'data_dir = "."\ndatabase_url = {json.dumps(database_url)}\n[pki]\nauthorities_dir = "{authorities}"\n'
    )
    with world.db.read() as session:
        source = session.scalars(select(tables.Certificat.id).where(tables.Certificat.id_demande == numero)).one()
    # The verb sends the log of its process to its error output, which ends with the test.
    logs, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    yield Desk(world, tmp_path, config, source)
    structlog.configure(**logs)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_a_file_from_its_check_to_its_report_and_once_more(desk: Desk) -> None:
    before = desk.world.clock.now
    good = desk.copies(4)
    (revoked,) = desk.copies(1, revoque_le=before, raison_crl="superseded")
    (expired,) = desk.copies(1, not_after=before - timedelta(days=1))
    autorite, unknown = good[0].autorite, serial_hex(new_serial())
    file = desk.file(
        "\ufeffserie;autorite;raison",
        good[0].serial,
        f"0x{good[1].serial.upper()};{autorite};keyCompromise",
        f"{good[2].serial};;affiliationChanged  # parti",
        ":".join(good[3].serial[at : at + 2] for at in range(0, 32, 2)),
        revoked.serial,
        expired.serial,
        unknown,
        good[0].serial,
    )
    words = ("file", file, "--reason", "superseded")
    told = desk.refused(*words, "--yes")
    assert f"ligne 8 : {unknown} : inconnu" in told
    assert "9 (comme 2)" in told
    assert "À révoquer : 4 ; raison à changer : 0 ; déjà révoqués : 1 ; expirés : 1 ; inconnus : 1." in told
    assert "rien n'a été fait" in desk.good(*words, "--ignore-unknown", "--dry-run")
    assert desk.revoked() == 1

    report = desk.folder / "rapport.csv"
    told = desk.good(*words, "--ignore-unknown", "--yes", "--report", report)
    assert "révoqués 4, déjà révoqués 1, expirés, rien à révoquer 1, inconnus 1" in told
    rows = list(csv.DictReader(report.read_text().splitlines(), delimiter=";"))
    assert [(row["ligne"], row["serie"], row["raison"], row["resultat"]) for row in rows] == [
        ("2", good[0].serial, "superseded", "révoqué"),
        ("3", good[1].serial, "keyCompromise", "révoqué"),
        ("4", good[2].serial, "affiliationChanged", "révoqué"),
        ("5", good[3].serial, "superseded", "révoqué"),
        ("6", revoked.serial, "superseded", "déjà révoqué"),
        ("7", expired.serial, "", "expiré"),
        ("8", unknown, "", "inconnu"),
    ]
    after = desk.now(good)
    assert [row.raison_crl for row in after] == ["superseded", "keyCompromise", "affiliationChanged", "superseded"]
    assert [the(row.revoque_le).isoformat(timespec="seconds") for row in after] == [
        row["revoque_le"] for row in rows[:4]
    ]
    # The audit trail says who did it, and with which file.
    with desk.world.db.read() as session:
        line = session.scalars(select(tables.PisteAudit).where(tables.PisteAudit.acte == "REVOCATION")).one()
    assert line.auteur.startswith("revocation par ")
    assert json.loads(line.contenu)["motif"].startswith("fichier liste.csv, SHA-256 ")

    again = desk.good(*words, "--ignore-unknown", "--resume")
    assert "déjà révoqués 5" in again
    assert [row.revoque_le for row in desk.now(good)] == [row.revoque_le for row in after]
    # A stronger reason is one more line of the file away.
    assert "raison changée en keyCompromise 1" in desk.good(
        "file", desk.file(f"{good[0].serial};;keyCompromise"), "--yes"
    )


def test_a_file_with_a_fault_does_nothing_at_all(desk: Desk) -> None:
    (row,) = desk.copies(1)
    for line, told in (
        ("12g4", "ligne 2 : « 12g4 » n'est pas un numéro de série"),
        (f"{row.serial};AC-AUTRE", "ligne 2 : autorité inconnue « AC-AUTRE »"),
        (f"{row.serial};;keyCompromise", "ligne 2 : même série qu'à la ligne 1"),
    ):
        assert told in desk.refused("file", desk.file(row.serial, line), "--reason", "superseded", "--yes")
    assert "aucune raison" in desk.refused("file", desk.file(row.serial), "--yes")
    assert "aucun numéro" in desk.refused("file", desk.file("# rien"), "--reason", "superseded", "--yes")
    assert "absent.csv" in desk.refused("file", desk.folder / "absent.csv", "--reason", "superseded", "--yes")
    assert desk.igc("file", desk.file(row.serial), "--reason", "certificateHold", "--yes").exit_code == 2
    for rate in ("0", "-1", "vite", "0/s"):
        assert desk.igc("file", desk.file(row.serial), "--reason", "superseded", "--rate", rate).exit_code == 2
    assert desk.revoked() == 0


def test_a_serial_is_that_of_its_authority_only(desk: Desk) -> None:
    (row,) = desk.copies(1)
    file = desk.file(f"{row.serial};{ORG}")
    assert row.autorite != ORG
    assert "inconnu" in desk.refused("file", file, "--reason", "superseded", "--yes")
    (twin,) = desk.copies(1, serial=row.serial, autorite=ORG)
    assert (twin.autorite, twin.serial) == (ORG, row.serial)
    unnamed = desk.file(row.serial, name="sans.csv")
    assert "plusieurs autorités" in desk.refused("file", unnamed, "--reason", "superseded", "--yes")
    assert desk.revoked() == 0
    desk.good("file", file, "--reason", "superseded", "--yes")
    with desk.world.db.read() as session:
        found = session.execute(
            select(tables.Certificat.autorite, tables.Certificat.raison_crl).where(
                tables.Certificat.serial == row.serial
            )
        )
        assert dict(found.all()) == {row.autorite: None, ORG: "superseded"}


def test_nothing_is_revoked_without_a_yes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = desk.copies(1)
    assert "--yes" in desk.refused("file", desk.file(row.serial), "--reason", "superseded")
    assert desk.revoked() == 0

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for answer, agreed in (("o\n", True), ("oui\n", True), ("\n", False), ("n\n", False)):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        if agreed:
            revoke_support.confirm("Révoquer 12 certificats ?", yes=False)
        else:
            with pytest.raises(typer.Exit):
                revoke_support.confirm("Révoquer 12 certificats ?", yes=False)
    assert "Révoquer 12 certificats ? [o/N]" in capsys.readouterr().err


def test_killed_in_the_middle_and_started_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = desk.copies(14)
    file = desk.file(*(row.serial for row in rows))
    words = ("file", file, "--reason", "keyCompromise", "--yes")
    monkeypatch.setattr(revoke_work, "BLOCK", 4)
    calls: list[Any] = []

    def revoke_and_die(*arguments: Any) -> Any:
        calls.append(revoke(*arguments))
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return calls[-1]

    def in_child() -> None:
        monkeypatch.setattr(bulk_revocation, "revoke", revoke_and_die)
        desk.igc(*words)

    assert died(desk.world.db, in_child) == signal.SIGKILL
    first = desk.now(rows)
    # Two blocks are there, whole; of the third nothing.
    assert [row.revoque_le is not None for row in first] == [True] * 8 + [False] * 6
    told = desk.good("file", file, "--reason", "keyCompromise", "--resume")
    assert "révoqués 6, déjà révoqués 8" in told
    after = desk.now(rows)
    assert [row.revoque_le for row in after[:8]] == [row.revoque_le for row in first[:8]]
    assert all(row.revoque_le is not None for row in after)
    with desk.world.db.read() as session:
        lines = session.scalars(select(tables.PisteAudit.contenu).where(tables.PisteAudit.acte == "REVOCATION"))
        named = [serial for line in lines for _, serial, *_ in json.loads(line)["certificats"]]
    assert sorted(named) == sorted(row.serial for row in rows)


def died(db: Database, work: Callable[[], object]) -> int:
    """Do the work in a process of its own; the signal that ended it."""
    db.dispose()  # a connection must not be shared with the child
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    return os.WTERMSIG(status)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_block_and_says_how_to_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: Signals
) -> None:
    rows = desk.copies(10)

    def revoke_then_signal(*arguments: Any) -> Any:
        os.kill(os.getpid(), number)
        return revoke_block(*arguments)

    monkeypatch.setattr(revoke_work, "revoke_block", revoke_then_signal)
    monkeypatch.setattr(revoke_work, "BLOCK", 4)
    handlers = signal.getsignal(number)
    told = desk.refused("file", desk.file(*(row.serial for row in rows)), "--reason", "superseded", "--yes")
    assert "arrêté après 4 séries sur 10" in told
    assert "--resume" in told
    assert [row.revoque_le is not None for row in desk.now(rows)] == [True] * 4 + [False] * 6
    assert signal.getsignal(number) is handlers


def test_a_rate_is_kept_by_small_blocks_and_what_is_done_costs_no_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = desk.copies(8)
    file = desk.file(*(row.serial for row in rows))
    taken: list[object] = []

    class Bucket:
        def __init__(self, per_second: float, burst: int, *, wait: Any) -> None:
            taken.append((per_second, burst))

        def take(self, count: int) -> bool:
            taken.append(count)
            return True

    monkeypatch.setattr(revoke_work, "TokenBucket", Bucket)
    desk.good("file", file, "--reason", "superseded", "--yes", "--rate", "3/s")
    assert taken == [(3.0, 3), 3, 3, 2]
    taken.clear()
    desk.good("file", file, "--reason", "superseded", "--yes", "--rate", "3")
    assert taken == [(3.0, 3)]


def test_a_database_that_goes_away_is_one_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = desk.copies(2)
    file = desk.file(*(row.serial for row in rows))

    def away(*_arguments: Any) -> Any:
        raise OperationalError("SELECT 'secret'", None, Exception("password=secret"))

    monkeypatch.setattr(revoke_work, "revoke_block", away)
    told = desk.refused("file", file, "--reason", "superseded", "--yes")
    assert "la base de données refuse : connexion impossible ou perdue" in told
    assert "secret" not in told
    desk.config.write_text('data_dir = "ailleurs"\n')
    assert "n'existe pas" in desk.refused("file", file, "--reason", "superseded", "--yes")


# --- publication ---


def test_publish_waits_for_the_list_that_carries_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = desk.copies(3)
    monkeypatch.setattr(revoke_support, "_POLL_SECONDS", 0.02)
    publish(desk.world.context, rows[0].autorite)
    looked = threading.Event()
    carry = PublishedLists.carry

    def carry_and_tell(*arguments: Any) -> bool:
        found = carry(*arguments)
        looked.set()
        return found

    monkeypatch.setattr(PublishedLists, "carry", carry_and_tell)

    def publish_once_looked() -> None:
        assert looked.wait(60)
        desk.world.clock.advance(seconds=1)
        publish(desk.world.context, rows[0].autorite)

    publisher = threading.Thread(target=publish_once_looked)
    publisher.start()
    told = desk.good("file", desk.file(*(row.serial for row in rows)), "--reason", "superseded", "--yes", "--publish")
    publisher.join()
    assert f"CRL de {rows[0].autorite} : publiées." in told
    # The same again: it is there already.
    desk.good("file", desk.folder / "liste.csv", "--reason", "superseded", "--yes", "--publish")
    # For another reason it is not there yet, and nobody publishes.
    monkeypatch.setattr(revoke_support, "PUBLICATION_SECONDS", 0.1)
    told = desk.refused("file", desk.folder / "liste.csv", "--reason", "keyCompromise", "--yes", "--publish")
    assert "pas encore publiées" in told
    assert {row.raison_crl for row in desk.now(rows)} == {"keyCompromise"}


# --- a compromised key ---


def test_the_leaked_private_key_itself(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    (row,) = certificats(desk.world.db, [desk.source])
    leaked = desk.folder / "fuite.pem"
    leaked.write_bytes(key(0).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame")))
    assert "--passphrase-file" in desk.refused("key", leaked, "--yes")
    phrase = desk.folder / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text("sesame\n")
    words = ("key", leaked, "--passphrase-file", phrase)
    told = desk.good(*words, "--dry-run")
    assert desk.revoked() == 0
    for part in (
        f"à révoquer : demande n° {row.id_demande} · {row.autorite} {row.serial} · PRO_AUTH",
        f"structure {HOPITAL}",
        AGENT,
        "à prévenir : acteur@acacias.example",
    ):
        assert part in told
    assert "--yes" in desk.refused(*words)
    told = desk.good(*words, "--yes")
    assert "Révoqués : 1" in told
    (after,) = certificats(desk.world.db, [desk.source])
    assert after.raison_crl == "keyCompromise"
    told += desk.good(*words, "--yes")
    assert "déjà révoqués : 1" in told
    # The proof itself is nowhere: not on the screen, in the log or in the database.
    exponent = f"{key(0).private_numbers().d:x}"
    written = told + "".join(capfd.readouterr())
    with desk.world.db.read() as session:
        written += "".join(session.scalars(select(tables.PisteAudit.contenu)))
    assert "PRIVATE KEY" not in written
    assert "sesame" not in written
    assert exponent[:40] not in written


def test_a_key_by_its_digest_blocks_what_is_not_there_yet(desk: Desk) -> None:
    digest = "ab" * 32
    told = desk.good("key", digest, "--yes")
    assert "Aucun certificat ni demande de cette clé" in told
    assert "Clé déjà interdite." in desk.good("key", digest.upper(), "--yes")
    with desk.world.db.read() as session:
        assert session.get(tables.CleInterdite, bytes.fromhex(digest)) is not None


def test_waiting_demandes_and_delegated_keys_are_named(desk: Desk) -> None:
    (row,) = certificats(desk.world.db, [desk.source])
    desk.copies(1, produit="OCSP_SIGNER", id_demande=None, spki_sha256=row.spki_sha256)
    index = desk.world.deposit(desk.world.form(key=1), reference="lot-2").index
    (numero,) = desk.world.numeros(index)
    told = desk.good("key", key_of(row).hex(), "--yes")
    assert "Répondeur OCSP" in told
    assert "hors demande" in told
    request = desk.folder / "demande.csr"
    request.write_bytes(the(desk.world.form(key=1).csr))
    told = desk.good("key", request, "--yes")
    assert f"pas encore signée, à abandonner : demande n° {numero} · ORG AUTH_CLI · structure {HOPITAL}" in told
    assert "demandes abandonnées : 1" in told


def test_the_key_of_an_authority_is_the_affair_of_the_ceremony(desk: Desk) -> None:
    for name, authority in desk.world.hierarchy.authorities.items():
        file = desk.folder / "ac.cer"
        file.write_bytes(authority.certificate_der)
        told = desk.refused("key", file, "--yes")
        assert f"c'est la clé de l'autorité {name}" in told
        assert "ceremonie" in told
    assert desk.revoked() == 0
    with desk.world.db.read() as session:
        assert session.query(tables.CleInterdite).count() == 0


def test_what_is_no_key_is_refused_without_a_word_of_it(desk: Desk) -> None:
    two = key(0).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + key(1).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for content, told in ((b"rien de cela", "ni certificat, ni CSR, ni clé"), (two, "plusieurs clés")):
        file = desk.folder / "preuve"
        file.write_bytes(content)
        assert told in desk.refused("key", file, "--yes")
    assert "absente" in desk.refused("key", desk.folder / "absente.pem", "--yes")
