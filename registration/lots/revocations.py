"""Lots of demandes de révocation: deposited, checked, registered page by page, listed (ours: the guide has none)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.demandes.revocations import list_of_lot
from registration.errors import AccessError, Code, IgcError
from registration.life.numbers import numbered
from registration.lots.follow_up import find_visible
from registration.lots.keeping import check_size, find_lot, insert_lot, insert_pages
from registration.policy import LotPolicy
from registration.revocation.asking import Asked, Plan, carry_out, examine
from registration.revocation.targets import AuthorityNames
from registration.revocation_views import RevocationPage, RevocationVerdict
from registration.rules.cutting import check_nature
from registration.rules.limits import is_reference
from registration.values import Acteur, Origin, RevocationForm, RevocationLotForm, content_digest
from registration.views import LotReceipt, Refusal
from registration.vocabulary import EtatRevocation, NatureLot, TypeActeurInscrit
from runtime.clock import Clock
from storage.database import Database


def submit_revocations(
    db: Database, origin: Origin, form: RevocationLotForm, names: AuthorityNames, clock: Clock, policy: LotPolicy
) -> LotReceipt:
    """Keep the lot and give its index; a small one is done when this returns, a larger one by the batch.

    As ``deposit.submit``: the same reference with the same content gives the same index again, with other content
    ERR_WS_030; ERR_WS_025 for who can have no certificate to revoke, ERR_WS_011 for a bad number of items.
    """
    check_size(len(form.revocations), policy)
    digest = content_digest(form.revocations)
    known = find_lot(db, origin.acteur, form.reference, digest)
    if known is not None:
        return known
    nombre = len(form.revocations)
    at_once = nombre <= policy.at_once
    try:
        with numbered(db, demandes=nombre if at_once else 0, lots=1) as (session, first_numero, index):
            session.connection()  # the wait for other writers comes before the date
            now = clock()
            check_any_right(session, origin.acteur)
            insert_lot(session, origin, index, form.reference, digest, nombre, now, NatureLot.REVOCATIONS)
            if at_once:
                register_revocations(
                    session, origin, form.revocations, names, now, first_numero=first_numero, id_lot=index, position=1
                )
            else:
                insert_pages(session, index, form.revocations, now, policy)
    except IntegrityError:
        # Another connection of the same acteur deposited the same reference in between.
        known = find_lot(db, origin.acteur, form.reference, digest)
        if known is None:
            raise
        return known
    return LotReceipt(index=index, reference=form.reference, nombre=nombre, depose_le=now, already_known=False)


def verify_revocations(
    db: Database, origin: Origin, form: RevocationLotForm, names: AuthorityNames, now: datetime, policy: LotPolicy
) -> tuple[RevocationVerdict, ...]:
    """The verdict of every item as a deposit would give it now; nothing is written."""
    nombre = len(form.revocations)
    check_size(nombre, policy)
    with db.read() as session:
        check_any_right(session, origin.acteur)
        plan = examine(session, origin.acteur, form.revocations, names, now, first_numero=-nombre, hold=False)
    return tuple(_as_verdict(asked, position) for position, asked in enumerate(plan.asked, 1))


def register_revocations(
    session: Session,
    origin: Origin,
    forms: Sequence[RevocationForm],
    names: AuthorityNames,
    now: datetime,
    *,
    first_numero: int,
    id_lot: int,
    position: int,
    cancelled_by: Origin | None = None,
) -> None:
    """Turn items of a lot into demandes de révocation, and do those that are not to wait.

    Of a lot that somebody cancelled meanwhile nothing is done: what would have been is given up.
    """
    is_cancelled = cancelled_by is not None
    plan = examine(
        session, origin.acteur, forms, names, now, first_numero=first_numero, hold=True, is_cancelled=is_cancelled
    )
    carry_out(session, origin, plan, now, id_lot=id_lot, first_position=position, given_up_by=cancelled_by)


def register_unprocessed_revocations(
    session: Session,
    origin: Origin,
    forms: Sequence[RevocationForm],
    now: datetime,
    *,
    first_numero: int,
    id_lot: int,
    position: int,
) -> None:
    """Items that nothing could examine after all tries: Non traitée, their certificates untouched."""
    refusal = IgcError(Code.NOT_PROCESSED)
    plan = Plan(
        True, asked=[Asked(form, numero, refusals=(refusal,)) for numero, form in enumerate(forms, first_numero)]
    )
    carry_out(session, origin, plan, now, id_lot=id_lot, first_position=position)


def list_revocations(
    db: Database, acteur: Acteur, index: int, *, etat: EtatRevocation | None = None, after: int, limit: int
) -> RevocationPage:
    """The demandes de révocation of a lot by position; those of a large lot appear as the batch registers them.

    Its sender gets every one, without details where he may not follow the certificate; others those they may follow.
    ERR_WS_031 when nothing of it is visible, ERR_WS_066 for a lot of certificates.
    """
    with db.view() as moment:
        lot = find_visible(moment, acteur, index)
        check_nature(index, lot.nature, NatureLot.REVOCATIONS)
        mine = lot.id_acteur == acteur.id
        return list_of_lot(moment.session, acteur, index, mine=mine, etat=etat, after=after, limit=limit)


def check_any_right(session: Session, acteur: Acteur) -> None:
    """AccessError (ERR_WS_025) for who can have no certificate to revoke.

    A person may bear a certificate, of which no row tells.
    """
    if acteur.type_acteur is not TypeActeurInscrit.PERSONNE and not load_rights(session, acteur).patterns:
        raise AccessError(Code.NO_RIGHT)


def _as_verdict(asked: Asked, position: int) -> RevocationVerdict:
    reference, result = asked.form.reference, asked.result
    return RevocationVerdict(
        position=position,
        reference=reference if reference is not None and is_reference(reference) else None,
        # Nothing has a numero yet but what was revoked before.
        result=result if result is None or (result.numero or 0) > 0 else msgspec.structs.replace(result, numero=None),
        refusals=tuple(
            Refusal(code=refusal.code.value, texte=refusal.text, champ=refusal.champ) for refusal in asked.refusals
        ),
    )
