"""Demandes that will not get a certificate any more: Non traitée, with the error that their sender reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from registration import history
from registration.errors import Code, IgcError
from registration.slicing import slices
from registration.vocabulary import CodeAction, EtatDemande
from storage import tables


def key_refusal() -> IgcError:
    """What the sender of a blocked key is told, whenever it is found."""
    return IgcError(Code.CSR_REFUSED, champ="csr", raison="la clé est interdite.")


def give_up(session: Session, numeros: Sequence[int], now: datetime, refusal: IgcError | None = None) -> None:
    """Non traitée: the plateforme has tried what it could, and the demande may be presented again; or ``refusal``.

    The caller holds the demandes and knows that they are open. Their keys are free again, which is what makes "it may
    be presented again" true for the same CSR.
    """
    refusal = refusal or IgcError(Code.NOT_PROCESSED)
    for part in slices(numeros):
        session.execute(
            update(tables.Demande)
            .where(tables.Demande.id.in_(part))
            .values(
                etat=EtatDemande.NON_TRAITEE.value,
                code_erreur=refusal.code.value,
                champ_erreur=refusal.champ,
                texte_erreur=refusal.text,
                modifie_le=now,
            )
            .execution_options(synchronize_session=False)
        )
        session.execute(delete(tables.ClePublique).where(tables.ClePublique.id_demande.in_(part)))
    history.append_system(session, numeros, now, CodeAction.NOT_PROCESSED, EtatDemande.NON_TRAITEE)
