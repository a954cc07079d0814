"""The status of a certificate, read from its row at every answer: the row is the truth, no cached answer outlives it.

One kept connection, one statement on a unique index, on the driver itself: a few microseconds on SQLite, against
hundreds for a signature.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import PoolProxiedConnection, bindparam, exists, literal_column, select
from sqlalchemy.exc import OperationalError

from pki.certificates.serials import serial_hex
from pki.status.ocsp_response import CertStatus, Good, Revoked, Unknown
from pki.status.reasons import REASONS
from storage import tables
from storage.database import Database

_certificat = tables.Certificat
_one = select(literal_column("1").label("one")).subquery()
# On one row whether the plateforme has stopped, and the certificate if there is one.
_QUERY = (
    select(
        exists(select(tables.Arret.id)),
        _certificat.id,
        _certificat.revoque_le,
        _certificat.raison_crl,
        _certificat.emis_le,
    )
    .select_from(_one)
    .outerjoin(
        _certificat, (_certificat.autorite == bindparam("autorite")) & (_certificat.serial == bindparam("serial"))
    )
)
_REVOKED_AT = 2
_GOOD = Good()
_UNKNOWN = Unknown()


class StatusRow(NamedTuple):
    """What a row says, as the driver gives it: good to be compared with what it said before."""

    revoked_at: Any
    reason: str | None
    issued_at: Any


class StoppedError(Exception):
    """The plateforme has found its database to be an older one: no status of a row can be believed."""


class StatusReader:
    """Reads rows of one database, from one thread. What the database refuses is raised as OperationalError."""

    def __init__(self, db: Database) -> None:
        """Connects when first asked."""
        self._engine = db.engine
        dialect = db.engine.dialect
        compiled = _QUERY.compile(dialect=dialect)
        self._sql = str(compiled)
        self._named = not compiled.positional
        self._date: Callable[[Any], Any] = _QUERY.selected_columns[_REVOKED_AT].type.dialect_impl(
            dialect
        ).result_processor(dialect, None) or (lambda value: value)
        self._connection: PoolProxiedConnection | None = None

    def row(self, autorite: str, serial: int) -> StatusRow | None:
        """What is committed now; None when this authority never drew such a serial. StoppedError."""
        if serial <= 0:
            return None
        number = serial_hex(serial)
        parameters = {"autorite": autorite, "serial": number} if self._named else (autorite, number)
        try:
            return self._read(parameters)
        except self._engine.dialect.loaded_dbapi.Error:
            # The kept connection may be one that the server has closed: once more on a new one.
            self.close()
        try:
            return self._read(parameters)
        except self._engine.dialect.loaded_dbapi.Error as error:
            self.close()
            raise OperationalError(self._sql, None, error) from None

    def status(self, row: StatusRow | None) -> CertStatus:
        """What a row means. Unknown: never issued.

        A recorded revocation counts at once, even when it bears the date of a clock that is ahead of ours.
        """
        if row is None:
            return _UNKNOWN
        if row.revoked_at is not None:
            at: datetime = self._date(row.revoked_at)
            return Revoked(at.replace(microsecond=0), REASONS.get(row.reason or "", REASONS["unspecified"]))
        return _UNKNOWN if row.issued_at is None else _GOOD

    def _read(self, parameters: Any) -> StatusRow | None:  # noqa: ANN401 -- a mapping or a tuple, as the driver wants
        if self._connection is None:
            self._connection = self._engine.raw_connection()
            driver = self._connection.driver_connection
            if self._engine.dialect.name == "postgresql":
                # Every statement sees what is committed at that moment; SQLite's connections are made so already.
                driver.autocommit = True  # type: ignore[union-attr]  # psycopg's connection
        cursor = self._connection.cursor()
        try:
            cursor.execute(self._sql, parameters)
            ((stopped, known, *values),) = cursor.fetchall()
        finally:
            cursor.close()
        if stopped:
            raise StoppedError
        return None if known is None else StatusRow(*values)

    def close(self) -> None:
        """Give the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
