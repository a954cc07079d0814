"""Whether the database is the one that this plateforme worked with last: what the world has seen, against its rows.

A database restored from its backup does not know what came after it: lists that were published, lines of the trail
that were sealed. What is outside is read before the rows are, because rows only ever go on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from batch.lists.files import list_files, signed_head
from batch.past.marks import Marks, MarksError, read_marks
from pki.authority import Authority
from storage import tables
from storage.database import Database


class Published(NamedTuple):
    """A published list, as far as it must be known to be compared."""

    number: int
    sha256: bytes


@dataclass(frozen=True)
class Evidence:
    """Where this machine keeps what the database must not contradict; None: nothing of it is here.

    The marks are the account's that signs: to one that only looks (``own`` False), unreadable ones are not there.
    """

    authorities: Mapping[str, Authority]
    publication: Path | None = None
    marks: Path | None = None
    own: bool = True
    _read: dict[Path, tuple[tuple[int, ...], Published | None]] = field(default_factory=dict, repr=False, compare=False)
    _stored: dict[str, Published] = field(default_factory=dict, repr=False, compare=False)

    def published(self, authority: Authority) -> tuple[Published | None, Published | None]:
        """The published full list and delta; None for one that is not there or not signed by the authority."""
        if self.publication is None:
            return None, None
        full, delta = list_files(self.publication, authority.short_name)
        return self._look(authority, full), self._look(authority, delta)

    def published_lists(self, authority: Authority, known: bytes | None) -> list[bytes]:
        """The published full list and delta in DER, as far as they are there and signed; OSError when not now.

        ``known`` is a list whose signature was verified already.
        """
        if self.publication is None:
            return []
        files = [path for path in list_files(self.publication, authority.short_name) if path.exists()]
        lists = [path.read_bytes() for path in files]
        return [data for data in lists if data == known or signed_head(authority, data) is not None]

    def _look(self, authority: Authority, path: Path) -> Published | None:
        """Read again only when the file was replaced. OSError when it is there and cannot be read now."""
        try:
            state = path.stat()
            mark = (state.st_mtime_ns, state.st_size, state.st_ino)
            known = self._read.get(path)
            if known is None or known[0] != mark:
                content = path.read_bytes()
                head = signed_head(authority, content)
                found = None if head is None else Published(head.number, hashlib.sha256(content).digest())
                known = self._read[path] = (mark, found)
        except FileNotFoundError:
            return None
        except PermissionError:
            if self.own:
                raise
            return None
        return known[1]

    def read_marks(self) -> Marks:
        """The marks, or empty ones; MarksError and OSError as ``marks.read_marks``."""
        if self.marks is None or not (self.own or os.access(self.marks, os.R_OK)):
            return Marks()
        return read_marks(self.marks) or Marks()

    def is_stored(self, db: Database, name: str, full: Published) -> bool:
        """Whether the stored list of this number, if it is still the stored one, is the published one."""
        if self._stored.get(name) == full:
            return True
        crl = tables.Crl
        with db.read() as session:
            der = session.scalar(select(crl.der).where(crl.autorite == name, crl.numero == full.number))
        if der is not None and hashlib.sha256(der).digest() != full.sha256:
            return False
        self._stored[name] = full
        return True


def find_past(db: Database, evidence: Evidence) -> list[str]:
    """What contradicts the database, each in a French sentence; nothing when it is the one that worked last.

    OSError when the evidence cannot be read now: nothing is known then, and nothing may be done.
    """
    lists = {name: evidence.published(authority) for name, authority in evidence.authorities.items()}
    try:
        marks = evidence.read_marks()
    except MarksError as error:
        return [str(error)]
    return [*_lists(db, evidence, lists, marks), *_trail(db, marks)]


def _lists(
    db: Database,
    evidence: Evidence,
    lists: Mapping[str, tuple[Published | None, Published | None]],
    marks: Marks,
) -> Iterator[str]:
    crl = tables.Crl
    with db.read() as session:
        rows = session.execute(select(crl.autorite, crl.numero, crl.dernier_numero, crl.apportee)).all()
    known = {row.autorite: row for row in rows}
    for name in sorted({*lists, *marks.listes}):
        row, (full, delta) = known.get(name), lists.get(name, (None, None))
        authority = evidence.authorities.get(name)
        if row is not None and row.apportee and authority is not None and not authority.is_root:
            yield f"la base dit la CRL de {name} apportée d'ailleurs, {name} n'est pas une racine"
        told = None if is_carried(authority, row) else _published(db, evidence, name, row, full, delta)
        highest = row.dernier_numero if row is not None else 0
        if told is None and marks.listes.get(name, 0) > highest:
            told = f"CRL n° {marks.listes[name]} de {name} signée, la base s'arrête au n° {highest}"
        if told is not None:
            yield told


def _published(
    db: Database,
    evidence: Evidence,
    name: str,
    row: Any,  # noqa: ANN401 -- a row or None
    full: Published | None,
    delta: Published | None,
) -> str | None:
    highest, stored = (row.dernier_numero, row.numero) if row is not None else (0, 0)
    published = max((one.number for one in (full, delta) if one is not None), default=0)
    if published > highest:
        return f"CRL n° {published} de {name} publiée, la base s'arrête au n° {highest}"
    if full is not None and full.number > stored:
        return f"CRL n° {full.number} de {name} publiée, celle de la base est le n° {stored}"
    if full is not None and full.number == stored and not evidence.is_stored(db, name, full):
        return f"CRL n° {full.number} de {name} publiée, et une autre de ce numéro dans la base"
    return None


def is_carried(authority: Authority | None, row: Any) -> bool:  # noqa: ANN401 -- a row or None
    """Whether the lists of an authority are made elsewhere, as an offline root's, and go on in their own time.

    The row alone does not decide: who can write it would have lists of ours neither renewed nor compared.
    """
    return authority is not None and authority.is_root and (row is None or bool(row.apportee))


def _trail(db: Database, marks: Marks) -> Iterator[str]:
    mark = marks.piste
    if mark is None:
        return
    line = tables.PisteAudit
    with db.read() as session:
        digest = session.scalar(select(line.empreinte).where(line.numero == mark.numero))
        last = session.scalar(select(tables.TeteAudit.numero)) or 0
    if digest is None:
        yield f"piste d'audit scellée jusqu'à la ligne {mark.numero}, la base s'arrête à la ligne {last}"
    elif bytes(digest).hex() != mark.empreinte:
        yield f"la ligne {mark.numero} de la piste d'audit n'est plus celle qui a été scellée"
