"""Is what relying parties depend on about to expire? The relay logs it, ``igc check-publication`` tells a monitor.

Here what the database knows; the files and the authorities themselves in batch/watching/expiry.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import func, select

from batch.context import BatchPolicy
from batch.lists.crls import delta_validity
from batch.past.evidence import Evidence, find_past
from batch.past.guard import reason_of, stopped
from storage import tables
from storage.database import Database
from storage.tables.avis import TO_SEND

_MISSED_SEALS = 10
_UNSENT_AFTER = timedelta(hours=1)


class Subject(Enum):
    """What an alarm is about."""

    CRL = "crl"
    DELTA = "delta crl"
    RESPONDER = "ocsp responder"
    ROOT_CRL = "crl of a root"
    TLS = "tls certificate"
    AUTHORITY = "authority"
    TRAIL = "audit trail"
    FOLDER = "folder"
    PAST = "database"
    NOTICES = "notices"


class Fault(Enum):
    """What is wrong apart from the end; the value stands in the log."""

    UNREADABLE = "unreadable"
    FORGED = "not signed by the authority"
    DIFFERED = "what followed from it was not what its rows say"
    SHORTENS = "what is issued ends early with the authority"
    BROKEN = "does not end where its head says: nothing is issued"
    UNSEALED = "no checkpoint since"
    UNPUBLISHED = "its file is not the list in force"
    UNWRITABLE = "nothing can be written there"
    REVOKED = "revoked"
    SERVES_REVOKED = "shows a revoked certificate, which its file has no more"
    SERVES_ANOTHER = "does not show the certificate of its file"
    UNSENT = "not sent since"
    PAST = "not the one of before: the plateforme has stopped"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that ends soon, ended, or never was (``ends`` and ``fault`` None).

    ``name`` is the short name of an authority, the listener of a TLS certificate, a folder, or what contradicts the
    database. What is not ``urgent`` still does its duty: there is time to plan. For UNSEALED and UNSENT ``ends`` is
    when the oldest line without a seal was written, the oldest notice owed.
    """

    subject: Subject
    name: str
    ends: datetime | None
    fault: Fault | None = None
    urgent: bool = True


def find_alarms(db: Database, policy: BatchPolicy, now: datetime, expected: Iterable[str] = ()) -> list[Alarm]:
    """What should have been replaced long ago, while it is still good; also what of ``expected`` does not exist.

    ``expected`` are authorities that issue certificates. A list counts as late halfway between its refresh and its
    end, a responder when a quarter of its life is left.
    """
    full_margin = max((policy.crl_validity - policy.crl_refresh) / 2, policy.crl_validity / 10)
    delta_margin = max((delta_validity(policy) - policy.crl_refresh) / 2, delta_validity(policy) / 10)
    responder_margin = policy.ocsp_signer_life / 4
    alarms = []
    with db.read() as session:
        lists = session.execute(
            # The carried ones are renewed by people, and looked at in batch/watching/expiry.py.
            select(tables.Crl.autorite, tables.Crl.next_update, tables.Crl.delta_fin, tables.Crl.ecart_le).where(
                tables.Crl.apportee.is_(False)
            )
        ).all()
        responder = tables.RepondeurOcsp
        responders = session.execute(select(responder.autorite, responder.not_after)).all()
        revoked = session.execute(
            select(responder.autorite, responder.not_after)
            .join(
                tables.Certificat,
                (tables.Certificat.autorite == responder.autorite) & (tables.Certificat.serial == responder.serial),
            )
            .where(tables.Certificat.revoque_le.is_not(None))
        ).all()
    for autorite, next_update, delta_end, differed in lists:
        if differed is not None:
            alarms.append(Alarm(Subject.CRL, autorite, None, Fault.DIFFERED))
        if next_update - now < full_margin:
            alarms.append(Alarm(Subject.CRL, autorite, next_update))
        if delta_end is not None and delta_end - now < delta_margin:
            alarms.append(Alarm(Subject.DELTA, autorite, delta_end))
    alarms += [Alarm(Subject.RESPONDER, name, end) for name, end in responders if end - now < responder_margin]
    alarms += [Alarm(Subject.RESPONDER, name, end, Fault.REVOKED) for name, end in revoked]
    for name in expected:
        if name not in {row[0] for row in lists}:
            alarms.append(Alarm(Subject.CRL, name, None))
        if name not in {row[0] for row in responders}:
            alarms.append(Alarm(Subject.RESPONDER, name, None))
    return alarms


def find_past_alarms(db: Database, evidence: Evidence) -> list[Alarm]:
    """Whether the plateforme has stopped because its database is an older one, or would; at most one alarm."""
    reason = stopped(db)
    if reason is None and (found := find_past(db, evidence)):
        reason = reason_of(found)
    return [] if reason is None else [Alarm(Subject.PAST, reason, None, Fault.PAST)]


def find_notice_alarms(db: Database, now: datetime) -> list[Alarm]:
    """Whether notices wait for long: nobody sends them, or the server of mail does not take them. At most one alarm.

    That one of them was refused for good concerns its destinataire alone: ``igc avis list`` tells.
    """
    avis = tables.Avis
    with db.read() as session:
        oldest = session.scalar(
            select(func.min(avis.cree_le)).where(avis.etat == TO_SEND, avis.cree_le < now - _UNSENT_AFTER)
        )
    return [] if oldest is None else [Alarm(Subject.NOTICES, "", oldest, Fault.UNSENT, urgent=False)]


def find_trail_alarms(db: Database, policy: BatchPolicy, now: datetime) -> list[Alarm]:
    """Whether the audit trail can still be written, and whether somebody seals it; at most one alarm.

    A seal counts as late when it should have come ten times over. Edits further up are for ``igc audit`` to find.
    """
    head, line, checkpoint = tables.TeteAudit, tables.PisteAudit, tables.Scellement
    with db.read() as session:
        row = session.execute(
            select(head.numero, head.empreinte, line.empreinte.label("last")).outerjoin(
                line, line.numero == head.numero
            )
        ).one_or_none()
        sealed = session.scalar(select(func.max(checkpoint.numero))) or 0
        oldest = session.scalar(select(func.min(line.date)).where(line.numero > sealed))
    if row is None or (row.numero and row.last != row.empreinte):
        return [Alarm(Subject.TRAIL, "", None, Fault.BROKEN)]
    if oldest is not None and now - oldest > _MISSED_SEALS * policy.seal_every:
        return [Alarm(Subject.TRAIL, "", oldest, Fault.UNSEALED, urgent=False)]
    return []
