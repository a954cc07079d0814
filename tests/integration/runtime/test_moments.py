"""Statements made once, run past SQLAlchemy: the same values in and out, the same errors, the same moment."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, insert, literal, select, text, true
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.database import Database
from storage.moments import Prepared
from storage.tables import Compteur, Crl, Structure
from storage.waits import BATCH, Waits, is_busy
from tests.support.databases import statements

_NAMES = Prepared(
    select(Structure.id_national, Structure.raison_sociale, Structure.departement).where(
        Structure.plateforme == bindparam("plateforme"), Structure.id_national == bindparam("ident")
    )
)
_NEXT = Prepared(select(Compteur.prochain).where(Compteur.nom == bindparam("nom")))


def again(database: Database, waits: Waits = BATCH) -> Database:
    """Other connections to the same database."""
    return Database(database.engine.url.render_as_string(hide_password=False), waits=waits)


def add_structure(database: Database, ident: str, raison_sociale: str) -> None:
    with database.write() as session:
        session.add(
            Structure(plateforme="TEST", id_national=ident, raison_sociale=raison_sociale, departement="Rhône (69)")
        )


def test_rows_have_the_names_of_the_columns(database: Database) -> None:
    add_structure(database, "10B0000001", "CH « % » d'Évreux")
    with database.view() as moment:
        (row,) = moment.rows(_NAMES, plateforme="TEST", ident="10B0000001")
        assert (row.raison_sociale, row.departement) == ("CH « % » d'Évreux", "Rhône (69)")
        assert moment.rows(_NAMES, plateforme="PRODUCTION", ident="10B0000001") == []
    with database.write() as session:
        assert _NAMES.within(session, plateforme="TEST", ident="10B0000001") == [row]


def test_values_go_in_and_out_as_sqlalchemy_has_them(database: Database) -> None:
    at = datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    crl = {"autorite": "AC", "numero": 1, "der": b"\x00\xff", "this_update": at, "next_update": at, "apportee": True}
    crl |= {"dernier_numero": 1, "complete_le": at, "publie_le": at}
    with database.write() as session:
        session.connection().execute(insert(Crl), [crl])
    asked = Prepared(
        select(
            Crl.autorite, Crl.der, Crl.next_update, Crl.apportee, literal("x'%s").label("fixed"), true().label("yes")
        )
        .where(Crl.next_update >= bindparam("since"), Crl.next_update <= bindparam("until"))
        .where(bindparam("since", type_=Crl.next_update.type) <= bindparam("until"))
    )
    with database.view() as moment:
        (row,) = moment.rows(asked, since=at, until=at + timedelta(seconds=1))
        assert moment.rows(asked, since=at + timedelta(seconds=1), until=at + timedelta(seconds=2)) == []
    assert (row.autorite, bytes(row.der), row.next_update, row.apportee) == ("AC", b"\x00\xff", at, True)
    assert row.next_update.tzinfo is UTC
    assert (row.fixed, row.yes) == ("x'%s", True)
    with database.view() as moment, pytest.raises(ValueError, match="naive"):
        moment.rows(asked, since=at.replace(tzinfo=None), until=at)


def test_what_is_read_both_ways_is_of_one_moment(database: Database) -> None:
    add_structure(database, "10B0000001", "avant")

    def rename() -> None:
        with database.write() as session:
            session.execute(text("UPDATE structure SET raison_sociale = 'apres'"))

    with database.view() as moment:
        (before,) = moment.rows(_NAMES, plateforme="TEST", ident="10B0000001")
        writer = threading.Thread(target=rename)
        writer.start()
        writer.join()
        with database.view() as same, database.read() as session:
            assert same is moment
            structure = session.scalars(select(Structure)).one()
            assert (before.raison_sociale, structure.raison_sociale) == ("avant", "avant")
    assert structure.departement == "Rhône (69)"  # what was read stays usable
    with database.view() as moment:
        assert moment.rows(_NAMES, plateforme="TEST", ident="10B0000001")[0].raison_sociale == "apres"


def test_a_write_inside_a_view_is_refused_and_the_view_goes_on(database: Database) -> None:
    with database.view() as moment:
        with pytest.raises(RuntimeError), database.write():
            pass
        assert moment.rows(_NEXT, nom="lot")[0].prochain >= 1
    add_structure(database, "10B0000001", "CH")


def test_nothing_is_left_of_what_a_view_changes(database: Database) -> None:
    with database.view() as moment:
        moment.session.execute(text("UPDATE compteur SET prochain = prochain + 1000"))
    with database.view() as moment:
        assert moment.rows(_NEXT, nom="lot")[0].prochain < 1000


def test_errors_are_those_of_sqlalchemy_without_the_values(database: Database) -> None:
    missing = Prepared(select(literal("secret").label("told")).where(text("rien = 1")))
    with database.view() as moment, pytest.raises(DBAPIError) as raised:
        moment.rows(missing)
    assert "secret" not in str(raised.value)
    assert not is_busy(raised.value)
    with database.view() as moment:
        assert moment.rows(_NEXT, nom="lot")  # the connection serves on
        with pytest.raises(KeyError):
            moment.rows(_NEXT)


def test_a_database_that_does_not_answer_in_time_is_busy(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        return  # nobody who reads waits there
    hasty = again(database, waits=Waits(statement=0.2))
    slow = Prepared(select(literal(1).label("one")).where(text("pg_sleep(5) IS NULL")))
    with hasty.view() as moment, pytest.raises(OperationalError) as raised:
        moment.rows(slow)
    assert is_busy(raised.value)
    hasty.dispose()


def test_a_connection_that_is_gone_is_not_used_again(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        return  # a file does not go away
    other = again(database)
    cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with database.view() as moment:
        moment.rows(_NEXT, nom="lot")
        with other.read() as session:
            session.execute(cut)
        with pytest.raises(OperationalError) as raised:
            moment.rows(_NEXT, nom="lot")
    assert is_busy(raised.value)
    with database.view() as moment:
        assert moment.rows(_NEXT, nom="lot")
    other.dispose()


def test_a_list_is_no_parameter(database: Database) -> None:
    listed = Prepared(select(Compteur.nom).where(Compteur.nom.in_(bindparam("names", expanding=True))))
    with database.view() as moment, pytest.raises(ValueError, match="list"):
        moment.rows(listed, names=["lot"])


def test_who_listens_to_statements_hears_them(database: Database) -> None:
    with database.view() as moment, statements(database.engine) as sent:
        moment.rows(_NEXT, nom="lot")
    assert len(sent) == 1
