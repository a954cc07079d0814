"""The texts of withdrawals at their addresses: every version that was ever published, by its name and by its digest."""

from __future__ import annotations

import hashlib

import pytest

from publication.textes import PublishedTextes
from registration.retraits.textes import publish_textes
from registration.vocabulary import NatureTexte, Plateforme
from storage.database import Database
from tests.support.clock import NOON
from tests.support.textes import fichier

_OLD, _NEW = b"anciennes conditions", "nouvelles conditions, accentuées".encode()


@pytest.fixture
def textes(database: Database) -> PublishedTextes:
    for version, contenu in (("1.0", _OLD), ("2.0", _NEW)):
        files = (fichier(NatureTexte.CGU, version, contenu), fichier(NatureTexte.PC, "PC-2026", b"politique"))
        publish_textes(database, Plateforme.TEST, files, NOON)
    publish_textes(database, Plateforme.PRODUCTION, (fichier(NatureTexte.CGU, "9.0"),), NOON)
    return PublishedTextes(database, "TEST")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/textes/cgu/1.0", _OLD),
        ("/textes/cgu/2.0", _NEW),
        ("/textes/pc/PC-2026", b"politique"),
        (f"/textes/{hashlib.sha256(_OLD).hexdigest()}", _OLD),
    ],
)
def test_every_version_stays_readable(textes: PublishedTextes, path: str, body: bytes) -> None:
    for _ in range(2):
        found = textes.find(path)
        assert found is not None
        assert (found.body, found.media_type, found.next_update) == (body, "text/plain; charset=utf-8", None)
        assert found.last_modified == NOON


@pytest.mark.parametrize(
    "path",
    [
        "/textes/cgu/3.0",
        "/textes/pc/1.0",
        "/textes/CGU/1.0",
        "/textes/cgu/9.0",  # of the other plateforme
        "/textes/cgu/../pc/PC-2026",
        "/textes/" + "0" * 64,
        "/textes/",
        "/",
    ],
)
def test_what_was_not_published_is_not_there(textes: PublishedTextes, path: str) -> None:
    assert textes.find(path) is None
