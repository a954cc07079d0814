"""Revoking by file against bare UPDATEs of as many rows: same database, same blocks, same number of commits.

Both write certificate and demande. Ours also reads the file, checks it whole, finds the certificates by their serials,
locks, writes the history and the audit trail. Rounds alternate, so that a neighbour's noise falls on both.
"""

from __future__ import annotations

import hashlib
import shutil
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import select, update

from commands.revoke_support import Place
from commands.revoke_work import work
from pki.serials import new_serial, serial_hex
from registration.bulk_revocation import BLOCK, survey
from registration.rules.revocation_file import read_revocations
from registration.slicing import slices
from registration.vocabulary import EtatDemande, EtatProduit, Plateforme
from runtime.clock import system_clock
from runtime.settings import Settings
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from storage.migrate import upgrade

_AUTHORITY = "ACI-EL-ORG-TEST"
_ROUNDS = 3
_CERTIFICATES = 10_000  # in each round, of each kind
_REASON = "superseded"
_LIFE = timedelta(days=900)


def measure_revocations(folder: Path, console: Console) -> dict[str, Any]:
    """Values for latest.json: bulk_revocation_per_s, bulk_revocation_ratio."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = Settings.from_mapping({"data_dir": "."}, base=folder)
    upgrade(settings.database_dsn())
    db = Database(settings.database_dsn())
    place = Place(settings, db, {_AUTHORITY: None}, Console(quiet=True))  # type: ignore[dict-item]  # only the name is used
    numbers = iter(range(1, 2 * _ROUNDS * _CERTIFICATES + 1))
    ours, bare = [], []
    try:
        acteur = _insert_acteur(db)
        for _ in range(_ROUNDS):
            file = folder / "series.txt"
            serials = _insert(db, acteur, [next(numbers) for _ in range(_CERTIFICATES)])
            file.write_text("\n".join(serials) + "\n")
            ours.append(_seconds(lambda file=file: _revoke(place, file)))
            others = [next(numbers) for _ in range(_CERTIFICATES)]
            _insert(db, acteur, others)
            bare.append(_seconds(lambda others=others: _update(db, others)))
    finally:
        db.dispose()
    values = {
        "bulk_revocation_per_s": round(_CERTIFICATES / statistics.median(ours), 1),
        "bulk_update_per_s": round(_CERTIFICATES / statistics.median(bare), 1),
        "bulk_revocation_ratio": round(statistics.median(ours) / statistics.median(bare), 2),
    }
    console.print(f"révocation par fichier : {values}")
    return values


def _revoke(place: Place, file: Path) -> None:
    with file.open("rb") as content:
        wanted = read_revocations(content, _REASON, place.authorities)
    survey(place.db, wanted.lines, place.authorities, system_clock())
    tally = work(place, wanted.lines, "bench", None, None)
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
