"""One demande placed on the portal (guide §8): the same path as an item of a lot."""

from __future__ import annotations

from datetime import datetime

from registration.brouillons.keeping import hold
from registration.demandes.registering import register
from registration.demandes.renewals import complete
from registration.life.numbers import numbered
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.rules.validation import Refused, judge_csrs
from registration.values import DemandeForm, Origin
from storage.database import Database


def submit(
    db: Database,
    origin: Origin,
    form: DemandeForm,
    now: datetime,
    policy: LotPolicy = DEFAULT_POLICY,
    *,
    brouillon: str | None = None,
) -> int:
    """Place the demande and give its numero; the first refusal is raised and nothing is stored then.

    The ``brouillon`` that it is sent from becomes one demande only: sent again, it gives the numero of that one, and
    nothing is placed. NotFoundError for one that is not his any more.
    """
    csrs = judge_csrs((form,), policy.keys)
    is_whole = complete(db, origin.acteur, (form,), now, policy)
    with numbered(db, demandes=1) as (session, numero, _):
        sent = hold(session, origin, brouillon, now) if brouillon is not None else None
        if sent is not None and sent.numero is not None:
            return sent.numero
        (candidate,) = register(
            session, origin, (form,), first_numero=numero, now=now, policy=policy, csrs=csrs, is_whole=is_whole
        )
        if isinstance(candidate.verdict, Refused):
            raise candidate.verdict.refusals[0]
        if sent is not None:
            sent.numero = numero
    return numero
