"""Real parts for the batch: one ceremony and one pool of keys a session, one database a test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog

from pki.ceremony import perform
from pki.hierarchy import CeremonyConfig
from pki.secret_files import write_new_passphrase
from pki.signers.software import load_software_signer
from pki.signers.stores import key_file
from runtime.clock import system_clock
from storage.database import Database
from tests.integration.batch.keys import CsrPool
from tests.integration.batch.world import Hierarchy, World, populate


@pytest.fixture(scope="session", autouse=True)
def _short_tracebacks() -> Iterator[None]:
    """The log of failures that the tests provoke, without the locals of every frame: those take seconds."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """A TEST hierarchy with small keys."""
    folder = tmp_path_factory.mktemp("hierarchy")
    pass_phrase_file = folder / "phrase.secret"
    authorities = perform(
        CeremonyConfig(plateforme="TEST", key_bits=2048),
        authorities_folder=folder / "autorites",
        keys_folder=folder / "cles",
        passphrase=write_new_passphrase(pass_phrase_file),
        # Validity begins at midnight: a test may turn its clock back past the last one.
        now=system_clock() - timedelta(days=1),
    )
    return Hierarchy(
        authorities_dir=folder / "autorites",
        keys_dir=folder / "cles",
        pass_phrase_file=pass_phrase_file,
        authorities=dict(authorities),
        signers={
            name: load_software_signer(authority, key_file(folder / "cles", name), pass_phrase_file)
            for name, authority in authorities.items()
            if not authority.is_root
        },
    )


@pytest.fixture(scope="session")
def csrs() -> CsrPool:
    """Certification requests for every test of the session."""
    return CsrPool()


@pytest.fixture
def world(database: Database, database_url: str, hierarchy: Hierarchy, csrs: CsrPool, queue_url: str) -> World:
    """A fresh database of this set with its small world."""
    return World(
        db=database,
        url=database_url,
        queue_url=queue_url,
        hierarchy=hierarchy,
        csrs=csrs,
        acteur=populate(database),
    )
