"""Sending notices by SMTP against the bare client of the library that hands over the same mails to the same server.

Ours also takes each from the database, reads what it says, writes text and HTML, and records what became of it.
"""

from __future__ import annotations

import shutil
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from batch.mailing.mailer import Mailer
from batch.mailing.smtp import Smtp
from batch.mailing.wording import House
from bench.measuring.figures import Book
from bench.measuring.window import Meter
from registration.notices.owing import owe
from registration.vocabulary import Avis, EtatDemande, Plateforme
from runtime.clock import system_clock
from runtime.settings.model import Settings
from runtime.settings.notices import SmtpSettings
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from storage.migrate import upgrade
from tests.support.smtp_sink import HOST, SmtpSink

_ROUNDS = 3
_MAILS = 500  # in each round


def measure_notices(folder: Path, book: Book) -> None:
    """Enter notices_per_s, bare_mails_per_s and notices_ratio."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = Settings.from_mapping({"data_dir": "."}, base=folder)
    upgrade(settings.database_dsn())
    db = Database(settings.database_dsn())
    ours, bare, shares = [], [], []
    try:
        acteur = _insert_acteur(db)
        for rank in range(_ROUNDS):
            _owe(db, acteur, range(rank * _MAILS + 1, (rank + 1) * _MAILS + 1))
            with SmtpSink() as sink, _sender(db, sink.port) as mailer:
                meter = Meter()
                ours.append(_seconds(partial(_send, mailer)))
                mails = list(sink.mails)
                if len(mails) != _MAILS:
                    raise RuntimeError(f"{len(mails)} mails instead of {_MAILS}")
                bare.append(_seconds(partial(_hand_over, sink.port, mails)))
                shares.append(meter.read().strangers_share)
    finally:
        db.dispose()
    book.add_all(
        shares,
        {
            "notices_per_s": ([_MAILS / seconds for seconds in ours], 1),
            "bare_mails_per_s": ([_MAILS / seconds for seconds in bare], 1),
            "notices_ratio": ([other / one for one, other in zip(ours, bare, strict=True)], 2),
        },
    )


@contextmanager
def _sender(db: Database, port: int) -> Iterator[Mailer]:
    transport = Smtp(SmtpSettings(host=HOST, port=port, security="none"))
    house = House("Bench", "bench@igc.example", "https://portail.igc.example", Plateforme.TEST)
    yield Mailer(db, transport, house)
    transport.rest()


def _send(mailer: Mailer) -> None:
    while mailer.run_once():
        pass


def _hand_over(port: int, mails: list[EmailMessage]) -> None:
    with smtplib.SMTP(HOST, port, "bench") as client:
        for mail in mails:
            client.send_message(mail)


def _insert_acteur(db: Database) -> int:
    row = {"plateforme": Plateforme.TEST.value, "type_acteur": "APPLICATION", "id_national": "b", "libelle": "BENCH"}
    with db.write() as session:
        insert_rows(session, tables.Acteur, [row])
    with db.read() as session:
        return session.scalars(select(tables.Acteur.id)).one()


def _owe(db: Database, acteur: int, numeros: range) -> None:
    now = datetime.now(UTC)
    contenu: dict[str, Any] = {
        "product": "ORG_AUTH_CLI", "common_name": "Dossier patient", "organizational_unit": "10B0990011",
        "organization": "CENTRE HOSPITALIER DES ACACIAS", "state": "Paris (75)",
    }  # fmt: skip
    demandes = [
        {
            "id": numero, "plateforme": Plateforme.TEST.value, "canal": "IHM", "offre": "ORG", "usage": "AUTH_CLI",
            "etat": EtatDemande.VALIDEE.value, "id_acteur": acteur, "id_structure": "10B0990011",
            "email_acteur": "dsi@acacias.example", "contenu": contenu, "cree_le": now, "modifie_le": now,
        }
        for numero in numeros
    ]  # fmt: skip
    with db.write() as session:
        insert_rows(session, tables.Demande, demandes)
        owe(session, Avis.VALIDATED, numeros, system_clock())


def _seconds(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
