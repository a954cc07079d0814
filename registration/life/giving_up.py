"""Demandes that will not get a certificate any more: Non traitée, with the error that their sender reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from registration.errors import Code, IgcError
from registration.life import transitions
from registration.vocabulary import CodeAction
from storage import tables
from storage.bulk import slices


def key_refusal() -> IgcError:
    """What the sender of a blocked key is told, whenever it is found."""
    return IgcError(Code.CSR_REFUSED, champ="csr", raison="la clé est interdite.")


def give_up(session: Session, numeros: Sequence[int], now: datetime, refusal: IgcError | None = None) -> None:
    """Non traitée: the plateforme has tried what it could, and the demande may be presented again; or ``refusal``.

    The caller holds the demandes and knows that they are open. Their keys are free again, which is what makes "it may
    be presented again" true for the same CSR.
    """
    refusal = refusal or IgcError(Code.NOT_PROCESSED)
    error = {"code_erreur": refusal.code.value, "champ_erreur": refusal.champ, "texte_erreur": refusal.text}
    transitions.move(session, CodeAction.NOT_PROCESSED, numeros, now, **error)
    for part in slices(numeros):
        session.execute(delete(tables.ClePublique).where(tables.ClePublique.id_demande.in_(part)))
