"""How a lot of either nature is kept: its row, known again by its reference, and the pages that wait for the batch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registration.errors import Code, ConflictError, IgcError
from registration.life import outbox
from registration.policy import LotPolicy
from registration.rules.cutting import page_sizes
from registration.values import Acteur, Forms, Origin, encode_forms
from registration.views import LotReceipt
from registration.vocabulary import NatureLot
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from storage.moments import Prepared

_lot = tables.Lot
_KNOWN = Prepared(
    select(_lot.id, _lot.reference, _lot.empreinte, _lot.nombre, _lot.depose_le).where(
        _lot.id_acteur == bindparam("acteur"), _lot.reference == bindparam("reference")
    )
)


def check_size(nombre: int, policy: LotPolicy) -> None:
    """Refuse (ERR_WS_011) a lot without items, or with too many."""
    if not 1 <= nombre <= policy.max_items:
        raise IgcError(Code.TOO_MANY_ITEMS, limite=policy.max_items)


def find_lot(db: Database, acteur: Acteur, reference: str, digest: bytes) -> LotReceipt | None:
    """The lot that the acteur deposited under this reference; ConflictError (ERR_WS_030) when it was another one.

    A reference is the acteur's, whoever acted for him: what was deposited in his place he need not deposit again.
    """
    with db.view() as moment:
        rows = moment.rows(_KNOWN, acteur=acteur.id, reference=reference)
    if not rows:
        return None
    (row,) = rows
    if bytes(row.empreinte) != digest:
        raise ConflictError(Code.LOT_CONFLICT, champ="reference", index=row.id)
    return LotReceipt(
        index=row.id, reference=row.reference, nombre=row.nombre, depose_le=row.depose_le, already_known=True
    )


def insert_lot(
    session: Session,
    origin: Origin,
    index: int,
    reference: str,
    digest: bytes,
    nombre: int,
    now: datetime,
    nature: NatureLot = NatureLot.CERTIFICATS,
) -> None:
    """Its row; IntegrityError when the acteur deposited the same reference in between."""
    row = {
        "id": index,
        "plateforme": origin.acteur.plateforme.value,
        "nature": nature.value,
        "id_acteur": origin.acteur.id,
        "id_administrateur": origin.administrateur.id if origin.administrateur else None,
        "emetteur": origin.identite.emetteur if origin.identite else None,
        "serie": origin.identite.serie if origin.identite else None,
        "reference": reference,
        "empreinte": digest,
        "nombre": nombre,
        "depose_le": now,
    }
    insert_rows(session, tables.Lot, [row])


def insert_pages(session: Session, index: int, forms: Forms, now: datetime, policy: LotPolicy) -> None:
    """Its items as they were received, and the work that the batch owes for the first page."""
    rows: list[dict[str, Any]] = []
    start = 0
    for page, size in enumerate(page_sizes(len(forms), policy)):
        row = {"id_lot": index, "page": page, "premiere_position": start + 1, "nombre": size}
        rows.append(row | {"contenu": encode_forms(forms[start : start + size])})
        start += size
    insert_rows(session, tables.LotPage, rows)
    outbox.owe_page(session, index, 0, rang=0, now=now)
