"""A column that is one of many values, as one parameter, and many values as one text: a line each costs too much."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

SEPARATOR = ","


class _Texts(TypeDecorator[list[str]]):
    """Texts as the driver takes them: a list for PostgreSQL, a JSON array for SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # As an array from the start: a text that becomes one would be read again for every row.
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:  # noqa: ANN401 -- as the driver likes
        return value if value is None or dialect.name == "postgresql" else json.dumps(value)


class _Among(FunctionElement[bool]):
    """Column and values."""

    inherit_cache = True
    type = Boolean()


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: Any, **options: Any) -> str:  # noqa: ANN401 -- of SQLAlchemy
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY ({values}))"


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: Any, **options: Any) -> str:  # noqa: ANN401 -- of SQLAlchemy
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 -- both are made by SQLAlchemy


def among(column: Any, values: Collection[str]) -> ColumnElement[bool]:  # noqa: ANN401 -- a column of texts
    """``column IN values``, however many; the statement is the same for every number of them."""
    return _Among(column, bindparam(None, sorted(values), type_=_Texts(), unique=True))


class _Joined(FunctionElement[str]):
    """An aggregate of a column of texts."""

    inherit_cache = True
    type = Text()


@compiles(_Joined, "postgresql")
def _string_agg(element: _Joined, compiler: Any, **options: Any) -> str:  # noqa: ANN401 -- of SQLAlchemy
    return f"string_agg({compiler.process(element.clauses, **options)}, '{SEPARATOR}')"


@compiles(_Joined, "sqlite")
def _group_concat(element: _Joined, compiler: Any, **options: Any) -> str:  # noqa: ANN401 -- of SQLAlchemy
    return f"group_concat({compiler.process(element.clauses, **options)}, '{SEPARATOR}')"


def joined(column: Any) -> ColumnElement[str]:  # noqa: ANN401 -- a column of texts
    """An aggregate: the texts of a group, in any order, with SEPARATOR between; none of them may contain it."""
    return _Joined(column)
