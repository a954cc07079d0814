"""The plateforme's files and its publication, listening on loopback, for readers that share nothing with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.context import DelegateFiles
from pki.certificates.serials import serial_hex
from storage import tables
from storage.database import Database
from tests.integration.outside.material import GOOD, PASSPHRASE, REVOKED, Material, make_material
from tests.support.publications import open_publication


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="session")
def publication(material: Material, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the publication: one leaf is good, one revoked, the others were never issued."""
    file = tmp_path_factory.mktemp("outside-db") / "igc.db"
    shutil.copyfile(sqlite_template, file)
    db = Database(f"sqlite:///{file}")
    with db.write() as session:
        for name in (GOOD, REVOKED):
            leaf = material.leafs[name]
            session.add(
                tables.Certificat(
                    autorite=material.issuing.short_name,
                    serial=serial_hex(leaf.serial_number),
                    produit="PS_AUTH",
                    not_before=leaf.not_valid_before_utc,
                    not_after=leaf.not_valid_after_utc,
                    emis_le=leaf.not_valid_before_utc,
                    revoque_le=material.revoked_at if name == REVOKED else None,
                    raison_crl="superseded" if name == REVOKED else None,
                )
            )
    opened = open_publication(
        db,
        material.authorities,
        authorities_dir=material.folder,
        publication_dir=material.folder,
        responders=DelegateFiles(material.folder, PASSPHRASE),
    )
    with opened as served, served.listening() as port:
        yield f"http://127.0.0.1:{port}/"
    db.dispose()
