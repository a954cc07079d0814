"""Certificates named by their demandes: what a revocation would lead to, and the revocation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.revocation.revoking import Revocations, revoke_of_demandes
from registration.rules.revocation import Outcome, judge
from registration.vocabulary import Plateforme
from runtime.clock import Clock
from storage import tables
from storage.bulk import slices
from storage.database import Database


class Meant(NamedTuple):
    """One demande that was named. ``outcome`` is None when there is nothing to revoke: unknown, or no certificate.

    ``etat`` is None for a demande that this plateforme does not have.
    """

    numero: int
    etat: str | None
    outcome: Outcome | None
    autorite: str | None = None
    serial: str | None = None
    porteur: str | None = None
    contact: str | None = None


def survey_demandes(
    db: Database, plateforme: Plateforme, numeros: Sequence[int], raison: str, now: datetime
) -> list[Meant]:
    """What revoking the certificates of these demandes would lead to, in their order; nothing is written."""
    with db.read() as session:
        known = {
            meant.numero: meant for part in slices(numeros) for meant in _look(session, plateforme, part, raison, now)
        }
    return [known.get(numero, Meant(numero, None, None)) for numero in numeros]


def _look(session: Session, plateforme: Plateforme, numeros: Sequence[int], raison: str, now: datetime) -> list[Meant]:
    demande, certificat = tables.Demande, tables.Certificat
    rows = session.execute(
        select(demande, certificat)
        .outerjoin(certificat, certificat.id_demande == demande.id)
        .where(demande.plateforme == plateforme.value, demande.id.in_(numeros))
    )
    return [_meant(one, row, raison, now) for one, row in rows]


def _meant(demande: tables.Demande, row: tables.Certificat | None, raison: str, now: datetime) -> Meant:
    if row is None:
        return Meant(demande.id, demande.etat, None)
    outcome = judge(raison, revoque_le=row.revoque_le, raison_crl=row.raison_crl, not_after=row.not_after, now=now)
    porteur = demande.id_beneficiaire or demande.service_applicatif or demande.fqdns
    return Meant(demande.id, demande.etat, outcome, row.autorite, row.serial, porteur, demande.email_acteur)


def revoke_demandes(db: Database, numeros: Sequence[int], raison: str, clock: Clock, motif: str) -> Revocations:
    """Revoke the certificates of these demandes in one transaction; ``motif`` says to the audit trail why."""
    with db.write() as session:
        session.connection()  # the wait for other writers comes before the date
        return revoke_of_demandes(session, numeros, raison, clock(), motif)
