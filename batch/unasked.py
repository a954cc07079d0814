"""Certificates that no demande asks for: delegated keys, TLS servers, the TEST cards and client applications.

They take the same road as every other: serial and bytes stored and told to the audit trail, signed, stored.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.told import tell_intents, tell_issued
from pki.serials import serial_hex
from storage import tables
from storage.database import Database


def store_intent(
    session: Session,
    *,
    autorite: str,
    serial: int,
    produit: str,
    tbs: bytes,
    spki: bytes,
    validity: tuple[datetime, datetime],
    now: datetime,
) -> None:
    """Keep what will be signed (``tbs`` and ``spki`` in DER); nothing may be signed before this is committed."""
    number = serial_hex(serial)
    session.add(
        tables.Certificat(
            autorite=autorite,
            serial=number,
            produit=produit,
            tbs=tbs,
            spki_sha256=hashlib.sha256(spki).digest(),
            not_before=validity[0],
            not_after=validity[1],
        )
    )
    tell_intents(session, now, [(None, autorite, number, tbs)])


def store_issued(db: Database, *, autorite: str, serial: int, der: bytes, now: datetime) -> None:
    """Keep the signed certificate in place of its intent."""
    certificat = tables.Certificat
    number = serial_hex(serial)
    with db.write() as session:
        row = session.scalars(
            select(certificat).where(certificat.autorite == autorite, certificat.serial == number)
        ).one()
        row.der, row.tbs, row.emis_le = der, None, now
        tell_issued(session, now, [(None, autorite, number, der)])
