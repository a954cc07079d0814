"""Revoking by file against bare UPDATEs of as many rows: same database, same blocks, same number of commits.

Both write certificate and demande. Ours also reads the file, checks it whole, finds the certificates by their serials,
locks, writes the history and the audit trail. Rounds alternate, so that a neighbour's noise falls on both.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from bench.measuring.figures import Book
from bench.measuring.window import Meter
from commands.revoke.work import work
from pki.certificates.serials import new_serial, serial_hex
from registration.revocation.by_list import BLOCK, survey
from registration.revocation.list_file import read_revocations
from registration.vocabulary import EtatDemande, EtatProduit, Plateforme
from runtime.clock import system_clock
from runtime.settings.model import Settings
from storage import tables
from storage.bulk import insert_rows, slices
from storage.database import Database
from storage.migrate import upgrade

_AUTHORITY = "ACI-EL-ORG-TEST"
_AUTHORITIES: Mapping[str, Any] = {_AUTHORITY: None}  # only the name is used
_ROUNDS = 3
_CERTIFICATES = 10_000  # in each round, of each kind
_REASON = "superseded"
_LIFE = timedelta(days=900)


def measure_bulk_revocations(folder: Path, book: Book) -> None:
    """Enter bulk_revocation_per_s, bulk_update_per_s and bulk_revocation_ratio."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = Settings.from_mapping({"data_dir": "."}, base=folder)
    upgrade(settings.database_dsn())
    db = Database(settings.database_dsn())
    numbers = iter(range(1, 2 * _ROUNDS * _CERTIFICATES + 1))
    ours, bare, shares = [], [], []
    try:
        acteur = _insert_acteur(db)
        for _ in range(_ROUNDS):
            file = folder / "series.txt"
            serials = _insert(db, acteur, [next(numbers) for _ in range(_CERTIFICATES)])
            file.write_text("\n".join(serials) + "\n")
            others = [next(numbers) for _ in range(_CERTIFICATES)]
            _insert(db, acteur, others)
            meter = Meter()
            ours.append(_seconds(lambda file=file: _revoke(db, file)))
            bare.append(_seconds(lambda others=others: _update(db, others)))
            shares.append(meter.read().strangers_share)
    finally:
        db.dispose()
    book.add_all(
        shares,
        {
            "bulk_revocation_per_s": ([_CERTIFICATES / seconds for seconds in ours], 1),
            "bulk_update_per_s": ([_CERTIFICATES / seconds for seconds in bare], 1),
            "bulk_revocation_ratio": ([one / other for one, other in zip(ours, bare, strict=True)], 2),
        },
    )


def _revoke(db: Database, file: Path) -> None:
    with file.open("rb") as content:
        wanted = read_revocations(content, _REASON, _AUTHORITIES)
    survey(db, wanted.lines, _AUTHORITIES, system_clock())
    tally = work(db, _AUTHORITIES, wanted.lines, "bench", None, None)
    if tally.counts.total() != _CERTIFICATES:
        raise RuntimeError("not everything was revoked")


def _update(db: Database, numeros: Sequence[int]) -> None:
    demande, certificat = tables.Demande, tables.Certificat
    for part in slices(numeros, BLOCK):
        with db.write() as session:
            session.execute(
                update(certificat)
                .where(certificat.id_demande.in_(part))
                .values(revoque_le=datetime.now(UTC), raison_crl=_REASON)
                .execution_options(synchronize_session=False)
            )
            session.execute(
                update(demande)
                .where(demande.id.in_(part))
                .values(etat_produit=EtatProduit.REVOQUE.value)
                .execution_options(synchronize_session=False)
            )


def _insert_acteur(db: Database) -> int:
    row = {
        "plateforme": Plateforme.TEST.value,
        "type_acteur": "APPLICATION",
        "id_national": "bench",
        "libelle": "BENCH",
    }
    with db.write() as session:
        insert_rows(session, tables.Acteur, [row])
        return session.scalars(select(tables.Acteur.id)).one()


def _insert(db: Database, acteur: int, numeros: Sequence[int]) -> list[str]:
    """Withdrawn certificates with their demandes, of the size of real ones; gives their serials."""
    now = datetime.now(UTC)
    serials = {numero: serial_hex(new_serial()) for numero in numeros}
    demandes = [
        {
            "id": numero, "plateforme": Plateforme.TEST.value, "canal": "WS", "offre": "ORG", "usage": "AUTH_CLI",
            "etat": EtatDemande.CLOSE.value, "etat_produit": EtatProduit.ACTIF.value, "id_acteur": acteur,
            "id_structure": "10B0990011", "service_applicatif": f"Application {numero}",
            "email_acteur": "dsi@acacias.example", "contenu": {"common_name": "x" * 300}, "cree_le": now,
            "modifie_le": now,
        }
        for numero in numeros
    ]  # fmt: skip
    certificats = [
        {
            "id_demande": numero, "autorite": _AUTHORITY, "serial": serial, "produit": "ORG_AUTH_CLI",
            "der": bytes(1_500), "spki_sha256": hashlib.sha256(serial.encode()).digest(), "not_before": now,
            "not_after": now + _LIFE, "emis_le": now, "retire_le": now,
        }
        for numero, serial in serials.items()
    ]  # fmt: skip
    with db.write() as session:
        insert_rows(session, tables.Demande, demandes)
        insert_rows(session, tables.Certificat, certificats)
    return list(serials.values())


def _seconds(act: Any) -> float:  # noqa: ANN401 -- anything without arguments
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
