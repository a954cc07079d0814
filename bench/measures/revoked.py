"""Rows of certificates that nobody issued: as many as a list is to have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from batch.context import WorkerContext
from pki.certificates.serials import serial_hex
from storage import tables
from storage.bulk import insert_rows

AUTHORITY = "ACI-EL-ORG-TEST"
LIFE = timedelta(days=900)


def insert_revoked(context: WorkerContext, serials: Sequence[int]) -> None:
    """Certificates that were revoked two days ago, one a second."""
    now = context.clock()
    revoked_at = now - timedelta(days=2)
    rows = [
        {
            "autorite": AUTHORITY,
            "serial": serial_hex(serial),
            "produit": "ORG_AUTH_CLI",
            "not_before": now - timedelta(days=3),
            "not_after": now + LIFE,
            "emis_le": now - timedelta(days=3),
            "revoque_le": revoked_at - timedelta(seconds=rank),
            "raison_crl": "keyCompromise",
        }
        for rank, serial in enumerate(serials)
    ]
    with context.db.write() as session:
        insert_rows(session, tables.Certificat, rows)


def is_one_of(serials: Sequence[int]) -> Any:  # noqa: ANN401 -- a condition
    """The rows of these serials."""
    return (tables.Certificat.autorite == AUTHORITY) & tables.Certificat.serial.in_(map(serial_hex, serials))
