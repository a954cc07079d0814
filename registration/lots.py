"""Deposit and check of lots (spec domain, Lots). A deposit is durable, repeatable, and fast whatever its size."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registration import outbox
from registration.directory import load_rights, load_view, may_request_for_self
from registration.errors import AccessError, Code, ConflictError, IgcError
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.registering import register
from registration.slicing import slices
from registration.uniqueness import Candidate, Claimed, peek
from registration.validation import examine
from registration.values import Acteur, DemandeForm, LotForm, Origin, content_digest, encode_forms
from registration.views import LotReceipt, Refusal, Verdict
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database


def submit(
    db: Database, origin: Origin, form: LotForm, now: datetime, policy: LotPolicy = DEFAULT_POLICY
) -> LotReceipt:
    """Keep the lot and give its index; when this returns, no crash and no loss of the queue can lose it.

    The same reference with the same content gives the same index again; with other content ConflictError
    (ERR_WS_030). AccessError (ERR_WS_025) when the acteur has no right at all, ERR_WS_011 for a bad number of items.
    """
    _check_size(form, policy)
    digest = content_digest(form.demandes)
    known = _find(db, origin.acteur, form, digest)
    if known is not None:
        return known
    at_once = len(form.demandes) <= policy.at_once
    first_numero = db.reserve("demande", len(form.demandes)) if at_once else 0
    try:
        with db.write() as session:
            _check_any_right(session, origin.acteur)
            index = _insert_lot(session, origin.acteur, form, digest, now)
            if at_once:
                register(
                    session,
                    origin,
                    form.demandes,
                    first_numero=first_numero,
                    now=now,
                    policy=policy,
                    id_lot=index,
                    first_position=1,
                )
            else:
                _insert_pages(session, index, form.demandes, now, policy)
    except IntegrityError:
        # Another connection of the same acteur deposited the same reference in between.
        known = _find(db, origin.acteur, form, digest)
        if known is None:
            raise
        return known
    return LotReceipt(
        index=index, reference=form.reference, nombre=len(form.demandes), depose_le=now, already_known=False
    )


def verify(
    db: Database, origin: Origin, form: LotForm, now: datetime, policy: LotPolicy = DEFAULT_POLICY
) -> tuple[Verdict, ...]:
    """The verdict of every item as a deposit would give it now; nothing is written, not even in the history."""
    _check_size(form, policy)
    verdicts: list[Verdict] = []
    earlier = Claimed()
    with db.read() as session:
        _check_any_right(session, origin.acteur)
        for part in slices(form.demandes, policy.page_size):
            view = load_view(session, origin.acteur, part)
            candidates = [
                Candidate(
                    numero=len(verdicts) + rank,
                    examined=examine(view, item, policy.keys),
                    cree_le=now,
                    acteur=origin.acteur.libelle,
                )
                for rank, item in enumerate(part, 1)
            ]
            peek(session, origin.acteur.plateforme, candidates, earlier, now)
            verdicts.extend(_as_verdict(candidate) for candidate in candidates)
    return tuple(verdicts)


def _as_verdict(candidate: Candidate) -> Verdict:
    refusals = tuple(
        Refusal(code=refusal.code.value, texte=refusal.text, champ=refusal.champ)
        for refusal in candidate.examined.refusals
    )
    return Verdict(position=candidate.numero, reference=candidate.examined.form.reference, refusals=refusals)


def _check_size(form: LotForm, policy: LotPolicy) -> None:
    if not 1 <= len(form.demandes) <= policy.max_items:
        raise IgcError(Code.TOO_MANY_ITEMS, limite=policy.max_items)


def _check_any_right(session: Session, acteur: Acteur) -> None:
    if not load_rights(session, acteur).patterns and not may_request_for_self(acteur):
        raise AccessError(Code.NO_RIGHT)


def _find(db: Database, acteur: Acteur, form: LotForm, digest: bytes) -> LotReceipt | None:
    lot = tables.Lot
    with db.read() as session:
        row = session.scalar(select(lot).where(lot.id_acteur == acteur.id, lot.reference == form.reference))
    if row is None:
        return None
    if bytes(row.empreinte) != digest:
        raise ConflictError(Code.LOT_CONFLICT, champ="reference", index=row.id)
    return LotReceipt(
        index=row.id, reference=row.reference, nombre=row.nombre, depose_le=row.depose_le, already_known=True
    )


def _insert_lot(session: Session, acteur: Acteur, form: LotForm, digest: bytes, now: datetime) -> int:
    row = tables.Lot(
        plateforme=acteur.plateforme.value,
        id_acteur=acteur.id,
        reference=form.reference,
        empreinte=digest,
        nombre=len(form.demandes),
        depose_le=now,
    )
    session.add(row)
    session.flush()  # the index is needed for the rows below
    return row.id


def _insert_pages(
    session: Session, index: int, demandes: tuple[DemandeForm, ...], now: datetime, policy: LotPolicy
) -> None:
    rows = [
        {
            "id_lot": index,
            "page": page,
            "premiere_position": page * policy.page_size + 1,
            "nombre": len(part),
            "contenu": encode_forms(tuple(part)),
        }
        for page, part in enumerate(slices(demandes, policy.page_size))
    ]
    insert_rows(session, tables.LotPage, rows)
    outbox.owe_page(session, index, 0, rang=0, now=now)
