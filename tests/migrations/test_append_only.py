"""The database itself refuses to change or remove a line of the history."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Executable, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage.database import Database
from storage.tables import Acteur, Demande, Historique, PisteAudit, Scellement

_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def history(database: Database) -> Database:
    """A demande with one line of history."""
    with database.write() as session:
        acteur = Acteur(plateforme="TEST", type_acteur="APPLICATION", id_national=None, type_personne=None, libelle="a")
        session.add(acteur)
        session.flush()  # The next rows need the acteur's number.
        session.add(
            Demande(
                id=1,
                plateforme="TEST",
                canal="WS",
                offre="ORG",
                usage="AUTH_CLI",
                etat="ENREGISTREE",
                id_acteur=acteur.id,
                email_acteur="a@hopital.example",
                cree_le=_NOW,
                modifie_le=_NOW,
            )
        )
        session.flush()  # The history refers to the demande, and the models declare no relationship.
        session.add(
            Historique(
                id_demande=1,
                canal="WS",
                date=_NOW,
                code_action="ACT_DCL_001",
                etat="ENREGISTREE",
                type_acteur="Mandataire",
                acteur="a",
            )
        )
    return database


def _lines(session: Session) -> list[tuple[int, str]]:
    return [(line.id_demande, line.code_action) for line in session.scalars(select(Historique))]


def test_lines_can_be_added_and_read(history: Database) -> None:
    with history.read() as session:
        assert _lines(session) == [(1, "ACT_DCL_001")]


@pytest.mark.parametrize(
    "statement",
    [
        update(Historique).values(code_action="ACT_DCL_005"),
        delete(Historique),
        text("INSERT INTO historique SELECT * FROM historique WHERE true ON CONFLICT (id) DO UPDATE SET canal = 'IHM'"),
    ],
    ids=["update", "delete", "upsert"],
)
def test_no_statement_changes_or_removes_a_line(history: Database, statement: Executable) -> None:
    with pytest.raises(DBAPIError, match="append-only"), history.write() as session:
        session.execute(statement)
    with history.read() as session:
        assert _lines(session) == [(1, "ACT_DCL_001")]


@pytest.mark.parametrize("table", ["piste_audit", "scellement"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET numero = numero + 1", "DELETE FROM {}"])
def test_the_audit_trail_is_append_only_too(database: Database, table: str, statement: str) -> None:
    moment, digest = _NOW, bytes(32)
    with database.write() as session:
        session.add(PisteAudit(numero=1, date=moment, acte="A", auteur="a", contenu="{}", empreinte=digest))
        session.add(
            Scellement(numero=1, empreinte=digest, date=moment, autorite="AC", serial="01", signature=b"signature")
        )
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text(statement.format(table)))


def test_replacing_or_emptying_is_refused_too(history: Database) -> None:
    if history.engine.dialect.name == "sqlite":
        statement = "INSERT OR REPLACE INTO historique SELECT * FROM historique"
    else:
        statement = "TRUNCATE historique"
    with pytest.raises(DBAPIError, match="append-only"), history.write() as session:
        session.execute(text(statement))
    with history.read() as session:
        assert session.scalar(select(func.count()).select_from(Historique)) == 1
