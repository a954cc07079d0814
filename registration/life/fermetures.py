"""The one door of products that are closed to demandes (guide §13, ERR_IHM_019); what is under way goes on.

Each change is told to the audit trail in its own transaction: opening does not happen without its line, closing does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session

from registration.vocabulary import Acte, Offre, Plateforme, Usage
from storage import tables
from storage.moments import Prepared
from storage.trail import AUTEUR, note

Produit = tuple[Offre, Usage]

_fermeture = tables.Fermeture
# Made once: it is asked with every demande.
_CLOSED = Prepared(
    select(_fermeture.offre, _fermeture.usage).where(
        _fermeture.plateforme == bindparam("plateforme"),
        _fermeture.debut_le <= bindparam("moment"),
        or_(_fermeture.fin_le.is_(None), _fermeture.fin_le > bindparam("moment")),
    )
)


def close(
    session: Session, plateforme: Plateforme, produit: Produit, now: datetime, motif: str, begins: datetime | None
) -> bool:
    """Take no demande for a product any more, from now or from ``begins`` on; False when it is closed, or will be."""
    if session.scalar(select(tables.Fermeture.id).where(*_open_ended(plateforme, produit, now)).limit(1)) is not None:
        return False
    offre, usage = produit
    row = tables.Fermeture(
        plateforme=plateforme.value,
        offre=offre.value,
        usage=usage.value,
        debut_le=begins or now,
        fermee_par=session.info.get(AUTEUR),
        motif=motif,
    )
    session.add(row)
    note(session, Acte.PRODUCT_CLOSED.value, now, _told(row, None, motif), essential=False)
    return True


def reopen(session: Session, plateforme: Plateforme, produit: Produit, now: datetime, motif: str) -> bool:
    """Take demandes for a product again, at once; False when it is not closed and is not going to be."""
    rows = session.scalars(
        select(tables.Fermeture).where(*_open_ended(plateforme, produit, now)).with_for_update(key_share=True)
    ).all()
    for row in rows:
        row.fin_le, row.motif_fin = now, motif
        note(session, Acte.PRODUCT_OPENED.value, now, _told(row, now, motif))
    return bool(rows)


def closed_products(session: Session, plateforme: Plateforme, moment: datetime) -> frozenset[Produit]:
    """The products for which no demande is taken at this moment."""
    found = _CLOSED.within(session, plateforme=plateforme.value, moment=moment)
    return frozenset((Offre(offre), Usage(usage)) for offre, usage in found)


def list_fermetures(session: Session, plateforme: Plateforme) -> Sequence[tables.Fermeture]:
    """All of them, those that have ended too, the oldest first."""
    row = tables.Fermeture
    return session.scalars(select(row).where(row.plateforme == plateforme.value).order_by(row.id)).all()


def _open_ended(plateforme: Plateforme, produit: Produit, now: datetime) -> list[ColumnElement[bool]]:
    row, (offre, usage) = tables.Fermeture, produit
    return [
        row.plateforme == plateforme.value,
        row.offre == offre.value,
        row.usage == usage.value,
        or_(row.fin_le.is_(None), row.fin_le > now),
    ]


def _told(row: tables.Fermeture, ends: datetime | None, motif: str) -> dict[str, object]:
    return {
        "plateforme": row.plateforme,
        "offre": row.offre,
        "usage": row.usage,
        "debut": row.debut_le.astimezone(UTC).isoformat(timespec="microseconds"),
        "fin": None if ends is None else ends.astimezone(UTC).isoformat(timespec="microseconds"),
        "motif": motif,
    }
