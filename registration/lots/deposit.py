"""Deposit and check of lots (spec domain, Lots). A deposit is durable, repeatable, and fast whatever its size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.demandes.candidates import Candidate, judge
from registration.demandes.claims import Claimed, peek
from registration.demandes.registering import register
from registration.demandes.renewals import complete, judge_renewals, read_renewals, refuse_rivals
from registration.directory.reading import load_view
from registration.errors import AccessError, Code
from registration.life.numbers import numbered
from registration.lots.keeping import check_size, find_lot, insert_lot, insert_pages
from registration.notices.owing import owe_lot
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.rules.limits import is_reference
from registration.rules.preview import preview
from registration.rules.rights import Rights, may_request_for_self
from registration.rules.validation import Accepted, judge_csrs
from registration.values import Acteur, LotForm, Origin, content_digest
from registration.views import Alternative, LotReceipt, Refusal, Verdict, Warned
from registration.vocabulary import TypeActeurInscrit
from storage.bulk import slices
from storage.database import Database


def submit(
    db: Database, origin: Origin, form: LotForm, now: datetime, policy: LotPolicy = DEFAULT_POLICY
) -> LotReceipt:
    """Keep the lot and give its index; when this returns, no crash and no loss of the queue can lose it.

    The same reference with the same content gives the same index again; with other content ConflictError
    (ERR_WS_030). AccessError when the acteur may ask for nothing (a person ERR_IHM_026, an application ERR_WS_025),
    ERR_WS_011 for a bad number of items, ERR_WS_050 when no number may be handed out.
    """
    check_size(len(form.demandes), policy)
    digest = content_digest(form.demandes)
    known = find_lot(db, origin.acteur, form.reference, digest)
    if known is not None:
        return known
    at_once = len(form.demandes) <= policy.at_once
    demandes = len(form.demandes) if at_once else 0
    csrs = judge_csrs(form.demandes, policy.keys) if at_once else {}
    is_whole = not at_once or complete(db, origin.acteur, form.demandes, now, policy)
    try:
        with numbered(db, demandes=demandes, lots=1) as (session, first_numero, index):
            rights = check_any_right(session, origin.acteur)
            insert_lot(session, origin, index, form.reference, digest, len(form.demandes), now)
            owe_lot(session, origin.acteur.plateforme, index, now)
            if at_once:
                register(
                    session,
                    origin,
                    form.demandes,
                    first_numero=first_numero,
                    now=now,
                    policy=policy,
                    csrs=csrs,
                    id_lot=index,
                    first_position=1,
                    rights=rights,
                    is_whole=is_whole,
                )
            else:
                insert_pages(session, index, form.demandes, now, policy)
    except IntegrityError:
        # Another connection of the same acteur deposited the same reference in between.
        known = find_lot(db, origin.acteur, form.reference, digest)
        if known is None:
            raise
        return known
    return LotReceipt(
        index=index, reference=form.reference, nombre=len(form.demandes), depose_le=now, already_known=False
    )


Progress = Callable[[int], None]
"""Is told how many items have been judged."""


def verify(
    db: Database,
    origin: Origin,
    form: LotForm,
    now: datetime,
    policy: LotPolicy = DEFAULT_POLICY,
    progress: Progress = lambda _done: None,
) -> tuple[Verdict, ...]:
    """The verdict of every item as a deposit would give it now; nothing is written, not even in the history.

    What a directory elsewhere says of those that they name is kept, as at a deposit.
    """
    check_size(len(form.demandes), policy)
    verdicts: list[Verdict] = []
    fitting = policy.for_items(len(form.demandes))
    earlier, renewed = Claimed(), dict[int, int]()
    is_whole = complete(db, origin.acteur, form.demandes, now, policy)
    with db.read() as session:
        check_any_right(session, origin.acteur)
        for part in slices(form.demandes, policy.page_size):
            renewals = read_renewals(session, origin.acteur, part, policy)
            view = load_view(session, origin, renewals.forms, is_whole=is_whole)
            csrs = judge_csrs(part, fitting.keys)
            candidates = judge(view, renewals.forms, len(verdicts) + 1, now, fitting, csrs)
            judge_renewals(renewals, candidates, view, now, policy)
            refuse_rivals(session, renewals, candidates, renewed, first_position=len(verdicts) + 1)
            peek(session, origin.acteur, candidates, earlier, now)
            verdicts.extend(
                _as_verdict(candidate, renewals.contenu_of(rank)) for rank, candidate in enumerate(candidates)
            )
            progress(len(verdicts))
    return tuple(verdicts)


def _as_verdict(candidate: Candidate, renewed: dict[str, Any] | None) -> Verdict:
    """``renewed`` is the content of the certificate that it renews, if it does."""
    refusals = tuple(
        Refusal(code=refusal.code.value, texte=refusal.text, champ=refusal.champ) for refusal in candidate.refusals
    )
    reference = candidate.verdict.form.reference
    named = reference is not None and is_reference(reference)
    verdict = Verdict(position=candidate.numero, reference=reference if named else None, refusals=refusals)
    if not isinstance(candidate.verdict, Accepted):
        return verdict
    shown = preview(candidate.verdict, renewed)
    return replace(
        verdict,
        subject=shown.subject,
        alternatives=tuple(Alternative(nature=nature, valeur=value) for nature, value in shown.alternatives),
        warnings=tuple(Warned(code=one.code.value, texte=one.texte, champ=one.champ) for one in shown.warnings),
    )


def check_any_right(session: Session, acteur: Acteur) -> Rights:
    """His rights; AccessError when he may ask for nothing.

    A person always has one, over what he bears (guide §7, table 6), if none by which he could ask for anything.
    """
    rights = load_rights(session, acteur)
    if not rights.patterns and not may_request_for_self(acteur):
        is_person = acteur.type_acteur is TypeActeurInscrit.PERSONNE
        raise AccessError(Code.HABILITATION_MISSING if is_person else Code.NO_RIGHT)
    return rights
