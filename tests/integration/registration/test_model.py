"""Sequences that nobody thought of, by several actors over both canals, against a model; then the auditor looks.

What fails is printed as the steps that lead there, the fewest that were found, and the seed that repeats the run
(``--hypothesis-seed``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from starlette.applications import Starlette

from audit.certificates.lint import check_lint
from audit.context import Audit
from audit.reading.authorities import load_authorities
from audit.run import CHECKS
from batch.context import DelegateFiles
from portal_ihm.app import build_app
from registration.acteurs.habilitations import register_identity
from registration.vocabulary import Plateforme
from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.integration.registration.machine import Machine
from tests.integration.registration.stage import LONGEST, WHO, Stage
from tests.integration.ws.conftest import Door
from tests.support.acteurs import fill, read_acteurs
from tests.support.canals import serve_lots
from tests.support.databases import ReusedDatabase
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import write_pair
from tests.support.world import World, identite_of, make_world
from tests.unit.ws.tls_material import Material, make_material

# Long enough that a certificate may be renewed from its first day on: no clock has to run for three years.
_WINDOW = timedelta(days=1_500)
_SECRET = bytes(range(32))
_PATIENT = settings(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=25,
    phases=[Phase.generate, Phase.shrink],
)


@pytest.fixture
def stage(reused_database: ReusedDatabase, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[Stage]:
    base = make_world(reused_database.database, hierarchy).with_policy(renewal_window=_WINDOW)
    base.clock.now = long_ago()
    material = make_material(tmp_path)
    with ExitStack() as stack:
        port = stack.enter_context(serve_lots(base, material.server_cert, material.server_key))
        portal = stack.enter_context(serve_portal(base, material))
        door = Door(port, base, tmp_path, material.ca_file)
        enrolled = {name: base.enroll_client(name) for name in WHO}
        door.pairs |= {name: write_pair(tmp_path, name, one) for name, one in enrolled.items()}
        numbers = count()

        def renew() -> World:
            """As it begins, with the clients of before."""
            reused_database.renew()
            base.clock.now = long_ago()
            fill(base.db, Plateforme.TEST, base.clock.now)
            folder = tmp_path / str(next(numbers))
            world = replace(
                base,
                acteurs=read_acteurs(base.db, Plateforme.TEST),
                publication=folder / "publication",
                seals=DelegateFiles(folder / "sceaux", b"phrase des scellements"),
            )
            with world.db.write() as session:
                for name, one in enrolled.items():
                    register_identity(session, world.acteurs[name].id, identite_of(one), world.clock())
            world.publish_crls()
            return world

        made = Stage(door, f"https://localhost:{portal}", renew, audited)
        yield made
        for session in made.sessions.values():
            session.close()


def long_ago() -> datetime:
    """So long that the clock of a walk stays behind the wall's, at which TLS looks, and the rules where rights begin."""
    return datetime.now(UTC).replace(microsecond=0) - LONGEST - timedelta(days=1)


@contextmanager
def serve_portal(world: World, material: Material) -> Iterator[int]:
    """Behind mutual TLS on a free port of loopback."""
    apps: list[Starlette] = []

    async def front(scope: Any, receive: Any, send: Any) -> None:
        await apps[0](scope, receive, send)

    anchors = [each.certificate_der for each in world.hierarchy.authorities.values()]
    context = server_ssl_context(material.server_cert, material.server_key, anchors)
    server = HttpServer(front, "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=1))
    address = f"https://localhost:{server.port}"
    apps.append(build_app(world.ra, session_secret=_SECRET, public_url=address, clock=world.clock))
    with server.in_thread() as port:
        yield port


def audited(world: World) -> list[Any]:
    """What the auditor finds, pkilint apart, which looks at certificates one by one."""
    assert world.publication is not None
    audit = Audit(
        db=world.db,
        authorities=load_authorities(world.hierarchy.authorities_dir),
        publication_dir=world.publication,
        crl_refresh=timedelta(hours=1),
        clock=world.clock,
    )
    for check in CHECKS:
        if check is not check_lint:
            check(audit)
    return list(audit.report.findings)


def walk(stage: Stage, number: int, *, walks: int, steps: int) -> None:
    print(f"seed {number}")

    begin = seed(number)(partial(Machine, stage))
    run_state_machine_as_test(
        cast("type[Machine]", begin), settings=settings(_PATIENT, max_examples=walks, stateful_step_count=steps)
    )


def test_a_short_walk(stage: Stage) -> None:
    walk(stage, 20260302, walks=2, steps=12)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_long_walk_that_is_another_each_time(stage: Stage, request: pytest.FixtureRequest) -> None:
    given = request.config.getoption("--hypothesis-seed")
    walk(stage, int(given) if given else secrets.randbelow(2**32), walks=5, steps=40)
