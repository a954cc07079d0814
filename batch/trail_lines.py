"""What the CA core's acts look like in the audit trail: the contents of its lines, each in one place.

A line names certificates as [numero of the demande or null, authority, serial, SHA-256]: of the bytes that will be
signed in an intent, of the whole certificate once it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from batch.context import WorkerContext
from registration.vocabulary import Acte
from storage.trail import note

Told = tuple[int | None, str, str, bytes]


def tell_intents(session: Session, now: datetime, certificates: Iterable[Told]) -> None:
    """Serials and bytes are fixed, nothing is signed yet. Without this line nothing may be."""
    _tell(session, Acte.INTENT, now, certificates)


def tell_abandoned(session: Session, now: datetime, certificates: Iterable[Told]) -> None:
    """What an intent announced was never signed and never will be: other bytes take its place."""
    _tell(session, Acte.ABANDONED, now, certificates)


def tell_issued(session: Session, now: datetime, certificates: Iterable[Told]) -> None:
    """The certificates exist, and are stored."""
    _tell(session, Acte.ISSUED, now, certificates)


def tell_refused(session: Session, now: datetime, numeros: Sequence[int]) -> None:
    """The CA core refused these demandes: profile, lint or blocked key."""
    if numeros:
        note(session, Acte.REFUSED.value, now, {"demandes": list(numeros)})


def tell_crl(
    session: Session,
    now: datetime,
    autorite: str,
    numero: int,
    lists: dict[str, bytes | None],
    *,
    taken_up: bool = False,
) -> None:
    """CRLs were signed; ``lists`` are their DER by kind. A broken trail does not keep a revocation from being known.

    With ``taken_up`` they were published before and are kept again, in a database that had forgotten them.
    """
    contenu: dict[str, object] = {
        "autorite": autorite,
        "numero": numero,
        **{kind: hashlib.sha256(der).hexdigest() for kind, der in lists.items() if der is not None},
    }
    if taken_up:
        contenu["reprise"] = True
    note(session, Acte.CRL.value, now, contenu, essential=False)


def tell_started(context: WorkerContext) -> None:
    """A process opened the keys of these authorities."""
    with context.db.write() as session:
        note(
            session,
            Acte.WORKER_STARTED.value,
            context.clock(),
            {"processus": context.worker, "autorites": sorted(context.signers)},
            essential=False,
        )


def _tell(session: Session, acte: Acte, now: datetime, certificates: Iterable[Told]) -> None:
    named = [
        [numero, autorite, serial, hashlib.sha256(content).hexdigest()]
        for numero, autorite, serial, content in certificates
    ]
    if named:
        note(session, acte.value, now, {"certificats": named})
