"""The marks: a small file beside the key of the audit seal that says how far the plateforme was.

Where the sealed trail ended, which number each CRL had, up to where numbers may be handed out. What a database says
can be compared with it, which nobody who has only the database can change. Marks never go back, except by
``igc restore``. On several machines each has its own, of what its own workers saw.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import or_, select, update

from runtime.errors import OperatorError
from runtime.whole_files import adopt, replace
from storage import tables
from storage.database import Database

log = structlog.get_logger()

FILE_NAME = "reperes.json"
AHEAD = 100_000
"""So many numbers may be handed out before the file is written again; half of it is when it is."""

_HALF = AHEAD // 2


class MarksError(OperatorError):
    """What stands in the file are no marks."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the trail, by its numero and its empreinte in hexadecimal; ``date`` is that of its checkpoint."""

    numero: int
    empreinte: str
    date: datetime


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file: names are French, for operators read it.

    ``plafonds``: no number above was ever handed out, by counter. ``listes``: the highest number drawn for a CRL, by
    authority.
    """

    piste: Mark | None = None
    plafonds: dict[str, int] = {}
    listes: dict[str, int] = {}


def read_marks(path: Path) -> Marks | None:
    """What the file says; None when there is none.

    MarksError when it says nothing that is one; OSError when it cannot be opened now, which says nothing about it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Marks)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise MarksError(f"{path} ne se lit pas") from None


@contextmanager
def held(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """The marks are this process's alone for the time of a ``with`` block; False when they are another one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f".{path.name}.verrou"), os.O_RDWR | os.O_CREAT, 0o600)
    adopt(descriptor, path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def write_marks(path: Path, marks: Marks) -> None:
    """Replace the file; the caller holds it. OSError when it cannot be written."""
    replace(path, msgspec.json.format(msgspec.json.encode(marks), indent=2) + b"\n", secret=True)


def advance(marks: Marks | None, mark: Mark | None, plafonds: Mapping[str, int], listes: Mapping[str, int]) -> Marks:
    """The marks with what is further."""
    marks = marks or Marks()
    return Marks(
        piste=max((one for one in (marks.piste, mark) if one is not None), key=lambda one: one.numero, default=None),
        plafonds=_further(marks.plafonds, plafonds),
        listes=_further(marks.listes, listes),
    )


def _further(known: Mapping[str, int], seen: Mapping[str, int]) -> dict[str, int]:
    return {name: max(known.get(name, 0), seen.get(name, 0)) for name in sorted({*known, *seen})}


def drawn_lists(db: Database) -> dict[str, int]:
    """The highest number drawn for each CRL that is made here."""
    crl = tables.Crl
    with db.read() as session:
        rows = session.execute(select(crl.autorite, crl.dernier_numero).where(crl.apportee.is_(False)))
        return {row.autorite: row.dernier_numero for row in rows}


def any_low(db: Database) -> bool:
    """Whether a counter that has a ceiling comes near it."""
    compteur = tables.Compteur
    with db.read() as session:
        low = compteur.plafond - compteur.prochain < _HALF
        return session.scalar(select(compteur.nom).where(low).limit(1)) is not None


def raise_ceilings(db: Database, path: Path) -> None:
    """Let numbers go on: the file first, then the database, so that the file is ahead at every moment.

    Where the file is ahead by more, after a crash between the two or because the database is an older one, numbers go
    on behind all that the file ever allowed. MarksError, OSError when the file cannot be read or written.
    """
    if is_due(db, path):
        with held(path):
            _raise(db, path)


def is_due(db: Database, path: Path) -> bool:
    """Whether ``raise_ceilings`` has anything to do; its errors when the file cannot be read."""
    return bool(_due(db, read_marks(path)))


def _due(db: Database, marks: Marks | None) -> dict[str, tuple[int, int]]:
    """Where each counter that needs it goes on, after where it stands."""
    compteur = tables.Compteur
    with db.read() as session:
        rows = session.execute(select(compteur.nom, compteur.prochain, compteur.plafond)).all()
    found = {}
    for nom, prochain, plafond in rows:
        most = (marks or Marks()).plafonds.get(nom, 0)
        if most > (plafond or 0):
            found[nom] = (prochain, max(prochain, most + 1))
        elif plafond is None or plafond - prochain < _HALF:
            found[nom] = (prochain, prochain)
    return found


def _raise(db: Database, path: Path) -> None:
    compteur = tables.Compteur
    marks = read_marks(path)
    due = _due(db, marks)
    if not due:
        return
    ceilings = {nom: start + AHEAD for nom, (_, start) in due.items()}
    write_marks(path, advance(marks, None, ceilings, {}))
    with db.write() as session:
        for nom, (stands, start) in due.items():
            here = update(compteur).where(compteur.nom == nom)
            if start > stands:
                log.warning("numbers go on behind the marks", compteur=nom, prochain=start)
                session.execute(here.where(compteur.prochain < start).values(prochain=start))
            # Another machine may have raised it further meanwhile.
            lower = or_(compteur.plafond.is_(None), compteur.plafond < ceilings[nom])
            session.execute(here.where(lower).values(plafond=ceilings[nom]))
