"""Turn forms into demandes: judge, claim, insert with their history, and owe the batch their issuance.

One path for a demande of the portal, a small lot and a page of a large one. Everything happens in the caller's
transaction: it is all there or nothing is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.demandes.candidates import Candidate, judge
from registration.demandes.claims import claim
from registration.demandes.renewals import judge_renewals, read_renewals, refuse_rivals
from registration.directory.reading import load_view
from registration.errors import Code
from registration.life import lot_structures, outbox, transitions
from registration.notices.owing import owe
from registration.policy import LotPolicy
from registration.rules.fields import email_key
from registration.rules.limits import FORMS, MAX_FQDNS, is_fqdn_text
from registration.rules.rights import Rights
from registration.rules.validation import Accepted, CsrVerdicts, Refused, leave_unexamined
from registration.values import DemandeForm, Origin
from registration.vocabulary import Avis, CodeAction


def register(
    session: Session,
    origin: Origin,
    forms: Sequence[DemandeForm],
    *,
    first_numero: int,
    now: datetime,
    policy: LotPolicy,
    csrs: CsrVerdicts,
    id_lot: int | None = None,
    first_position: int | None = None,
    after: int = 0,
    cancelled_by: Origin | None = None,
    rights: Rights | None = None,
    is_whole: bool = True,
) -> list[Candidate]:
    """Insert one demande a form, VALIDEE or REJETEE, and the outbox rows to sign them.

    When the lot was cancelled, ``cancelled_by`` somebody, what would be VALIDEE is ANNULEE.
    ``csrs`` were judged before the transaction (``judge_csrs``), and the directory was completed, ``is_whole`` or not
    (``renewals.complete``). Numeros run from ``first_numero``, positions in the lot from ``first_position``; ``after``
    more items of it are still to come. Gives the candidates with their refusals, in the order of the forms. ``rights``
    are those of the acteur, when this transaction has read them.
    """
    renewals = read_renewals(session, origin.acteur, forms, policy, lock=True)
    view = load_view(session, origin, renewals.forms, rights, is_whole=is_whole)
    candidates = judge(view, renewals.forms, first_numero, now, policy, csrs)
    judge_renewals(renewals, candidates, view, now, policy)
    if cancelled_by is None:
        refuse_rivals(session, renewals, candidates, {}, id_lot=id_lot, first_position=first_position or 1)
        claim(session, origin.acteur, candidates, now)
    entries, accepted, ended = [], [], []
    for rank, candidate in enumerate(candidates):
        action = _first_step(candidate, cancelled=cancelled_by is not None)
        position = None if first_position is None else first_position + rank
        entries.append((_row(candidate, origin, now, id_lot, position), action))
        if action is CodeAction.VALIDATED:
            accepted.append(candidate.numero)
        elif action is CodeAction.CANCELLED:
            ended.append(candidate.numero)
    transitions.enter(session, origin, entries, view.rights, now, cancelled_by=cancelled_by)
    if id_lot is not None:
        found = ((row["id_structure"], row["offre"]) for (row, _) in entries if row["contenu"] is not None)
        lot_structures.note(session, origin.acteur.plateforme, id_lot, found)
    else:
        owe(session, Avis.VALIDATED, accepted, now)  # of a lot, its deposit owes it
    owe(session, Avis.CANCELLED, ended, now)
    renewed = [c.renouvelle for c in candidates if c.renouvelle is not None and not c.refusals]
    transitions.tell_renewals(session, origin, renewed, view.rights, now)
    outbox.owe_issuance(
        session, accepted, id_lot=id_lot, first_position=first_position, after=after, now=now, policy=policy
    )
    return candidates


def register_unprocessed(
    session: Session,
    origin: Origin,
    forms: Sequence[DemandeForm],
    *,
    first_numero: int,
    now: datetime,
    id_lot: int,
    first_position: int,
) -> None:
    """Insert forms that nothing could examine as NON_TRAITEE; they claim no key and no address."""
    entries = []
    for rank, form in enumerate(forms):
        candidate = Candidate(
            numero=first_numero + rank,
            verdict=leave_unexamined(origin.acteur, form),
            cree_le=now,
            acteur=origin.acteur.libelle,
        )
        row = _row(candidate, origin, now, id_lot, first_position + rank)
        entries.append((row, CodeAction.NOT_PROCESSED))
    transitions.enter(session, origin, entries, load_rights(session, origin.acteur), now)


def _first_step(candidate: Candidate, *, cancelled: bool) -> CodeAction:
    if isinstance(candidate.verdict, Refused):
        unexamined = candidate.verdict.refusals[0].code is Code.NOT_PROCESSED
        return CodeAction.NOT_PROCESSED if unexamined else CodeAction.REJECTED
    return CodeAction.CANCELLED if cancelled else CodeAction.VALIDATED


def _row(
    candidate: Candidate, origin: Origin, now: datetime, id_lot: int | None, position: int | None
) -> dict[str, Any]:
    verdict = candidate.verdict
    form, values = verdict.form, verdict.values
    row = {
        "id": candidate.numero,
        "plateforme": origin.acteur.plateforme.value,
        "canal": origin.canal.value,
        "id_lot": id_lot,
        "position": position,
        "reference": form.reference,
        "offre": None if form.offre is None else str(form.offre),
        "usage": None if form.usage is None else str(form.usage),
        "id_acteur": origin.acteur.id,
        "id_administrateur": origin.administrateur.id if origin.administrateur else None,
        "id_structure": form.structure,
        "id_beneficiaire": values.beneficiaire,
        "service_applicatif": values.service_applicatif,
        "adresse_email": values.adresse_email,
        "adresse_cle": values.adresse_cle or email_key(values.adresse_email),
        "fqdns": _as_json(values.fqdns),
        "upn": values.upn,
        "email_acteur": values.email_acteur,
        "email_informe": values.email_informe,
        "contenu": None,
        "renouvelle": candidate.renouvelle,
        "csr_assistee": form.csr_assistee,
        "code_erreur": None,
        "champ_erreur": None,
        "texte_erreur": None,
        "cree_le": now,
        "modifie_le": now,
    }
    if isinstance(verdict, Accepted):
        return row | {"contenu": verdict.contenu}
    first = verdict.refusals[0]
    error = {"code_erreur": first.code.value, "champ_erreur": first.champ, "texte_erreur": first.text}
    return row | error | _without_what_does_not_fit(row, values.fqdns)


def _without_what_does_not_fit(row: dict[str, Any], fqdns: Sequence[str]) -> dict[str, Any]:
    """The values of a refused form that have not the form of their column, emptied: the verdict tells what was wrong.

    Nothing that a sender writes may stop the other items, and nothing is kept that he did not write.
    """
    emptied: dict[str, Any] = {
        name: None for name, fits in FORMS.items() if row[name] is not None and not fits(row[name])
    }
    shown = [name for name in fqdns if is_fqdn_text(name)]
    return emptied | {"fqdns": _as_json(shown if len(fqdns) <= MAX_FQDNS else [])}


def _as_json(fqdns: Sequence[str]) -> str | None:
    return json.dumps(fqdns, ensure_ascii=False) if fqdns else None
