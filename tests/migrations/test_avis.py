"""An older plateforme owed no notices: of what is under way the rest is told, of what is over nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text

from storage.database import make_engine
from storage.migrate import alembic_config

_LOT = (
    "INSERT INTO lot (id, plateforme, id_acteur, reference, empreinte, nombre, depose_le) "
    "VALUES ({0}, 'TEST', 1, 'lot-{0}', :digest, 1, '2026-11-23 12:00:00')"
)


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def test_a_lot_under_way_will_be_told_of_and_one_that_is_over_is_not(empty_database_url: str, engine: Engine) -> None:
    config = alembic_config(empty_database_url)
    command.upgrade(config, "0019")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO acteur (id, plateforme, type_acteur, libelle) VALUES (1, 'TEST', 'APPLICATION', 'a')")
        )
        for index in (1, 2):
            connection.execute(text(_LOT.format(index)), {"digest": bytes(32)})
        connection.execute(
            text(
                "INSERT INTO outbox (nature, id_lot, payload, rang, created_at, attempts, envois) "
                "VALUES ('ISSUE', 2, '{}', 0, '2026-11-23 12:00:00', 0, 0)"
            )
        )
    command.upgrade(config, "head")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT nature, id_lot, etat, destinataire FROM avis")).all()
    assert rows == [("MISE_A_DISPOSITION", 2, "A_REUNIR", None)]
    command.downgrade(config, "0019")
    command.upgrade(config, "head")
