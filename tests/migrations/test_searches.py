"""Demandes of an older plateforme get the dates of their certificates, wherever they stand, and lose nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from alembic import command
from sqlalchemy import Engine, select, text

from storage import tables
from storage.database import Database, make_engine
from storage.migrate import alembic_config

_DEMANDE = (
    "INSERT INTO demande (id, plateforme, canal, offre, usage, etat, etat_produit, id_acteur, cree_le, modifie_le) "
    "VALUES (:id, 'TEST', 'WS', 'ORG', 'SIGN', :etat, :produit, 1, '2026-01-01 12:00:00', '2026-01-02 12:00:00')"
)
_CERTIFICAT = (
    "INSERT INTO certificat (id_demande, autorite, serial, produit, not_before, not_after, emis_le, revoque_le) VALUES "
    "(:id, 'AC', :serial, 'ORG_SIGN', '2026-01-01 12:00:00', :end, :signed, :revoked)"
)
SIGNED, END, REVOKED = "2026-01-02 12:00:00", "2029-01-01 12:00:00", "2026-02-01 12:00:00"
# A numero, its etat and produit, the certificate's signature and revocation; None for no certificate. Far apart.
ROWS: dict[int, tuple[str, str | None, tuple[str | None, str | None] | None]] = {
    1: ("CLOSE", "ACTIF", (SIGNED, None)),
    2: ("TRANSMISE", None, (None, None)),
    20_001: ("REJETEE", None, None),
    20_002: ("ANNULEE", "REVOQUE", (SIGNED, REVOKED)),
    9_000_000_000_000: ("CLOSE", "REVOQUE", (SIGNED, REVOKED)),
    9_000_000_000_001: ("VALIDEE", None, (None, REVOKED)),
}


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def dates(url: str) -> dict[int, tuple[str | None, ...]]:
    demande = tables.Demande
    db = Database(url)
    try:
        with db.read() as session:
            rows = session.execute(select(demande.id, demande.produit_emis_le, demande.produit_fin_le)).all()
    finally:
        db.dispose()
    return {numero: tuple(_told(one) for one in moments) for numero, *moments in rows}


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def test_what_is_signed_is_dated_by_its_certificate(empty_database_url: str, engine: Engine) -> None:
    config = alembic_config(empty_database_url)
    command.upgrade(config, "0025")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO acteur (id, plateforme, type_acteur, libelle) VALUES (1, 'TEST', 'APPLICATION', 'a')")
        )
        for numero, (etat, produit, certificat) in ROWS.items():
            connection.execute(text(_DEMANDE), {"id": numero, "etat": etat, "produit": produit})
            if certificat is not None:
                signed, revoked = certificat
                values = {"id": numero, "serial": str(numero), "end": END, "signed": signed, "revoked": revoked}
                connection.execute(text(_CERTIFICAT), values)
    expected = {
        numero: (SIGNED, END) if certificat and certificat[0] else (None, None)
        for numero, (_, _, certificat) in ROWS.items()
    }
    for _ in range(2):
        command.upgrade(config, "0026")
        assert dates(empty_database_url) == expected
        command.downgrade(config, "0025")
    with engine.connect() as connection:
        left = connection.execute(text("SELECT id, etat FROM demande ORDER BY id")).all()
    assert {row.id: row.etat for row in left} == {numero: etat for numero, (etat, _, _) in ROWS.items()}
