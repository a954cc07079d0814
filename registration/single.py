"""One demande placed on the portal (guide §8): the same path as an item of a lot."""

from __future__ import annotations

from datetime import datetime

from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.registering import register
from registration.values import DemandeForm, Origin
from storage.database import Database


def submit(db: Database, origin: Origin, form: DemandeForm, now: datetime, policy: LotPolicy = DEFAULT_POLICY) -> int:
    """Place the demande and give its numero; the first refusal is raised and nothing is stored then."""
    numero = db.reserve("demande", 1)
    with db.write() as session:
        (candidate,) = register(session, origin, (form,), first_numero=numero, now=now, policy=policy)
        if candidate.examined.refusal is not None:
            raise candidate.examined.refusal
    return numero
