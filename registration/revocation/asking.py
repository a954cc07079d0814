"""Demandes de révocation of who has logged in (guide §11.1): judged, recorded and, unless they wait for a day, done.

One path for a single one and for the items of a lot, in the caller's transaction: what is recorded as done is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.errors import Code, ConflictError, IgcError, NotFoundError
from registration.life import lot_structures, revocations
from registration.life.numbers import numbered
from registration.life.revocations import Entry, Waiting
from registration.notices.owing import owe_asked
from registration.revocation.revoking import revoke
from registration.revocation.targets import AuthorityNames, Target, Targets, find_targets
from registration.revocation_views import RevocationResult
from registration.rules.asked_revocation import Wish, check_validity, choose_role, hint, judge_form
from registration.rules.limits import is_reference
from registration.rules.revocation import Outcome, judge
from registration.rules.rights import NO_STANDING, Rights, Standing, revoking_standings
from registration.rules.states import CANCELLABLE
from registration.values import Acteur, Origin, RevocationForm
from registration.vocabulary import LABELS, EtatProduit, Motif, ResultatRevocation, Role
from registration.wording import day, moment
from runtime.clock import Clock
from storage.database import Database

_DONE = {ResultatRevocation.REVOQUE, ResultatRevocation.RAISON_CHANGEE}
_OUTCOMES = {
    Outcome.REVOKED: ResultatRevocation.REVOQUE,
    Outcome.STRENGTHENED: ResultatRevocation.RAISON_CHANGEE,
    Outcome.UNCHANGED: ResultatRevocation.DEJA_REVOQUE,
}


@dataclass(slots=True)
class Asked:
    """A form on its way: what it asks for, whom it means and what becomes of it; or why it is refused."""

    form: RevocationForm
    numero: int
    wish: Wish | None = None
    target: Target | None = None
    role: Role | None = None
    standing: Standing = NO_STANDING
    result: RevocationResult | None = None
    refusals: tuple[IgcError, ...] = ()


@dataclass(slots=True)
class Plan:
    """What is to be written for some forms: ``superseded`` are (numero that waits, numero that takes its place).

    Each item of a lot has a row of its own: none can be told as one that waits already. Of one that ``is_cancelled``
    nothing is to be done any more.
    """

    is_lot: bool
    is_cancelled: bool = False
    asked: list[Asked] = field(default_factory=list)
    superseded: list[tuple[int, int]] = field(default_factory=list)


def revoke_one(
    db: Database, origin: Origin, form: RevocationForm, names: AuthorityNames, clock: Clock
) -> RevocationResult:
    """Revoke one certificate at once, or have it revoked on a day; nothing is recorded when it is refused.

    What was revoked before is told with its date and reason and recorded no more (DEJA_REVOQUE), unless Vol or Perte
    makes its reason stronger; the same day asked for again gives the same numero. Refusals: those of ``judge_form``,
    ERR_IHM_026 without the right, ERR_WS_032 or 063 for what the acteur may not know of; ConflictError ERR_WS_061 for a
    certificate that is to be withdrawn, 062 for one that has expired or is none, 067 when another day waits.
    """
    with numbered(db, demandes=1) as (session, numero, _):
        session.connection()  # the wait for other writers comes before the date
        now = clock()
        plan = examine(session, origin.acteur, [form], names, now, first_numero=numero, hold=True, is_lot=False)
        (asked,) = plan.asked
        if asked.refusals:
            raise asked.refusals[0]
        result = result_of(asked)
        # What gives the number of an earlier demande, or none, has nothing to record.
        if result.numero == numero:
            carry_out(session, origin, plan, now)
    return result


def result_of(asked: Asked) -> RevocationResult:
    """What is told of a form that was not refused."""
    if asked.result is None:
        raise RuntimeError("a form is refused or has a result")
    return asked.result


def examine(
    session: Session,
    acteur: Acteur,
    forms: Sequence[RevocationForm],
    names: AuthorityNames,
    now: datetime,
    *,
    first_numero: int,
    hold: bool,
    is_lot: bool = True,
    is_cancelled: bool = False,
) -> Plan:
    """What would become of each form, one after the other; nothing is written. With ``hold`` it stays true.

    Of a lot that ``is_cancelled``, what would be done is given up instead.

    Numeros run from ``first_numero``; below 1 they are nobody's, and never told.
    """
    judged = [judge_form(form, now) for form in forms]
    wishes = [one for one in judged if isinstance(one, Wish)]
    rights = load_rights(session, acteur)
    targets = find_targets(session, acteur, wishes, names, hold=hold)
    known = [target.id_certificat for target in targets.all() if target.id_certificat]
    waiting, earlier = revocations.waiting_for(session, known), revocations.done_for(session, known)
    world = World(acteur, rights, names, now, targets, waiting, earlier)
    plan = Plan(is_lot, is_cancelled)
    for numero, (form, verdict) in enumerate(zip(forms, judged, strict=True), first_numero):
        asked = Asked(form, numero)
        if isinstance(verdict, Wish):
            asked.wish = verdict
            try:
                _decide(world, plan, asked, verdict)
            except IgcError as refusal:
                asked.refusals = (refusal,)
        else:
            asked.refusals = verdict
        plan.asked.append(asked)
    return plan


@dataclass(slots=True)
class World:
    """What the decisions are made on; each one changes it for those behind it."""

    acteur: Acteur
    rights: Rights
    names: AuthorityNames
    now: datetime
    targets: Targets
    waiting: dict[int, Waiting]
    earlier: dict[int, tuple[int, Motif | None]]


def _decide(world: World, plan: Plan, asked: Asked, wish: Wish) -> None:
    target = world.targets.of(wish, world.names)
    if target is None:
        if wish.numero is not None:
            raise NotFoundError(Code.DEMANDE_UNKNOWN, champ="numeroProduit")
        raise NotFoundError(Code.CERTIFICATE_UNKNOWN, champ="numeroSerie", indice=hint(wish.serie))
    if target.offre is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN, champ="numeroProduit")
    held = revoking_standings(world.acteur, world.rights, target.offre, target.structure, target.beneficiaire)
    asked.role = choose_role(wish.role, held)
    asked.standing = held[asked.role]
    settle(world, plan, asked, wish, target)


def settle(world: World, plan: Plan, asked: Asked, wish: Wish, target: Target) -> None:
    """What becomes of a wish whose target and right are known; refusals as of ``revoke_one``."""
    asked.target = target
    resultat = outcome_of(target, wish, world.now)
    waiting = world.waiting.get(target.id_certificat)
    if resultat is ResultatRevocation.DEJA_REVOQUE:
        numero, motif = world.earlier.get(target.id_certificat, (None, None))
        asked.result = _told(target, resultat, numero, motif, target.revoque_le)
    elif plan.is_cancelled:
        asked.result = _told(target, ResultatRevocation.ABANDONNEE, asked.numero, wish.motif, None)
    elif resultat is ResultatRevocation.PROGRAMMEE:
        asked.result = _planned(world, plan, asked, wish, target)
    else:
        if waiting is not None:
            plan.superseded.append((world.waiting.pop(target.id_certificat).numero, asked.numero))
        revoked = replace(
            target, produit=EtatProduit.REVOQUE, revoque_le=target.revoque_le or world.now, raison=wish.raison
        )
        world.targets.put(revoked)
        world.earlier[target.id_certificat] = (asked.numero, wish.motif)
        asked.result = _told(revoked, resultat, asked.numero, wish.motif, world.now)


def outcome_of(target: Target, wish: Wish, now: datetime) -> ResultatRevocation:
    """What the state of a certificate makes of such a wish now.

    ConflictError ERR_WS_061 for what is to be cancelled instead, 062 for what cannot be revoked any more; ERR_WS_037
    for a day behind its end.
    """
    if target.produit in {None, EtatProduit.A_RETIRER}:
        if target.etat in CANCELLABLE:
            raise ConflictError(Code.REVOCATION_TO_CANCEL, numero=target.numero)
        raison = f"la demande n° {target.numero} est dans l'état {LABELS[target.etat]}, sans certificat."
        raise ConflictError(Code.REVOCATION_NOT_ACTIVE, raison=raison)
    outcome = judge(
        wish.raison, revoque_le=target.revoque_le, raison_crl=target.raison, not_after=target.not_after, now=now
    )
    if outcome is Outcome.EXPIRED:
        raison = f"il a expiré le {moment(target.not_after)}, il n'y a plus rien à faire."
        raise ConflictError(Code.REVOCATION_NOT_ACTIVE, raison=raison)
    if outcome is Outcome.REVOKED and wish.effet_le is not None:
        check_validity(wish.effet_le, target.not_after)
        return ResultatRevocation.PROGRAMMEE
    return _OUTCOMES[outcome]


def _planned(world: World, plan: Plan, asked: Asked, wish: Wish, target: Target) -> RevocationResult:
    effet_le, waiting = wish.effet_le, world.waiting.get(target.id_certificat)
    if effet_le is None:
        raise RuntimeError("what waits has a day")
    wanted = Waiting(asked.numero, target.id_certificat, wish.motif, wish.autre_motif, effet_le)
    if waiting is None:
        waiting = world.waiting[target.id_certificat] = wanted
    elif plan.is_lot or waiting._replace(numero=asked.numero) != wanted:
        which = f" (demande n° {waiting.numero})" if waiting.numero > 0 else ""
        raise ConflictError(Code.REVOCATION_PENDING, jour=day(waiting.effet_le), laquelle=which)
    return _told(target, ResultatRevocation.PROGRAMMEE, waiting.numero, wish.motif, effet_le)


def _told(
    target: Target, resultat: ResultatRevocation, numero: int | None, motif: Motif | None, effet_le: datetime | None
) -> RevocationResult:
    return RevocationResult(
        resultat=resultat,
        numero=numero,
        numero_produit=target.numero,
        autorite=target.autorite,
        serial=target.serial,
        motif=motif,
        effet_le=effet_le,
        revoque_le=target.revoque_le,
        raison=target.raison,
    )


def carry_out(
    session: Session,
    origin: Origin,
    plan: Plan,
    now: datetime,
    *,
    id_lot: int | None = None,
    first_position: int | None = None,
    given_up_by: Origin | None = None,
) -> None:
    """Record what was examined and held, and revoke what is not to wait. The wish of who is refused revokes nothing.

    ``given_up_by`` is who cancelled the lot.
    """
    entries, raisons = [], {}
    for rank, asked in enumerate(plan.asked):
        position = None if first_position is None else first_position + rank
        resultat = asked.result.resultat if asked.result else ResultatRevocation.REFUSEE
        entries.append(Entry(_row(asked, origin, now, id_lot, position), resultat, asked.standing))
        if resultat in _DONE and asked.target is not None and asked.wish is not None:
            raisons[asked.target.id_certificat] = asked.wish.raison
    revocations.enter(session, origin, entries, now, given_up_by=given_up_by)
    if id_lot is not None:
        found = ((one.target.structure, one.target.offre) for one in plan.asked if one.target is not None)
        lot_structures.note(session, origin.acteur.plateforme, id_lot, found)
    for waiting, numero in plan.superseded:
        revocations.end(session, [waiting], ResultatRevocation.REMPLACEE, now, remplacee_par=numero)
    if raisons:
        named = f"lot {id_lot}" if id_lot is not None else f"n° {plan.asked[0].numero}"
        revoke(session, raisons, now, f"demande de révocation, {named}")
    owe_asked(session, [entry.values["id"] for entry in entries if entry.resultat is ResultatRevocation.REVOQUE], now)


def _row(asked: Asked, origin: Origin, now: datetime, id_lot: int | None, position: int | None) -> dict[str, Any]:
    wish, target, reference = asked.wish, asked.target, asked.form.reference
    row: dict[str, Any] = {
        "id": asked.numero,
        "plateforme": origin.acteur.plateforme.value,
        "canal": origin.canal.value,
        "id_lot": id_lot,
        "position": position,
        "reference": reference if reference is not None and is_reference(reference) else None,
        "id_acteur": None if origin.acteur.is_nobody else origin.acteur.id,
        "id_administrateur": origin.administrateur.id if origin.administrateur else None,
        "role": asked.role.value if asked.role else None,
        "id_demande": target.numero if target else None,
        "id_certificat": (target.id_certificat or None) if target else None,
        "motif": wish.motif.value if wish else None,
        "autre_motif": wish.autre_motif if wish else None,
        "effet_le": (wish.effet_le or now) if wish else None,
        "differee": wish is not None and wish.effet_le is not None,
        "email": wish.email if wish else None,
        "remplacee_par": None,
        "cree_le": now,
        "modifie_le": now,
    }
    return row | _error(asked.refusals)


def _error(refusals: Sequence[IgcError]) -> dict[str, str | None]:
    if not refusals:
        return dict.fromkeys(("code_erreur", "champ_erreur", "texte_erreur"))
    first = refusals[0]
    return {"code_erreur": first.code.value, "champ_erreur": first.champ, "texte_erreur": first.text}
