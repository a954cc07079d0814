"""The status of a certificate, read from its row at every answer: the row is the truth, no cached answer outlives it.

One kept connection and one statement on a unique index: some tens of microseconds, against hundreds for a signature.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import DBAPIError

from pki.ocsp_response import CertStatus, Good, Revoked, Unknown
from pki.revocation import REASONS
from pki.serials import serial_hex
from storage import tables
from storage.database import Database

_QUERY = select(
    tables.Certificat.revoque_le, tables.Certificat.raison_crl, tables.Certificat.emis_le.is_not(None)
).where(tables.Certificat.autorite == bindparam("autorite"), tables.Certificat.serial == bindparam("serial"))

_GOOD = Good()
_UNKNOWN = Unknown()


class StatusReader:
    """Reads rows of one database, from one thread."""

    def __init__(self, db: Database) -> None:
        """Connects when first asked."""
        self._engine = db.engine.execution_options(igc_read_only=True)
        self._connection: Connection | None = None

    def status(self, autorite: str, serial: int) -> CertStatus:
        """What is committed now. Unknown: this authority never issued such a serial.

        A recorded revocation counts at once, even when it bears the date of a clock that is ahead of ours. Any error
        of the database is raised (SQLAlchemyError): without the row there is no answer.
        """
        if serial <= 0:
            return _UNKNOWN
        parameters = {"autorite": autorite, "serial": serial_hex(serial)}
        try:
            row = self._read(parameters)
        except DBAPIError:
            # The kept connection may be one that the server has closed: once more on a new one.
            self.close()
            row = self._read(parameters)
        if row is None:
            return _UNKNOWN
        revoked_at, reason, issued = row
        if revoked_at is not None:
            return Revoked(revoked_at.replace(microsecond=0), REASONS.get(reason or "", REASONS["unspecified"]))
        return _GOOD if issued else _UNKNOWN

    def _read(self, parameters: dict[str, str]) -> tuple[datetime | None, str | None, bool] | None:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            row = self._connection.execute(_QUERY, parameters).one_or_none()
            return None if row is None else cast("tuple[datetime | None, str | None, bool]", tuple(row))
        finally:
            # Ends the transaction: the next question must see what was committed in between.
            self._connection.rollback()

    def close(self) -> None:
        """Give the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
