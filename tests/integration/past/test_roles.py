"""On PostgreSQL the plateforme works by an account that owns nothing: all of its work, and no change of what was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from batch.context import DelegateFiles
from batch.delegates.responders import renew_due
from batch.directory.rpps import RppsExtract
from bench.extracts import Professionals
from commands.database.preparing import prepare_database
from registration.acteurs.habilitations import end_identity
from registration.directory.conduct import Conduct
from registration.directory.importing import import_extract
from registration.directory.storing import Effect
from registration.revocation.by_key import revoke_key
from registration.revocation.revoking import settle_compromised
from registration.revocation.weak_keys import examine_some
from registration.vocabulary import Offre
from runtime.errors import OperatorError
from runtime.settings.model import Settings
from storage.database import Database
from storage.roles import RIGHTS, grant_runtime, ungranted
from tests.integration.past.conftest import PASSPHRASE, seal
from tests.integration.past.test_restore import audited, publish_crls_of, restored
from tests.support.acteurs import HOPITAL, card_of
from tests.support.hierarchies import Hierarchy
from tests.support.postgres import PostgresServer
from tests.support.produits import conditions
from tests.support.stored import key_of
from tests.support.verbs import igc, write_settings
from tests.support.world import World, make_world

pytestmark = [pytest.mark.postgresql, pytest.mark.long]
RUNNING = "igc_marche"
_numbers = count(1)


@pytest.fixture
def urls(postgres_server: PostgresServer) -> Iterator[tuple[str, str]]:
    """A migrated database by its owner, and by the account of the running plateforme."""
    name = f"roles_{next(_numbers)}"
    owner = postgres_server.create(name, template="igc_template")
    running = postgres_server.account(RUNNING, name)
    assert grant_runtime(owner, running) == RUNNING
    yield owner, running
    postgres_server.drop(name)


@pytest.fixture
def running(urls: tuple[str, str], hierarchy: Hierarchy, tmp_path: Path) -> Iterator[World]:
    db = Database(urls[1])
    world = make_world(db, hierarchy.without_root_keys())
    (tmp_path / "publication").mkdir()
    seals, responders = (DelegateFiles(tmp_path / name, PASSPHRASE) for name in ("seals", "responders"))
    yield replace(world, publication=tmp_path / "publication", seals=seals, responders=responders)
    db.dispose()


def test_every_table_has_its_rights() -> None:
    assert ungranted() == set()


def test_it_does_all_the_work_there_is(running: World) -> None:
    world = running
    world.publish_crls()
    renew_due(world.context)
    small = world.issued(*world.forms(3))
    large = world.issued(*world.forms(9, first_key=10), reference="pages")
    single = world.place(world.form("SERV_SMIME", 30))
    world.run_batch()
    world.ra.retraits.withdraw_page(world.origin(), large, conditions(), after=0, limit=5)
    world.ra.retraits.withdraw(world.origin(), single, conditions())
    world.cancel(world.numeros(small)[0])
    world.ra.lots.cancel(world.origin(), small)
    revoke_key(world.db, key_of(world.certificat(single)), world.clock, "essai")
    settle_compromised(world.db, world.clock())
    assert examine_some(world.db, world.clock()) > 0
    world.enroll_client("dr-leroux")
    world.grant("inconnu", Offre.ORG, HOPITAL)
    world.withdraw_rights("inconnu")
    with world.db.write() as session:
        ident = world.acteurs["inconnu"].id
        assert end_identity(session, ident, card_of(ident), world.clock())
    for _ in range(2):
        seal(world)
    world.clock.advance(minutes=5)
    publish_crls_of(world)
    restored(world)
    for _ in range(2):
        seal(world)
    assert audited(world) == []


def test_it_imports_the_directory_and_dates_who_has_gone(running: World, tmp_path: Path) -> None:
    first, second = (Professionals(300, gone=frozenset(gone)) for gone in ((), (1, 2)))
    for professionals, effect in ((first, Effect.ADDED), (second, Effect.GONE), (first, Effect.BACK)):
        extract = RppsExtract(professionals.write(tmp_path / "rpps.txt"))
        assert import_extract(running.db, running.plateforme, extract, Conduct()).totals()[effect] > 0


@pytest.mark.parametrize("table", ["historique", "piste_audit", "scellement"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET {column} = {column}",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DISABLE TRIGGER USER",
        "DROP TRIGGER {}_append_only ON {}",
        "LOCK TABLE {} IN SHARE MODE",
        "CREATE RULE r AS ON INSERT TO {} DO INSTEAD NOTHING",
    ],
)
def test_it_changes_and_removes_nothing_of_what_was_told(urls: tuple[str, str], table: str, statement: str) -> None:
    column = {"historique": "canal", "piste_audit": "contenu", "scellement": "serial"}[table]
    assert refused(urls[1], statement.format(table, table, column=column))


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "CREATE TABLE autre (a integer)",
        "DROP FUNCTION historique_settled()",
        "ALTER FUNCTION piste_audit_append_only() RENAME TO autre",
        "DELETE FROM demande",
        "DELETE FROM tete_audit",
        "DELETE FROM code_revocation",
        "UPDATE cle_interdite SET cree_le = now()",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_nor_anything_else_that_is_not_its_work(urls: tuple[str, str], statement: str) -> None:
    assert refused(urls[1], statement)


def test_it_hands_its_rights_to_nobody(urls: tuple[str, str]) -> None:
    """PostgreSQL answers a grant of what one may not grant with a warning: what was granted is what tells."""
    running = Database(urls[1])
    with running.engine.begin() as connection:
        connection.execute(text("GRANT ALL ON piste_audit TO PUBLIC"))
    running.dispose()
    owner = Database(urls[0])
    with owner.engine.connect() as connection:
        query = text(
            "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_name = 'piste_audit'"
        )
        granted = connection.scalar(query)
    owner.dispose()
    assert granted == 0


def refused(url: str, statement: str) -> bool:
    db = Database(url)
    try:
        with pytest.raises(ProgrammingError) as error, db.engine.begin() as connection:
            connection.execute(text(statement))
        return getattr(error.value.orig, "sqlstate", None) == "42501"  # insufficient_privilege
    finally:
        db.dispose()


def test_it_has_exactly_the_rights_that_are_written_down(urls: tuple[str, str]) -> None:
    """Also after they were wider: a grant of an older version, or of somebody in a hurry."""
    owner = Database(urls[0])
    with owner.engine.begin() as connection:
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {RUNNING}"))
    grant_runtime(*urls)
    whole = text("SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = :role")
    columns = text(
        "SELECT table_name, privilege_type, string_agg(column_name, ', ' ORDER BY column_name) "
        "FROM information_schema.column_privileges WHERE grantee = :role GROUP BY table_name, privilege_type"
    )
    with owner.engine.connect() as connection:
        found = {tuple(row) for row in connection.execute(whole, {"role": RUNNING})}
        parts = connection.execute(columns, {"role": RUNNING}).all()
    found |= {(table, f"{right} ({names})") for table, right, names in parts if (table, right) not in found}
    owner.dispose()
    assert found == {(table, right) for table, rights in RIGHTS.items() for right in rights}


def test_one_account_for_both_is_refused(urls: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^igc$"):
        grant_runtime(urls[0], urls[0])


def settings_file(urls: tuple[str, str], tmp_path: Path) -> Path:
    owner, running = urls
    values = {"data_dir": str(tmp_path), "database_url": running, "database_owner_url": owner}
    return write_settings(tmp_path / "igc.toml", values)


def test_the_verb_makes_the_tables_and_the_rights(postgres_server: PostgresServer, tmp_path: Path) -> None:
    name = f"roles_{next(_numbers)}"
    urls = postgres_server.create(name), postgres_server.account(RUNNING, name)
    config = settings_file(urls, tmp_path)
    settings = Settings.load(config)
    with pytest.raises(OperatorError, match="igc migrate"):
        prepare_database(settings)
    for _ in range(2):
        done = igc("migrate", "--config", config)
        assert (done.exit_code, f"compte {RUNNING}" in done.stdout) == (0, True)
    prepare_database(settings)
    postgres_server.drop(name)
