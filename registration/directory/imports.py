"""The row of an import: one at a time on a plateforme, alive as long as it says so, whole only when it is TERMINE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registration.directory.entries import Extract
from registration.directory.storing import Effect
from registration.rules.states import IMPORT
from registration.vocabulary import Acte, EtatImport, Plateforme
from registration.wording import moment
from runtime.clock import Clock
from runtime.errors import OperatorError
from storage import tables
from storage.bulk import expect_many
from storage.database import Database
from storage.trail import note

_SIGN_EVERY = timedelta(seconds=15)
_DEAD_AFTER = timedelta(seconds=60)
_FILE_NAME_LENGTH = 255


class ImportRefusedError(OperatorError):
    """The import does not begin, or does not go on. The text is French, for the operator."""


class Import:
    """One import that is under way, as its own process sees it."""

    def __init__(self, db: Database, ident: int, clock: Clock) -> None:
        self._db, self._id, self._clock = db, ident, clock
        self._last_sign = clock()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction of this import; ImportRefusedError when another process has taken it for dead."""
        table = cast("Table", tables.ImportAnnuaire.__table__)
        with self._db.write() as session:
            now = self._clock()
            still = update(table).where(table.c.id == self._id, table.c.etat == EtatImport.EN_COURS.value)
            if not session.connection().execute(still.values(vivant_le=now)).rowcount:
                raise ImportRefusedError("cet import a été tenu pour mort et repris par un autre : il s'arrête là")
            self._last_sign = now
            expect_many(session)
            yield session

    def give_sign(self) -> None:
        """Say that this process lives, when it has not for a while."""
        if self._clock() - self._last_sign >= _SIGN_EVERY:
            with self.write():
                pass

    def end(self, etat: EtatImport, counts: Mapping[Effect, int], lignes: int, rejets: int) -> None:
        """How it ended, in the row and, by one line, in the audit trail; ValueError for what is no end."""
        if etat not in IMPORT[EtatImport.EN_COURS]:
            raise ValueError(f"no import ends {etat}")
        with self.write() as session:
            now = self._clock()
            row = session.get_one(tables.ImportAnnuaire, self._id)
            row.etat, row.termine_le, row.lignes, row.rejets = etat.value, now, lignes, rejets
            for effect in Effect:
                setattr(row, effect.value, counts.get(effect, 0))
            _tell(session, row, now)


def _tell(session: Session, row: tables.ImportAnnuaire, now: datetime) -> None:
    told = {name: getattr(row, name) for name in ("id", "source", "etat", "lignes", "rejets", *Effect)}
    note(session, Acte.IMPORTED.value, now, told | {"sha256": bytes(row.empreinte).hex()})


def begin(db: Database, plateforme: Plateforme, extract: Extract, digest: bytes, clock: Clock) -> Import:
    """Open the row of an import. One that gave no sign for a minute is ABANDONNE: what it wrote stays, and is compared.

    ImportRefusedError while another one is under way.
    """
    table = tables.ImportAnnuaire
    now = clock()
    try:
        with db.write() as session:
            running = session.scalar(
                select(table).where(table.plateforme == plateforme.value, table.etat == EtatImport.EN_COURS.value)
            )
            if running is not None:
                if now - running.vivant_le < _DEAD_AFTER:
                    raise _under_way(running)
                running.etat, running.termine_le = EtatImport.ABANDONNE.value, now
                _tell(session, running, now)
                session.flush()  # one row alone may be EN_COURS
            row = table(
                plateforme=plateforme.value,
                source=extract.source.value,
                etat=EtatImport.EN_COURS.value,
                fichier=extract.name[:_FILE_NAME_LENGTH],
                empreinte=digest,
                commence_le=now,
                vivant_le=now,
                **dict.fromkeys(("lignes", "rejets", *Effect), 0),
            )
            session.add(row)
            session.flush()  # gives its id
            ident = row.id
    except IntegrityError:
        raise ImportRefusedError("un autre import vient de commencer : relancer quand il sera fini") from None
    return Import(db, ident, clock)


def refuse_two(db: Database, plateforme: Plateforme, clock: Clock) -> None:
    """ImportRefusedError while an import is under way: told before a long file is read for nothing."""
    table = tables.ImportAnnuaire
    with db.read() as session:
        running = session.scalar(
            select(table).where(table.plateforme == plateforme.value, table.etat == EtatImport.EN_COURS.value)
        )
        if running is not None and clock() - running.vivant_le < _DEAD_AFTER:
            raise _under_way(running)


def _under_way(running: tables.ImportAnnuaire) -> ImportRefusedError:
    return ImportRefusedError(
        f"un import de {running.fichier} est en cours depuis le {moment(running.commence_le)} ; s'il a été tué, "
        "relancer dans une minute"
    )


def is_in_place(db: Database, plateforme: Plateforme, extract: Extract, digest: bytes) -> bool:
    """Whether this very extract is what the directory holds: the last one of its source, and nothing came after it."""
    table = tables.ImportAnnuaire
    with db.read() as session:
        last = session.execute(
            select(table.id, table.empreinte)
            .where(
                table.plateforme == plateforme.value,
                table.source == extract.source.value,
                table.etat == EtatImport.TERMINE.value,
            )
            .order_by(table.id.desc())
            .limit(1)
        ).one_or_none()
        if last is None or bytes(last.empreinte) != digest:
            return False
        changed = table.ajouts + table.changements + table.retours + table.disparitions
        after = select(table.id).where(
            table.plateforme == plateforme.value,
            table.id > last.id,
            (table.etat != EtatImport.TERMINE.value) | (changed > 0),
        )
        return session.scalar(after.limit(1)) is None


def last_imports(db: Database, plateforme: Plateforme, limit: int) -> list[tables.ImportAnnuaire]:
    """The last imports, the newest first."""
    table = tables.ImportAnnuaire
    with db.read() as session:
        rows = select(table).where(table.plateforme == plateforme.value).order_by(table.id.desc()).limit(limit)
        return list(session.scalars(rows))
