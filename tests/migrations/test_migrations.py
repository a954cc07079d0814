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

from runtime.bound_process import bound
from storage.database import make_engine
from storage.migrate import alembic_config, upgrade
from storage.tables import Base

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
        connection.execute(text("DROP INDEX ix_demande__structure"))
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
        assert connection.execute(text("SELECT nom, prochain FROM compteur")).all() == [("demande", 42)]


def test_processes_that_start_together_migrate_once(empty_database_url: str, engine: Engine) -> None:
    argv = bound([sys.executable, "-c", _UPGRADE, empty_database_url])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(argv, text=True, **pipes) for _ in range(3)]  # type: ignore[call-overload] -- pipes
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
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
        assert connection.execute(text("SELECT count(*) FROM compteur")).scalar() == 1


def test_down_to_nothing_and_up_again(empty_database_url: str, engine: Engine) -> None:
    upgrade(empty_database_url)
    command.downgrade(alembic_config(empty_database_url), "base")
    assert _tables(engine) <= {"alembic_version"}
    upgrade(empty_database_url)
    _assert_same_as_models(engine)


def test_every_step_can_be_taken_back_and_again(empty_database_url: str, engine: Engine) -> None:
    config = alembic_config(empty_database_url)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in reversed(revisions):
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    _assert_same_as_models(engine)


def test_a_failed_migration_leaves_nothing_behind(empty_database_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE structure (a INTEGER)"))
    with pytest.raises(Exception, match="structure"):
        upgrade(empty_database_url)
    assert _tables(engine) <= {"structure", "alembic_version"}
