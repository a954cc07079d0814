"""Turn forms into demandes: judge, claim, insert with their history, and owe the batch their issuance.

One path for a demande of the portal, a small lot and a page of a large one. Everything happens in the caller's
transaction: it is all there or nothing is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from registration import history, outbox
from registration.directory import load_view
from registration.errors import Code, IgcError
from registration.policy import LotPolicy
from registration.rules.fields import MAX_FQDNS, readable
from registration.uniqueness import Candidate, claim
from registration.validation import Examined, examine
from registration.values import DemandeForm, Origin
from registration.vocabulary import CodeAction, EtatDemande
from storage import tables
from storage.bulk import insert_rows

_FQDN_LENGTH = 253
_WRITTEN_BY_SENDERS = {
    name: cast("int", getattr(tables.Demande.__table__.c[name].type, "length", None))
    for name in (
        "reference",
        "id_structure",
        "id_beneficiaire",
        "service_applicatif",
        "adresse_email",
        "upn",
        "email_acteur",
        "email_informe",
    )
}


def register(
    session: Session,
    origin: Origin,
    forms: Sequence[DemandeForm],
    *,
    first_numero: int,
    now: datetime,
    policy: LotPolicy,
    id_lot: int | None = None,
    first_position: int | None = None,
    cancelled: bool = False,
) -> list[Candidate]:
    """Insert one demande a form, VALIDEE or REJETEE (ANNULEE when ``cancelled``), and the outbox rows to sign them.

    Numeros run from ``first_numero``, positions in the lot from ``first_position``. Gives the candidates with
    their refusals, in the order of the forms.
    """
    view = load_view(session, origin.acteur, forms)
    candidates = [
        Candidate(
            numero=first_numero + rank,
            examined=examine(view, form, policy.keys),
            cree_le=now,
            acteur=origin.acteur.libelle,
        )
        for rank, form in enumerate(forms)
    ]
    if not cancelled:
        claim(session, origin.acteur.plateforme, candidates, now)
    rows, lines, accepted = [], [], []
    for rank, candidate in enumerate(candidates):
        etat = _verdict(candidate, cancelled=cancelled)
        position = None if first_position is None else first_position + rank
        rows.append(_row(candidate, origin, etat, now, id_lot, position))
        lines.extend(_lines(candidate, origin, etat, now))
        if etat is EtatDemande.VALIDEE:
            accepted.append(candidate.numero)
    insert_rows(session, tables.Demande, rows)
    history.append(session, lines)
    outbox.owe_issuance(session, accepted, id_lot=id_lot, first_position=first_position, now=now, policy=policy)
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
    rows, lines = [], []
    for rank, form in enumerate(forms):
        candidate = Candidate(
            numero=first_numero + rank,
            examined=Examined(form=form, email_acteur=form.email_acteur, refusals=[IgcError(Code.NOT_PROCESSED)]),
            cree_le=now,
            acteur=origin.acteur.libelle,
        )
        rows.append(_row(candidate, origin, EtatDemande.NON_TRAITEE, now, id_lot, first_position + rank))
        used = history.habilitation_used(form.offre, form.structure)
        lines.append(history.line(candidate.numero, origin, now, CodeAction.RECORDED, EtatDemande.ENREGISTREE, used))
    insert_rows(session, tables.Demande, rows)
    history.append(session, lines)
    numeros = [row["id"] for row in rows]
    history.append_system(session, numeros, now, CodeAction.NOT_PROCESSED, EtatDemande.NON_TRAITEE)


def _verdict(candidate: Candidate, *, cancelled: bool) -> EtatDemande:
    if candidate.examined.refusals:
        return EtatDemande.REJETEE
    return EtatDemande.ANNULEE if cancelled else EtatDemande.VALIDEE


def _row(
    candidate: Candidate, origin: Origin, etat: EtatDemande, now: datetime, id_lot: int | None, position: int | None
) -> dict[str, Any]:
    examined: Examined = candidate.examined
    form = examined.form
    refusal: IgcError | None = examined.refusal
    fqdns = examined.fqdns or form.fqdns
    row = {
        "id": candidate.numero,
        "plateforme": origin.acteur.plateforme.value,
        "canal": origin.canal.value,
        "id_lot": id_lot,
        "position": position,
        "reference": form.reference,
        "offre": form.offre.value,
        "usage": form.usage.value,
        "etat": etat.value,
        "etat_produit": None,
        "id_acteur": origin.acteur.id,
        "id_administrateur": origin.administrateur.id if origin.administrateur else None,
        "id_structure": form.structure,
        "id_beneficiaire": examined.beneficiaire or form.beneficiaire,
        "service_applicatif": examined.service_applicatif or form.service_applicatif,
        "adresse_email": examined.adresse_email or form.adresse_email,
        "fqdns": json.dumps(fqdns, ensure_ascii=False) if fqdns else None,
        "upn": examined.upn or form.upn,
        "email_acteur": examined.email_acteur,
        "email_informe": examined.email_informe or form.email_informe,
        "contenu": examined.contenu,
        "code_erreur": refusal.code.value if refusal else None,
        "champ_erreur": refusal.champ if refusal else None,
        "texte_erreur": refusal.text if refusal else None,
        "cree_le": now,
        "modifie_le": now,
    }
    return row if refusal is None else row | _as_far_as_it_fits(row, fqdns)


def _as_far_as_it_fits(row: dict[str, Any], fqdns: Sequence[str]) -> dict[str, Any]:
    """What a refused form said, cut and made readable: nothing that a sender writes may stop the other items."""
    fitted: dict[str, Any] = {
        name: readable(row[name], length) for name, length in _WRITTEN_BY_SENDERS.items() if row[name] is not None
    }
    if fqdns:
        fitted["fqdns"] = json.dumps([readable(name, _FQDN_LENGTH) for name in fqdns[:MAX_FQDNS]], ensure_ascii=False)
    return fitted


def _lines(candidate: Candidate, origin: Origin, etat: EtatDemande, now: datetime) -> list[dict[str, Any]]:
    form = candidate.examined.form
    used = history.habilitation_used(form.offre, form.structure)
    last = {
        EtatDemande.VALIDEE: CodeAction.VALIDATED,
        EtatDemande.REJETEE: CodeAction.REJECTED,
        EtatDemande.ANNULEE: CodeAction.CANCELLED,
    }[etat]
    return [
        history.line(candidate.numero, origin, now, CodeAction.RECORDED, EtatDemande.ENREGISTREE, used),
        history.line(candidate.numero, origin, now, last, etat, used),
    ]
