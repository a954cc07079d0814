"""One moment of the database, and statements made once that are run in it at the driver's own price.

SQLAlchemy makes the text of a statement and knows how its values go in and come out; what it does around each run costs
many times what the database does for a row found by its key. Nothing is written here.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Select
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

_Process = Callable[[Any], Any]
_new_row: Any = namedtuple  # noqa: PYI024 -- its names are known at run time only


class Prepared:
    """A select whose text is made once for each kind of database. Its parameters are all named, and none is a list."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        """Nothing is made before the first run. ValueError for columns that have no name, or the same one."""
        self._statement = statement
        names = [column.key for column in statement.selected_columns]
        self._make_row = _new_row("Row", names)._make
        self._texts: dict[str, _Text] = {}

    def run(self, engine: Engine, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        """All rows, by the names of the columns. KeyError for a parameter without value; else SQLAlchemy's errors."""
        text = self._texts.get(connection.dialect.name)
        if text is None:
            text = self._texts[connection.dialect.name] = _text_of(self._statement, connection.dialect)
        found = _fetch(engine, connection, text.sql, text.parameters(values))
        make, processes = self._make_row, text.results
        if not processes:
            return [make(row) for row in found]
        rows = []
        for row in found:
            values_of = list(row)
            for place, process in processes:
                values_of[place] = process(values_of[place])
            rows.append(make(values_of))
        return rows

    def within(self, session: Session, **values: object) -> list[Any]:
        """As ``run``, in the transaction of a session; what the session has not flushed yet is not seen."""
        connection = session.connection()
        return self.run(connection.engine, connection, values)


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement for one kind of database; ``names`` are those of its parameters, by place where it has places."""

    sql: str
    names: tuple[str, ...]
    positional: bool
    fixed: Mapping[str, object]
    binds: Mapping[str, _Process]
    results: tuple[tuple[int, _Process], ...]

    def parameters(self, values: Mapping[str, object]) -> Any:  # noqa: ANN401 -- what the driver takes
        given = {**self.fixed, **values}
        for name, process in self.binds.items():
            given[name] = process(given[name])
        return [given[name] for name in self.names] if self.positional else {name: given[name] for name in self.names}


def _text_of(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    parameters = {name: bind for bind, name in compiled.bind_names.items()}
    if any(bind.expanding for bind in parameters.values()):
        raise ValueError("a list among the parameters")
    binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in parameters.items()}
    results = (
        (place, column.type.dialect_impl(dialect).result_processor(dialect, None))
        for place, column in enumerate(statement.selected_columns)
    )
    return _Text(
        sql=str(compiled),
        names=tuple(compiled.positiontup or parameters),
        positional=compiled.positional,
        fixed={name: bind.value for name, bind in parameters.items() if not bind.required},
        binds={name: process for name, process in binds.items() if process is not None},
        results=tuple((place, process) for place, process in results if process is not None),
    )


def _fetch(engine: Engine, connection: Connection, sql: str, parameters: Any) -> Sequence[Any]:  # noqa: ANN401 -- what the driver takes
    before, after = engine.dispatch.before_cursor_execute, engine.dispatch.after_cursor_execute
    cursor = connection.connection.cursor()
    try:
        # Whoever listens to the statements of the engine hears these too.
        if before:
            before(connection, cursor, sql, parameters, None, False)
        cursor.execute(sql, parameters)
        found: Sequence[Any] = cursor.fetchall()
        if after:
            after(connection, cursor, sql, parameters, None, False)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_told_by_sqlalchemy(connection, cursor, sql, error) from error
    finally:
        cursor.close()
    return found


def _as_told_by_sqlalchemy(connection: Connection, cursor: Any, sql: str, error: Any) -> BaseException:  # noqa: ANN401 -- of the driver
    """The error in the form that everybody knows, without the values; a connection that is gone is not used again."""
    dialect = connection.dialect
    gone = dialect.is_disconnect(error, connection.connection, cursor)
    if gone:
        connection.invalidate(error)
    told: BaseException = DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=gone, dialect=dialect
    )
    return told


class Moment:
    """What a transaction sees that only reads."""

    def __init__(self, engine: Engine, connection: Connection, sessions: sessionmaker[Session]) -> None:
        """``connection``, of ``engine``, is in its transaction; ``sessions`` makes one, when somebody needs it."""
        self._engine = engine
        self._connection = connection
        self._sessions = sessions
        self._opened: Session | None = None

    def rows(self, statement: Prepared, **values: object) -> list[Any]:
        """See ``Prepared.run``."""
        return statement.run(self._engine, self._connection, values)

    @cached_property
    def session(self) -> Session:
        """For every other statement: it sees the same."""
        self._opened = self._sessions(bind=self._connection)
        return self._opened

    def close(self) -> None:
        """What was read by the session stays usable."""
        if self._opened is not None:
            self._opened.expunge_all()
            self._opened.close()
