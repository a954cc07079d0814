"""The CRL of an offline root: kept and published here, signed elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from batch.lists.files import bring_up_to_date, list_files
from batch.trail_lines import tell_crl
from pki.authority import Authority
from pki.ceremony.offline import check_carried_crl
from pki.errors import CeremonyError
from pki.status.crl_reading import read_crl
from storage import tables
from storage.database import Database


def take_carried_crl(db: Database, publication: Path, root: Authority, der: bytes, now: datetime) -> int:
    """Store the CRL that came from the root's machine, publish it, and give its number. Safe to call again.

    CeremonyError when check_carried_crl refuses it, against the published file and against what is stored.
    """
    file = list_files(publication, root.short_name)[0]
    number = check_carried_crl(root, der, file.read_bytes() if file.exists() else None, now)
    crl = tables.Crl
    with db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == root.short_name).with_for_update(key_share=True))
        if row is None:
            row = tables.Crl(autorite=root.short_name)
            session.add(row)
        else:
            check_carried_crl(root, der, row.der, now)
        if row.der != der or not row.apportee:
            row.this_update, row.next_update = _term(root, der)
            row.der, row.numero, row.dernier_numero = der, number, number
            row.complete_le = row.publie_le = now
            row.delta = row.delta_fin = None
            row.apportee = True
            tell_crl(session, now, root.short_name, number, {"complete": der})
    bring_up_to_date(db, publication, root)
    return number


def _term(root: Authority, der: bytes) -> tuple[datetime, datetime]:
    crl = read_crl(root, der)
    if crl.next_update_utc is None:
        raise CeremonyError(f"{root.short_name} : la CRL est sans fin de validité")
    return crl.last_update_utc, crl.next_update_utc
