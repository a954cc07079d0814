"""The texts that withdrawals accept, at addresses that stay: each version ever published, by its name or its digest."""

from __future__ import annotations

import re

from sqlalchemy import select

from publication.files import Document
from storage import tables
from storage.database import Database

_PATH = re.compile(
    r"/textes/(?:(?P<nature>cgu|pc)/(?P<version>[A-Za-z0-9][A-Za-z0-9._-]{0,31})|(?P<digest>[0-9a-f]{64}))"
)


class PublishedTextes:
    """Reads a text when it is first asked for, and keeps it: a version never changes."""

    def __init__(self, db: Database, plateforme: str) -> None:
        """Nothing is read yet."""
        self._db = db
        self._plateforme = plateforme
        self._known: dict[str, Document] = {}

    def find(self, path: str) -> Document | None:
        """The text at a path; None when none was published there."""
        asked = _PATH.fullmatch(path)
        if asked is None:
            return None
        if path not in self._known:
            found = self._read(asked)
            if found is None:
                return None
            self._known[path] = found
        return self._known[path]

    def _read(self, asked: re.Match[str]) -> Document | None:
        row = tables.Texte
        if asked["digest"]:
            which = [row.empreinte == asked["digest"]]
        else:
            which = [row.nature == asked["nature"].upper(), row.version == asked["version"]]
        with self._db.read() as session:
            found = session.scalars(select(row).where(row.plateforme == self._plateforme, *which).limit(1)).first()
        if found is None:
            return None
        return Document(
            body=found.contenu,
            media_type=found.type_media,
            etag=f'"{found.empreinte[:40]}"',
            last_modified=found.paru_le.replace(microsecond=0),
            next_update=None,
        )
