"""One served plateforme for all scenarios of the web service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registration.directory.completing import Completing
from registration.directory.tables import TablesDirectory
from registration.rules import revocation_code
from registration.vocabulary import Plateforme
from storage.database import Database
from tests.integration.codes.place import Place
from tests.integration.directory.test_completing import Elsewhere, Time
from tests.integration.ws.conftest import Door
from tests.support.canals import serve_lots
from tests.support.hierarchies import Hierarchy
from tests.support.world import make_world
from tests.unit.ws.tls_material import make_material


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    hierarchy: Hierarchy,
    production_hierarchy: Hierarchy,
) -> Iterator[Place]:
    """Its clock stands at today: TLS looks at the wall's."""
    folder = tmp_path_factory.mktemp("codes")
    shutil.copyfile(sqlite_template, folder / "igc.db")
    db = Database(f"sqlite:///{folder / 'igc.db'}")
    made = make_world(db, hierarchy)
    elsewhere, time = Elsewhere(TablesDirectory(db, Plateforme.PRODUCTION)), Time()
    asking = Completing(db, elsewhere, Plateforme.TEST, fresh_seconds=3_600, retry_seconds=1, monotonic=time)
    world = made.with_policy(completion=asking)
    world.clock.now = datetime.now(UTC).replace(microsecond=0)
    world.publish_crls()
    material = make_material(folder)
    both = {**hierarchy.authorities, **production_hierarchy.authorities}
    with (
        pytest.MonkeyPatch.context() as patch,
        serve_lots(replace(world, recognised=both), material.server_cert, material.server_key) as port,
    ):
        patch.setattr(revocation_code, "_N", 2**8)
        door = Door(port, world, folder, material.ca_file)
        foreign = replace(world, hierarchy=production_hierarchy)
        yield Place(world, door, foreign, elsewhere, time, folder, patch)
    db.dispose()
