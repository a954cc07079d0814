"""What an operator does with notices: see them, have refused ones tried again, be warned, forget what is old."""

from __future__ import annotations

import email
import json
import os
import signal
import stat
import subprocess
import sys
import time
from email import policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from batch.mailing.transport import Answer, Folder, TransportError, Verdict
from batch.watching.alarms import Fault, Subject, find_notice_alarms
from registration.vocabulary import Plateforme
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE
from storage import tables
from tests.integration.notices.world import ACTEUR, INFORME, NoticeWorld
from tests.support.processes import wait_until
from tests.support.verbs import igc


def verb(world: NoticeWorld, folder: Path, *words: object) -> str:
    config = folder / "igc.toml"
    config.write_text(f'data_dir = "."\ndatabase_url = {json.dumps(world.database_url)}\n')
    done = igc("avis", *words, "--config", config)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture
def refused(world: NoticeWorld) -> NoticeWorld:
    world.place(world.form(email_informe=INFORME))
    world.box.answers[ACTEUR] = Answer(Verdict.REFUSED, "550 5.1.1 inconnu")
    world.send_mails()
    return world


def test_a_refused_notice_is_seen_and_tried_again(refused: NoticeWorld, tmp_path: Path) -> None:
    (shown,) = json.loads(verb(refused, tmp_path, "list", "--etat", "REFUSE", "--format", "json"))
    assert (shown["destinataire"], shown["reponse"], shown["numero"]) == (ACTEUR, "550 5.1.1 inconnu", 1)
    assert "1 avis" in verb(refused, tmp_path, "retry", shown["id"])
    refused.box.answers.clear()
    refused.clock.now = max(row.du_le for row in refused.avis() if row.destinataire)
    (mail,) = refused.send_mails()
    assert mail["To"] == ACTEUR
    assert "0 avis" in verb(refused, tmp_path, "retry", "--all")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (("--email", ACTEUR.upper()), 1), (("--demande", 1), 2), (("--demande", 2), 0), (("--nature", "VALIDATION"), 2),
        (("--nature", "RETRAIT"), 0), (("--lot", 1), 0), (("--etat", "ENVOYE", "--etat", "REFUSE"), 2), ((), 2),
    ],
)  # fmt: skip
def test_notices_are_found_by_what_is_known(
    refused: NoticeWorld, tmp_path: Path, words: tuple[Any, ...], number: int
) -> None:
    assert len(json.loads(verb(refused, tmp_path, "list", *words, "--format", "json"))) == number


def test_a_way_that_is_shut_for_an_hour_is_told(world: NoticeWorld) -> None:
    world.place()
    world.box.answers[ACTEUR] = TransportError("personne n'écoute")
    world.mailer().run_once()
    assert find_notice_alarms(world.db, world.clock()) == []
    begun = world.clock.now
    world.clock.advance(minutes=61)
    (alarm,) = find_notice_alarms(world.db, world.clock())
    assert (alarm.subject, alarm.fault, alarm.ends, alarm.urgent) == (Subject.NOTICES, Fault.UNSENT, begun, False)
    world.box.answers.clear()
    world.send_mails()
    assert find_notice_alarms(world.db, world.clock()) == []


def test_what_was_sent_is_forgotten_some_day_and_what_waits_is_not(world: NoticeWorld, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "avis")
    world.place(world.form(email_informe=INFORME))
    world.send_mails(world.mailer(folder))
    assert len(list((tmp_path / "avis").iterdir())) == 2
    world.clock.advance(days=89)
    world.send_mails(world.mailer(folder))
    assert sum(row.etat == "ENVOYE" for row in world.avis()) == 2
    with world.db.write() as session:
        session.execute(
            update(tables.Avis).where(tables.Avis.destinataire == INFORME).values(etat="A_ENVOYER", regle_le=None)
        )
    world.clock.advance(days=2)
    world.mailer(folder).run_once()
    assert [row.destinataire for row in world.avis() if row.destinataire] == [INFORME]


def test_files_of_the_folder_are_forgotten_as_well(world: NoticeWorld, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "autre.txt").touch()
    for name, age in (("a.eml", 100), ("b.eml", 10)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - 86_400 * age,) * 2)
    folder.forget(time.time() - 86_400 * 90)
    assert {file.name for file in tmp_path.iterdir()} == {"autre.txt", "b.eml"}


def test_a_notice_in_the_folder_is_whole_its_own_and_closed_to_others(world: NoticeWorld, tmp_path: Path) -> None:
    world.place()
    world.send_mails(world.mailer(Folder(tmp_path / "avis")))
    (file,) = (tmp_path / "avis").iterdir()
    mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["To"] == ACTEUR
    assert file.name == f"{mail['Message-ID'].partition('@')[0].lstrip('<')}.eml"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]


def test_a_folder_that_cannot_be_written_loses_nothing(world: NoticeWorld, tmp_path: Path) -> None:
    (tmp_path / "avis").touch()
    world.place()
    world.mailer(Folder(tmp_path / "avis")).run_once()
    (row,) = [row for row in world.avis() if row.destinataire]
    assert row.etat == "A_ENVOYER"


def test_a_stopped_plateforme_sends_nothing(world: NoticeWorld) -> None:
    world.place()
    with world.db.write() as session:
        session.add(tables.Arret(id=1, constate_le=world.clock(), raison="essai"))
    assert world.send_mails() == []


def test_the_other_plateforme_is_another_sender_s(world: NoticeWorld) -> None:
    world.place()
    world.plateforme = Plateforme.PRODUCTION
    assert world.send_mails() == []


@pytest.mark.long
def test_the_process_sends_what_is_owed_and_ends_when_it_is_told(world: NoticeWorld, tmp_path: Path) -> None:
    world.place()
    verb(world, tmp_path, "list")
    process = subprocess.Popen(
        bound([sys.executable, "-m", "commands", "mailer"]),
        env={**os.environ, CONFIG_VARIABLE: str(tmp_path / "igc.toml")},
    )
    try:
        wait_until(lambda: bool(list(tmp_path.glob("avis/*.eml"))), what="a mail in the folder")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
