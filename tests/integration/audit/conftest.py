"""A plateforme in which everything has happened once, built once a session for each database, copied for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select, text, update

from audit.certificates.lint import check_lint
from audit.context import Audit, Report, Scope
from audit.reading.authorities import load_authorities
from audit.run import CHECKS
from audit.status import crls
from audit.trail.lines import check_trail
from batch.context import DelegateFiles, WorkerContext
from batch.delegates.responders import renew_due
from batch.issuing.own_certificates import enroll
from batch.lists.crls import publish
from pki.certificates.content import CertificateContent
from registration.life.giving_up import give_up
from registration.revocation.revoking import revoke
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.conftest import EMBEDDED
from tests.support.acteurs import ALL_SENDERS, HOPITAL
from tests.support.assertions import the
from tests.support.clock import Clock
from tests.support.csrs import broken_csr
from tests.support.hierarchies import Hierarchy
from tests.support.postgres import PostgresServer
from tests.support.produits import PRODUITS, conditions
from tests.support.world import World, make_world, open_world

PASSPHRASE = b"phrase des repondeurs de test"
ORG, PERSONNES = "ACI-EL-ORG-TEST", "ACI-EL-PP-TEST"
LONG_NAME = "CENTRE HOSPITALIER DES ACACIAS ET DES ENVIRONS"
_LISTENER = CertificateContent(
    product="TLS_SERVER",
    common_name="localhost",
    dns_names=("localhost", "igc.example"),
    ip_addresses=("127.0.0.1",),
    state="Paris (75)",
    organization="HOPITAL",
    organizational_unit=HOPITAL,
)
_numbers = count(1)


@dataclass
class Place:
    """One copy of the plateforme. ``numeros`` names its demandes; ``clock`` says when it is audited."""

    world: World
    authorities_dir: Path
    publication: Path
    responders: Path
    numeros: dict[str, int]
    url: str

    @property
    def db(self) -> Database:
        return self.world.db

    @property
    def hierarchy(self) -> Hierarchy:
        return self.world.hierarchy

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def context(self) -> WorkerContext:
        files = DelegateFiles(self.responders, PASSPHRASE)
        return replace(self.world, publication=self.publication, responders=files).context

    def certificat(self, name: str) -> tables.Certificat:
        """As ``find_certificat``, of a certificate that must be there."""
        return the(self.find_certificat(name), f"the certificate {name}")

    def find_certificat(self, name: str) -> tables.Certificat | None:
        """The row of a demande by its name, or of the certificates that no demande asks for, by product."""
        certificat = tables.Certificat
        numero = self.numeros.get(name)
        which = certificat.produit == name if numero is None else certificat.id_demande == numero
        with self.db.read() as session:
            return session.scalars(select(certificat).where(which).order_by(certificat.id)).first()

    def change(self, table: type[tables.Base], name: int | str, **values: Any) -> None:
        """Update one row past every rule: a ``certificat`` by name, a ``demande`` by name, a ``crl`` by authority."""
        keys: dict[type[tables.Base], Callable[[], ColumnElement[bool]]] = {
            tables.Certificat: lambda: tables.Certificat.id == self.certificat(str(name)).id,
            tables.Demande: lambda: tables.Demande.id == self.numeros[str(name)],
            tables.Crl: lambda: tables.Crl.autorite == name,
        }
        with self.db.write() as session:
            session.execute(update(table).where(keys[table]()).values(**values))

    def own(self, folder: str, tmp_path: Path) -> Path:
        """From now on this place has a copy of ``authorities_dir`` or of ``responders``, to be spoilt as well."""
        copied = shutil.copytree(getattr(self, folder), tmp_path / folder)
        setattr(self, folder, copied)
        return copied

    def sql(self, *statements: str) -> None:
        """Do what the database would refuse: without foreign keys, and with the history open to changes."""
        with self.db.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                for act in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS historique_no_{act}")
                connection.commit()
                driver = the(connection.connection.driver_connection)
                driver.execute("PRAGMA foreign_keys=OFF")
                for statement in statements:
                    driver.execute(statement)
                driver.execute("PRAGMA foreign_keys=ON")
                return
            connection.execute(text("SET session_replication_role = replica"))
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.execute(text("SET session_replication_role = DEFAULT"))
            connection.commit()

    def prepared(self, **scope: Any) -> Audit:
        """An audit that has not begun."""
        return Audit(
            db=self.db,
            authorities=load_authorities(self.authorities_dir),
            publication_dir=self.publication,
            crl_refresh=timedelta(hours=1),
            clock=self.clock,
            scope=Scope(**scope),
        )

    def audit(self, *, lint: bool = False, trail: bool = False, **scope: Any) -> Report:
        """Every check; pkilint, which is slow, only when asked for, and the trail, which sees every row that changed."""
        audit = self.prepared(**scope)
        left_out = {check for check, wanted in ((check_lint, lint), (check_trail, trail)) if not wanted}
        for check in CHECKS:
            if check not in left_out:
                check(audit)
        return audit.report


def _live(place: Place) -> None:
    """Every product, and every way a demande can go."""
    world, numeros = place.world, place.numeros
    with world.db.write() as session:
        session.execute(
            update(tables.Structure).where(tables.Structure.id_national == HOPITAL).values(raison_sociale=LONG_NAME)
        )
    index = world.issued(*(world.form(product, key) for key, product in enumerate(PRODUITS)))
    numeros |= dict(zip(PRODUITS, world.numeros(index), strict=True))
    world.clock.advance(seconds=20)
    world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=0, limit=40)
    forms = [world.form(key=20 + rank) for rank in range(3)]
    index = world.issued(*forms, world.form(csr=broken_csr(3)), reference="lot-2")
    numeros |= dict(zip(("waiting", "cancelled", "revoked", "rejected"), world.numeros(index), strict=True))
    world.ra.demandes.cancel(world.origin(), numeros["cancelled"])
    index = world.deposit(*(world.form(key=23 + rank) for rank in range(3)), reference="lot-3").index
    numeros |= dict(zip(("never signed", "given up", "new"), world.numeros(index), strict=True))
    world.ra.demandes.cancel(world.origin(), numeros["never signed"])
    with world.db.write() as session:
        give_up(session, [numeros["given up"]], world.clock())
    world.ra.retraits.withdraw(world.origin(), numeros["revoked"], conditions())
    for content in (_LISTENER, *(ALL_SENDERS[name].content for name in ("dr-leroux", "administrateur"))):
        enroll(place.context, Plateforme.TEST, content)
    renew_due(place.context)


def _revoke(place: Place, name: str) -> None:
    """As an operator does."""
    with place.db.write() as session:
        revoke(session, {place.certificat(name).id: "keyCompromise"}, place.clock(), "essai")


def _build(folder: Path, url: str, hierarchy: Hierarchy) -> Place:
    db = Database(url)
    # Not long ago, so that the verb, which goes by the real time, finds it as good as the tests do.
    began = datetime.now(UTC).replace(microsecond=123_000) - timedelta(minutes=40)
    world = make_world(db, hierarchy, now=began)
    world.clock.now = began
    place = Place(world, hierarchy.authorities_dir, folder / "publication", folder / "ocsp", {}, url)
    _live(place)
    world.publish_crls()
    world.clock.advance(minutes=5)
    for name in hierarchy.signers:
        publish(place.context, name)
    world.clock.advance(minutes=5)
    _revoke(place, "revoked")
    world.clock.advance(minutes=2)
    publish(place.context, ORG, full=False)
    world.clock.advance(minutes=10)
    db.dispose()
    return place


@pytest.fixture(scope="session")
def embedded_original(tmp_path_factory: pytest.TempPathFactory, hierarchy: Hierarchy, sqlite_template: Path) -> Place:
    folder = tmp_path_factory.mktemp("audit")
    shutil.copyfile(sqlite_template, folder / "igc.db")
    return _build(folder, f"sqlite:///{folder / 'igc.db'}", hierarchy)


@pytest.fixture(scope="session")
def production_original(
    tmp_path_factory: pytest.TempPathFactory,
    hierarchy: Hierarchy,
    postgres_server: PostgresServer,
) -> Place:
    url = postgres_server.create("audited", template="igc_template")
    return _build(tmp_path_factory.mktemp("audit-production"), url, hierarchy)


@pytest.fixture(scope="session")
def embedded_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Database]]:
    """One file and one engine for all copies: SQLAlchemy compiles every statement again for a new engine."""
    path = tmp_path_factory.mktemp("audited") / "igc.db"
    db = Database(f"sqlite:///{path}")
    yield path, db
    db.dispose()


@pytest.fixture
def copy_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    """Makes a copy of the plateforme on the database of a set, to be spoilt."""
    undo: list[Callable[[], object]] = []

    def copy(service_set: str) -> Place:
        if service_set == EMBEDDED:
            original: Place = request.getfixturevalue("embedded_original")
            path, db = request.getfixturevalue("embedded_database")
            db.dispose()
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copyfile(original.url.removeprefix("sqlite:///"), path)
            url = f"sqlite:///{path}"
        else:
            original = request.getfixturevalue("production_original")
            server: PostgresServer = request.getfixturevalue("postgres_server")
            name = f"audit_{next(_numbers)}"
            url = server.create(name, template="audited")
            undo.append(lambda: server.drop(name))
            db = Database(url)
            undo.append(db.dispose)
        world = open_world(db, original.hierarchy)
        world.clock.now = original.clock.now
        folders = {name: shutil.copytree(getattr(original, name), tmp_path / name) for name in _FOLDERS}
        return replace(original, world=world, numeros=dict(original.numeros), url=url, **folders)

    yield copy
    for act in reversed(undo):
        act()


_FOLDERS = ("publication",)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody replaces a file here while the auditor waits for it."""
    monkeypatch.setattr(crls, "_PAUSE_SECONDS", 0)


@pytest.fixture
def place(service_set: str, copy_place: Callable[[str], Place]) -> Place:
    """A copy on each of the two databases."""
    return copy_place(service_set)


@pytest.fixture
def embedded(copy_place: Callable[[str], Place]) -> Place:
    """A copy on SQLite, which is made in no time."""
    return copy_place(EMBEDDED)
