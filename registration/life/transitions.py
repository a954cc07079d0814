"""The one door through which a demande gets its etat: the state table is asked, the row changed, the history written.

The caller holds the rows and knows that they may take the step. What does not follow an arrow of the table is not
written: TransitionError, and the caller's transaction ends with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, Update, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from registration.life import history
from registration.rules.rights import Rights, standing_of
from registration.rules.states import STEPS, Step
from registration.values import Origin
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit, offre_of
from storage import counts, tables
from storage.bulk import insert_rows, slices

_demande = tables.Demande
_IN_WHICH_STATE = (
    select(_demande.id_lot, _demande.etat, _demande.etat_produit, func.count())
    .where(_demande.id.in_(bindparam("numeros", expanding=True)))
    .group_by(_demande.id_lot, _demande.etat, _demande.etat_produit)
)


def _dates() -> dict[str, Any]:
    """When the certificate of a demande was signed and until when it is valid: searches compare them in the demande."""
    table, certificat = cast("Table", _demande.__table__), cast("Table", tables.Certificat.__table__)
    signed = (certificat.c.id_demande == table.c.id, certificat.c.emis_le.is_not(None))
    return {
        name: select(column).where(*signed).correlate(table).scalar_subquery()
        for name, column in (("produit_emis_le", certificat.c.emis_le), ("produit_fin_le", certificat.c.not_after))
    }


_DATED = (
    update(cast("Table", _demande.__table__))
    .where(cast("Table", _demande.__table__).c.id.in_(bindparam("numeros", expanding=True)))
    .values(_dates())
)


class TransitionError(Exception):
    """A demande was to take a step that its etat does not allow: a fault of ours, and nothing is written."""


def enter(
    session: Session,
    origin: Origin,
    entries: Iterable[tuple[dict[str, Any], CodeAction]],
    rights: Rights,
    now: datetime,
    *,
    cancelled_by: Origin | None = None,
) -> None:
    """Insert demandes, each a row without its etat and the first step that it takes; two lines of history each.

    The first step leads away from Enregistrée: nobody ever sees a demande before its verdict. NOT_PROCESSED is a step
    of the plateforme itself, CANCELLED one of ``cancelled_by``, every other one of ``origin``.
    """
    rows: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    unprocessed: list[int] = []
    for values, action in entries:
        etat = STEPS[action].etat
        if etat is None or EtatDemande.ENREGISTREE not in STEPS[action].among:
            raise TransitionError(f"{action.name} is no first step")
        rows.append(values | {"etat": etat.value, "etat_produit": None})
        standing = standing_of(
            origin.acteur, rights, offre_of(values["offre"]), values["id_structure"], values["id_beneficiaire"]
        )
        numero = values["id"]
        lines.append(history.line(numero, origin, now, CodeAction.RECORDED, EtatDemande.ENREGISTREE, standing))
        if action is CodeAction.NOT_PROCESSED:
            unprocessed.append(numero)
        else:
            who = cancelled_by if cancelled_by is not None and action is CodeAction.CANCELLED else origin
            lines.append(history.line(numero, who, now, action, etat, standing))
    insert_rows(session, tables.Demande, rows)
    for row in rows:
        if row["id_lot"] is not None:
            counts.note(session, (row["id_lot"], row["etat"], counts.NO_PRODUIT), 1, now)
    history.append(session, lines)
    history.append_system(session, unprocessed, now, CodeAction.NOT_PROCESSED)


def move(session: Session, action: CodeAction, numeros: Collection[int], now: datetime, **values: Any) -> None:  # noqa: ANN401 -- columns of the row
    """Have these demandes take a step of the plateforme itself; ``values`` are further columns that it sets.

    ISSUED dates them by their certificates, which are stored before.
    """
    _update(session, action, numeros, now, values)
    history.append_system(session, numeros, now, action)


def date(session: Session, numeros: Collection[int]) -> None:
    """Date by their certificates demandes that ended while these were signed: no step does it."""
    for part in slices(numeros):
        session.connection().execute(_DATED, {"numeros": part})


def move_by(
    session: Session,
    origin: Origin,
    action: CodeAction,
    demandes: Sequence[tables.Demande],
    rights: Rights,
    now: datetime,
) -> None:
    """Have these demandes take a step that the acteur of ``origin`` takes, by one of the ``rights`` he has now."""
    _update(session, action, [demande.id for demande in demandes], now, {})
    etat = STEPS[action].etat
    if etat is None:
        raise TransitionError(f"{action.name} is no step of an acteur")
    history.append(
        session,
        [
            history.line(
                demande.id,
                origin,
                now,
                action,
                etat,
                standing_of(
                    origin.acteur, rights, offre_of(demande.offre), demande.id_structure, demande.id_beneficiaire
                ),
            )
            for demande in demandes
        ],
    )


def tell_renewals(session: Session, origin: Origin, numeros: Collection[int], rights: Rights, now: datetime) -> None:
    """Have the history of these demandes say that the acteur asks for a renewal of their certificates.

    The demandes stay in their etat; that of the renewal names the one it renews.
    """
    demande = tables.Demande
    columns = (demande.id, demande.etat, demande.offre, demande.id_structure, demande.id_beneficiaire)
    lines: list[dict[str, Any]] = []
    for part in slices(sorted(numeros)):
        for numero, etat, offre, structure, beneficiaire in session.execute(
            select(*columns).where(demande.id.in_(part)).order_by(demande.id)
        ):
            standing = standing_of(origin.acteur, rights, offre_of(offre), structure, beneficiaire)
            action = CodeAction.RENEWAL_RECORDED
            lines.append(history.line(numero, origin, now, action, EtatDemande(etat), standing))
    history.append(session, lines)


def _update(
    session: Session, action: CodeAction, numeros: Collection[int], now: datetime, values: dict[str, Any]
) -> None:
    step = STEPS[action]
    statement = _statement(action, tuple(sorted(values)))
    told = {"now": now, **{f"to_{name}": value for name, value in values.items()}}
    for part in slices(numeros):
        _count(session, step, part, now)
        done = session.connection().execute(statement, {**told, "numeros": part})
        if done.rowcount != len(part):
            raise TransitionError(f"{action.name}: not every demande of {part} may take this step")


@cache
def _statement(action: CodeAction, columns: tuple[str, ...]) -> Update:
    """The statement of a step that also sets these columns, made once."""
    step, table = STEPS[action], cast("Table", tables.Demande.__table__)
    changed: dict[str, Any] = {"modifie_le": bindparam("now")}
    changed |= {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in columns}
    if step.etat is not None:
        changed["etat"] = step.etat.value
    if step.produit is not None:
        changed["etat_produit"] = step.produit.value
    if action is CodeAction.ISSUED:
        changed |= _dates()
    among = table.c.id.in_(bindparam("numeros", expanding=True))
    return update(table).where(among, *_allowed(step)).values(changed)


def _count(session: Session, step: Step, numeros: list[int], now: datetime) -> None:
    """Note for each lot how many of these rows leave which state for which one."""
    rows = session.connection().execute(_IN_WHICH_STATE, {"numeros": numeros})
    for id_lot, etat, produit, number in rows:
        if id_lot is not None:
            counts.note(session, (id_lot, etat, produit or counts.NO_PRODUIT), -number, now)
            after = str(step.etat or etat), str(step.produit or produit or counts.NO_PRODUIT)
            counts.note(session, (id_lot, *after), number, now)


def _allowed(step: Step) -> list[ColumnElement[bool]]:
    """The conditions under which the tables allow the step: asked by the statement that takes it."""
    demande = tables.Demande
    conditions: list[ColumnElement[bool]] = [demande.etat.in_([etat.value for etat in step.among])]
    if step.produits != frozenset({None, *EtatProduit}):
        named = demande.etat_produit.in_([produit.value for produit in step.produits if produit is not None])
        conditions.append(or_(demande.etat_produit.is_(None), named) if None in step.produits else named)
    return conditions
