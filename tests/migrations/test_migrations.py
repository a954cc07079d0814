"""Models and migrations say the same, on both databases; going up is safe however often and by how many it is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from runtime.processes.bound import bound
from storage.database import make_engine
from storage.migrate import alembic_config, upgrade
from storage.tables import Base
from tests.support.assertions import the

_UPGRADE = """
import sys
from storage.migrate import upgrade
print("ready", flush=True)
sys.stdin.readline()
upgrade(sys.argv[1])
"""


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def _tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def _assert_same_as_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def _heads(url: str) -> list[str]:
    return ScriptDirectory.from_config(alembic_config(url)).get_heads()


def test_migrations_make_what_the_models_say(empty_database_url: str, engine: Engine) -> None:
    upgrade(empty_database_url)
    assert _tables(engine) == {*Base.metadata.tables, "alembic_version"}
    _assert_same_as_models(engine)


def test_the_comparison_sees_a_difference(empty_database_url: str, engine: Engine) -> None:
    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE compteur ADD COLUMN de_trop INTEGER"))
        connection.execute(text("DROP INDEX ix_demande__beneficiaire"))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert {difference[0] for difference in differences} == {"remove_column", "add_index"}


def test_there_is_one_head(empty_database_url: str) -> None:
    assert len(_heads(empty_database_url)) == 1


def test_upgrading_again_changes_nothing(empty_database_url: str, engine: Engine) -> None:
    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE compteur SET prochain = 42 WHERE nom = 'demande'"))
    upgrade(empty_database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT nom, prochain FROM compteur ORDER BY nom")).all()
    assert rows == [("demande", 42), ("lot", 1)]


@pytest.mark.long
def test_processes_that_start_together_migrate_once(empty_database_url: str, engine: Engine) -> None:
    argv = bound([sys.executable, "-c", _UPGRADE, empty_database_url])
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(argv, text=True, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(3)]
    try:
        for process in processes:
            assert the(process.stdout).readline() == "ready\n"
        for process in processes:
            stdin = the(process.stdin)
            stdin.write("\n")
            stdin.flush()
        errors = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], errors
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    _assert_same_as_models(engine)
    with engine.connect() as connection:
        versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        assert versions == _heads(empty_database_url)
        assert connection.execute(text("SELECT count(*) FROM compteur")).scalar() == 2


@pytest.mark.long
def test_down_to_nothing_and_up_again(empty_database_url: str, engine: Engine) -> None:
    upgrade(empty_database_url)
    command.downgrade(alembic_config(empty_database_url), "base")
    assert _tables(engine) <= {"alembic_version"}
    upgrade(empty_database_url)
    _assert_same_as_models(engine)


@pytest.mark.long
def test_every_step_can_be_taken_back_and_again(empty_database_url: str, engine: Engine) -> None:
    config = alembic_config(empty_database_url)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in reversed(revisions):
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    _assert_same_as_models(engine)


_ROW = (
    "INSERT INTO demande (id, plateforme, canal, offre, usage, etat, id_acteur, email_acteur, cree_le, modifie_le) VALUES "
    "({}, 'TEST', 'WS', {}, 'SIGN', 'REJETEE', 1, 'a@h.example', '2026-11-23 12:00:00', '2026-11-23 12:00:00')"
)


def test_a_refused_item_may_lose_its_offre_and_keeps_the_rows_that_refer_to_it(
    empty_database_url: str, engine: Engine
) -> None:
    """The demande stands in the history before the column changes, and what has no offre stops the way back."""
    config = alembic_config(empty_database_url)
    command.upgrade(config, "0012")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO acteur (id, plateforme, type_acteur, libelle) VALUES (1, 'TEST', 'APPLICATION', 'a')")
        )
        connection.execute(text(_ROW.format(1, "'ORG'")))
        connection.execute(
            text(
                "INSERT INTO historique (id_demande, canal, date, code_action, etat, type_acteur, acteur) VALUES "
                "(1, 'WS', '2026-11-23 12:00:00', 'ACT_DCL_001', 'ENREGISTREE', 'Mandataire', 'a')"
            )
        )
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(_ROW.format(2, "NULL")))
    command.upgrade(config, "head")
    with engine.begin() as connection:
        connection.execute(text(_ROW.format(2, "NULL")))
        assert connection.execute(text("SELECT id, offre FROM demande ORDER BY id")).all() == [(1, "ORG"), (2, None)]
        assert connection.scalar(text("SELECT count(*) FROM historique WHERE id_demande = 1")) == 1
    with pytest.raises(RuntimeError, match="version d'avant"):
        command.downgrade(config, "0012")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM demande WHERE id = 2"))
    command.downgrade(config, "0012")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(_ROW.format(2, "NULL")))


def test_a_failed_migration_leaves_nothing_behind(empty_database_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE structure (a INTEGER)"))
    with pytest.raises(Exception, match="structure"):
        upgrade(empty_database_url)
    assert _tables(engine) <= {"structure", "alembic_version"}
