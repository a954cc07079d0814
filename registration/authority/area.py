"""What every area has: the database and the clock of the process, and one way to tell that it does not serve."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from registration.acteurs.porteurs import enter
from registration.directory.reading import check_known
from registration.errors import Code, IgcError
from registration.values import (
    Acteur,
    Origin,
)
from runtime.clock import Clock
from storage.database import Database
from storage.waits import is_busy

log = structlog.get_logger()

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Area:
    """Use cases over one database, on one clock."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def _run(self, use_case: Callable[Concatenate[Database, _P], _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Do it; a database that does not serve in time is told as ERR_WS_050: nothing is half-written, try again."""
        with TOLD_AS_BUSY:
            return use_case(self._db, *args, **kwargs)

    def _told(self, acteur: Acteur, structure: str | None, found: Sized) -> None:
        """Of a search that found nothing: the structure that it names is unknown (ERR_IHM_005), if it is."""
        if structure is not None and not found:
            self._run(check_known, acteur, structure)

    def _entered(self, origin: Origin) -> Origin:
        """Of an act: whoever has never done anything before is entered first, and what he presented."""
        return self._run(enter, origin, self._clock())


class _ToldAsBusy:
    """A database that does not serve in time is told as ERR_WS_050. Holds nothing: one serves every call."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, SQLAlchemyError) and is_busy(error):
            log.warning("database does not serve in time", why=type(error).__name__)
            raise IgcError(Code.BUSY) from error


TOLD_AS_BUSY = _ToldAsBusy()
