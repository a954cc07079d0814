"""What an operator sees of the notices, and what he has tried again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from registration.vocabulary import Avis, EtatAvis, Plateforme
from storage import tables


class ListedAvis(NamedTuple):
    """One notice: what it is about, to whom, where it stands, what the server said last."""

    id: int
    nature: str
    numero: int | None
    index_lot: int | None
    structure: str | None
    destinataire: str
    role: str
    etat: str
    essais: int
    cree_le: datetime
    du_le: datetime
    regle_le: datetime | None
    reponse: str | None


class Clue(NamedTuple):
    """What is known of the notices that are looked for; nothing known is anything."""

    etats: Collection[EtatAvis] = ()
    avis: Avis | None = None
    numero: int | None = None
    lot: int | None = None
    destinataire: str | None = None


def list_avis(session: Session, plateforme: Plateforme, clue: Clue, limit: int) -> Sequence[ListedAvis]:
    """The notices that the clue means, the latest first."""
    avis = tables.Avis
    query = select(
        avis.id, avis.nature, avis.id_demande, avis.id_lot, avis.id_structure, avis.destinataire, avis.role, avis.etat,
        avis.essais, avis.cree_le, avis.du_le, avis.regle_le, avis.reponse,
    ).where(avis.plateforme == plateforme.value, avis.destinataire.is_not(None))  # fmt: skip
    if clue.etats:
        query = query.where(avis.etat.in_([etat.value for etat in clue.etats]))
    if clue.avis is not None:
        query = query.where(avis.nature == clue.avis.value)
    if clue.numero is not None:
        query = query.where(avis.id_demande == clue.numero)
    if clue.lot is not None:
        query = query.where(avis.id_lot == clue.lot)
    if clue.destinataire is not None:
        query = query.where(func.lower(avis.destinataire) == clue.destinataire.lower())
    return [ListedAvis._make(row) for row in session.execute(query.order_by(avis.id.desc()).limit(limit))]


def retry(session: Session, plateforme: Plateforme, ids: Collection[int] | None, now: datetime) -> int:
    """Owe refused notices again, and at once what waits for its next try: these, or all (None). Gives their number.

    What was sent stays sent.
    """
    avis = tables.Avis
    statement = (
        update(avis)
        .where(
            avis.plateforme == plateforme.value,
            avis.destinataire.is_not(None),
            avis.etat.in_([EtatAvis.REFUSED.value, EtatAvis.TO_SEND.value]),
            avis.essais > 0,
        )
        # Its time begins anew, or it would be given up at its first delay.
        .values({avis.etat: EtatAvis.TO_SEND.value, avis.cree_le: now, avis.du_le: now, avis.regle_le: None})
        .execution_options(synchronize_session=False)
    )
    if ids is not None:
        statement = statement.where(avis.id.in_(ids))
    return session.connection().execute(statement).rowcount
