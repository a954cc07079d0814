"""The hand-over of demandes to the CA core: serial and bytes stored, before anything is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import BindParameter, bindparam, delete, select
from sqlalchemy.orm import Session

from batch.context import WorkerContext
from batch.trail_lines import tell_abandoned, tell_intents
from pki.certificates.serials import serial_hex
from pki.errors import LintError, ProfileError, SignerError
from pki.issuing.issuance import PreparedCertificate, prepare, restore
from registration.life import transitions
from registration.rules.validation import content_of
from registration.vocabulary import CodeAction, EtatDemande, Plateforme
from storage import tables
from storage.bulk import insert_rows

log = structlog.get_logger()

OPEN = (EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value)


@dataclass(frozen=True, slots=True)
class Work:
    """A demande to sign: its plateforme, product, stored content and public key.

    ``stored`` when a run got as far before.
    """

    numero: int
    plateforme: Plateforme
    product: str
    contenu: dict[str, Any]
    spki: bytes
    stored: PreparedCertificate | None


class Held(Protocol):
    """What says whose work this is: the rows of the outbox that owe it."""

    is_claimed: bool
    """Whether they stand in the name of this worker by now, and for sure."""

    @property
    def outbox_ids(self) -> Sequence[int]:
        """The rows, once they are claimed."""

    def claim_in(self, session: Session) -> Collection[int]:
        """Claim them with this transaction; gives the demandes that are this run's. Another run may have others."""


@dataclass(slots=True)
class Run:
    """What a run finds out: demandes to refuse, keys that are blocked, and why others were left as they are."""

    refused: list[int] = field(default_factory=list)
    blocked: list[int] = field(default_factory=list)
    left: SignerError | None = None

    def keep(self, numeros: Collection[int]) -> None:
        """Forget every other demande: it is another run's."""
        self.refused = [numero for numero in self.refused if numero in numeros]
        self.blocked = [numero for numero in self.blocked if numero in numeros]


_NUMEROS: BindParameter[Any] = bindparam("numeros", expanding=True)
_demande, _certificat = tables.Demande, tables.Certificat
_STILL_OPEN = (
    select(_demande.id, _demande.etat)
    .where(_demande.id.in_(_NUMEROS), _demande.etat.in_(OPEN), _demande.etat_produit.is_(None))
    .order_by(_demande.id)  # the order in which everybody locks demandes
    .with_for_update(key_share=True)
)
_STORED = select(
    _certificat.id,
    _certificat.id_demande,
    _certificat.tbs,
    _certificat.autorite,
    _certificat.serial,
    _certificat.produit,
).where(_certificat.id_demande.in_(_NUMEROS))


def hand_over(
    context: WorkerContext,
    work: Sequence[Work],
    prepared: Mapping[int, PreparedCertificate],
    run: Run,
    held: Held | None = None,
) -> dict[int, PreparedCertificate]:
    """Store serial and bytes of every demande still open; gives what is really to be signed.

    With ``held`` the work is claimed in the same transaction, and what is not this run's is dropped, from ``run`` too.
    """
    result = {item.numero: item.stored for item in work if item.stored is not None}
    if not prepared and (held is None or held.is_claimed):
        return result
    now = context.clock()
    items = {item.numero: item for item in work}
    with context.db.write() as session:
        if held is not None:
            claimed = held.claim_in(session)
            prepared = {numero: item for numero, item in prepared.items() if numero in claimed}
            result = {numero: item for numero, item in result.items() if numero in claimed}
            run.keep(claimed)
        # The lock makes a parallel run of the same chunk wait here; it then finds the other one's bytes.
        found = session.connection().execute(_STILL_OPEN, {"numeros": list(prepared)})
        still_open = {row.id: row.etat for row in found}
        theirs, unfit, known = _stored_meanwhile(context, session, [items[numero] for numero in still_open])
        _abandon(session, unfit, now)
        mine = [numero for numero in still_open if numero not in known]
        intents = [_intent(numero, prepared[numero], items[numero].spki) for numero in mine]
        insert_rows(session, tables.Certificat, intents)
        tell_intents(session, now, [(row["id_demande"], row["autorite"], row["serial"], row["tbs"]) for row in intents])
        handed = [numero for numero in mine if still_open[numero] == EtatDemande.VALIDEE.value]
        transitions.move(session, CodeAction.HANDED_TO_CA, handed, now)
    if held is not None:
        held.is_claimed = True
    return result | theirs | {numero: prepared[numero] for numero in mine}


def _stored_meanwhile(
    context: WorkerContext, session: Session, work: Sequence[Work]
) -> tuple[dict[int, PreparedCertificate], list[Any], set[int | None]]:
    """Bytes that a parallel run has stored by now; the rows whose bytes must not be signed; who has any other row."""
    items = {item.numero: item for item in work}
    stored = session.connection().execute(_STORED, {"numeros": list(items)}).all()
    theirs: dict[int, PreparedCertificate] = {}
    unfit = []
    for row in stored:
        if row.tbs is None:
            continue
        taken = take_up(context, items[row.id_demande], row.tbs, row.autorite, row.produit)
        if taken is None:
            unfit.append(row)
        else:
            theirs[row.id_demande] = taken
    return theirs, unfit, {row.id_demande for row in stored if row not in unfit}


def _abandon(session: Session, rows: Sequence[Any], now: datetime) -> None:
    """Drop bytes that were never signed, and tell the trail: their demandes are prepared anew."""
    if rows:
        certificat = tables.Certificat
        session.execute(delete(certificat).where(certificat.id.in_([row.id for row in rows]), certificat.der.is_(None)))
        tell_abandoned(session, now, [(row.id_demande, row.autorite, row.serial, row.tbs) for row in rows])


def _intent(numero: int, item: PreparedCertificate, spki: bytes) -> dict[str, Any]:
    return {
        "id_demande": numero,
        "autorite": item.issuer,
        "serial": serial_hex(item.serial),
        "produit": item.product,
        "tbs": item.tbs,
        "spki_sha256": hashlib.sha256(spki).digest(),
        "not_before": item.not_before,
        "not_after": item.not_after,
    }


def take_up(context: WorkerContext, item: Work, tbs: bytes, autorite: str, produit: str) -> PreparedCertificate | None:
    """The stored bytes as they were prepared; None when they must not be signed, and the demande is prepared anew.

    They stand in the database, where somebody may have put others in their place: they must be, to the octet, what the
    demande gives today under their serial and date. And they must not begin in the future: the clock was set back
    since, and nobody could use the certificate. What waits for an authority that is not here is left as it is.
    """
    authority = context.authorities.get(autorite)
    try:
        stored = restore(tbs, autorite, produit)
        if authority is None:
            return stored
        again = prepare(authority, content_of(item.contenu), item.spki, stored.serial, stored.not_before)
    except (LintError, ProfileError, msgspec.ValidationError):
        again = None
    if again is None or (again.tbs, again.product) != (tbs, produit):
        log.error("stored bytes are not those of the demande", numero=item.numero)
        return None
    return None if stored.not_before > context.clock() else stored
