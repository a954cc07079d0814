"""Certificates to revoke in numbers: copies of real rows, since a key of each one's own would cost seconds."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.orm import Session

from pki.certificates.serials import new_serial, serial_hex
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database

_numbers = count(50_000_000)


def copies(db: Database, id_certificat: int, number: int, **changes: Any) -> list[int]:
    """The ids of so many copies of a certificate, each with a serial and a key of its own.

    With it comes, if it has one, a demande with its history and its key.
    """
    with db.write() as session:
        certificat = _values(session, tables.Certificat, tables.Certificat.id == id_certificat)[0]
        del certificat["id"]
        rows = []
        for _ in range(number):
            key = secrets.token_bytes(32)
            rows.append(certificat | {"serial": serial_hex(new_serial()), "spki_sha256": key} | changes)
        source = changes.get("id_demande", certificat["id_demande"])
        if source is not None:
            _copy_demande(session, source, rows)
        last = session.scalar(select(func.max(tables.Certificat.id)))
        insert_rows(session, tables.Certificat, rows)
        return list(
            session.scalars(
                select(tables.Certificat.id).where(tables.Certificat.id > last).order_by(tables.Certificat.id)
            )
        )


def _copy_demande(session: Session, source: int, rows: list[dict[str, Any]]) -> None:
    (demande,) = _values(session, tables.Demande, tables.Demande.id == source)
    (cle,) = _values(session, tables.ClePublique, tables.ClePublique.id_demande == source)
    lines = _values(session, tables.Historique, tables.Historique.id_demande == source)
    for line in lines:
        del line["id"]
    for row in rows:
        row["id_demande"] = next(_numbers)
    numeros = [row["id_demande"] for row in rows]
    alone = {"id_lot": None, "position": None}
    dated = [{"produit_emis_le": row["emis_le"], "produit_fin_le": row["not_after"]} for row in rows]
    insert_rows(
        session,
        tables.Demande,
        [
            demande | alone | {"id": numero} | (dates if demande["etat_produit"] else {})
            for numero, dates in zip(numeros, dated, strict=True)
        ],
    )
    insert_rows(
        session,
        tables.ClePublique,
        [cle | {"id_demande": row["id_demande"], "spki_sha256": secrets.token_bytes(32)} for row in rows],
    )
    insert_rows(session, tables.Historique, [line | {"id_demande": numero} for numero in numeros for line in lines])


def _values(session: Session, model: type[tables.Base], condition: ColumnElement[bool]) -> list[dict[str, Any]]:
    table = cast("Table", model.__table__)
    return [dict(row._mapping) for row in session.execute(select(table).where(condition).order_by(*table.primary_key))]


def certificats(db: Database, idents: Sequence[int]) -> list[tables.Certificat]:
    """The rows of these ids, in their order."""
    with db.read() as session:
        rows = session.scalars(select(tables.Certificat).where(tables.Certificat.id.in_(idents)))
        by_id = {row.id: row for row in rows}
    return [by_id[ident] for ident in idents]
