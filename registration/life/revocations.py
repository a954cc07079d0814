"""The one door of demandes de révocation: the state table is asked, the row written, the history told, counts kept.

The caller holds the demande of the certificate: whoever changes what waits for its day does. TransitionError for what
follows no arrow of the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from registration.errors import IgcError
from registration.life import history
from registration.life.transitions import TransitionError
from registration.rules.rights import Standing
from registration.rules.states import REVOCATION
from registration.values import Origin
from registration.vocabulary import CodeAction, EtatRevocation, Motif, ResultatRevocation
from storage import counts, tables
from storage.bulk import insert_rows, slices

_row = tables.DemandeRevocation
_table = cast("Table", _row.__table__)
_WAITS = _row.etat == EtatRevocation.VALIDEE.value
_AMONG = _row.id.in_(bindparam("numeros", expanding=True))
_LOTS = select(_row.id_lot, func.count()).where(_AMONG, _row.id_lot.is_not(None)).group_by(_row.id_lot)
ENDED = {
    ResultatRevocation.REVOQUE: EtatRevocation.CLOSE,
    ResultatRevocation.DEJA_REVOQUE: EtatRevocation.CLOSE,
    ResultatRevocation.REMPLACEE: EtatRevocation.CLOSE,
    ResultatRevocation.EXPIRE: EtatRevocation.NON_TRAITEE,
    ResultatRevocation.ABANDONNEE: EtatRevocation.NON_TRAITEE,
}
FIRST = {
    ResultatRevocation.PROGRAMMEE: EtatRevocation.VALIDEE,
    ResultatRevocation.REVOQUE: EtatRevocation.CLOSE,
    ResultatRevocation.RAISON_CHANGEE: EtatRevocation.CLOSE,
    ResultatRevocation.DEJA_REVOQUE: EtatRevocation.CLOSE,
    ResultatRevocation.REFUSEE: EtatRevocation.NON_TRAITEE,
    # Of a lot that was cancelled before its batch came to it.
    ResultatRevocation.ABANDONNEE: EtatRevocation.NON_TRAITEE,
}


class Entry(NamedTuple):
    """A row without etat and result, the result with which it begins, and by which right its acteur asks."""

    values: dict[str, Any]
    resultat: ResultatRevocation
    standing: Standing


class Waiting(NamedTuple):
    """A demande that waits for its day."""

    numero: int
    id_certificat: int
    motif: Motif
    autre_motif: str | None
    effet_le: datetime


def enter(
    session: Session, origin: Origin, entries: Iterable[Entry], now: datetime, *, given_up_by: Origin | None = None
) -> None:
    """Insert demandes with what their result makes of them; two or three lines of history each.

    Those that are given up at once are so by ``given_up_by``.
    """
    rows: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    ended: dict[EtatRevocation, list[int]] = {EtatRevocation.CLOSE: [], EtatRevocation.NON_TRAITEE: []}
    steps: Counter[tuple[int, str]] = Counter()
    for values, resultat, standing in entries:
        etat, numero = FIRST[resultat], values["id"]
        rows.append(values | {"etat": etat.value, "resultat": resultat.value})
        recorded = [EtatRevocation.ENREGISTREE]
        if resultat is not ResultatRevocation.REFUSEE:
            recorded.append(EtatRevocation.VALIDEE)
        lines += [
            history.line(numero, origin, now, CodeAction.REVOCATION_RECORDED, step, standing) for step in recorded
        ]
        if resultat is ResultatRevocation.ABANDONNEE:
            action = CodeAction.REVOCATION_GIVEN_UP
            lines.append(history.line(numero, given_up_by or origin, now, action, etat, standing))
        elif etat in ended:
            ended[etat].append(numero)
        if values["id_lot"] is not None:
            steps[values["id_lot"], etat.value] += 1
    insert_rows(session, _row, rows)
    for (id_lot, etat_value), number in steps.items():
        counts.note(session, (id_lot, etat_value, counts.NO_PRODUIT), number, now)
    history.append(session, lines)
    for etat, numeros in ended.items():
        history.append_system_revocations(session, numeros, now, _BY_SYSTEM[etat])


_BY_SYSTEM = {
    EtatRevocation.CLOSE: CodeAction.REVOCATION_CLOSED,
    EtatRevocation.NON_TRAITEE: CodeAction.REVOCATION_NOT_PROCESSED,
}


def end(
    session: Session,
    numeros: Sequence[int],
    resultat: ResultatRevocation,
    now: datetime,
    *,
    remplacee_par: int | None = None,
    refusal: IgcError | None = None,
) -> None:
    """End demandes that waited for their day, by the plateforme itself."""
    error = {} if refusal is None else {"code_erreur": refusal.code.value, "texte_erreur": refusal.text}
    _end(session, numeros, resultat, now, {"remplacee_par": remplacee_par, **error})
    history.append_system_revocations(session, numeros, now, _BY_SYSTEM[ENDED[resultat]])


def give_up(session: Session, origin: Origin, standings: Mapping[int, Standing], now: datetime) -> None:
    """End demandes that wait for their day, by numero, because who may revoke wants so, each by a right of his."""
    resultat, numeros = ResultatRevocation.ABANDONNEE, sorted(standings)
    _end(session, numeros, resultat, now, {})
    action, etat = CodeAction.REVOCATION_GIVEN_UP, ENDED[resultat]
    history.append(session, [history.line(one, origin, now, action, etat, standings[one]) for one in numeros])


def _end(
    session: Session, numeros: Sequence[int], resultat: ResultatRevocation, now: datetime, values: dict[str, Any]
) -> None:
    etat = ENDED[resultat]
    if etat not in REVOCATION[EtatRevocation.VALIDEE]:
        raise TransitionError(f"{resultat.name} is no end")
    for part in slices(numeros):
        for id_lot, number in session.execute(_LOTS, {"numeros": part}):
            if id_lot is not None:
                counts.note(session, (id_lot, EtatRevocation.VALIDEE.value, counts.NO_PRODUIT), -number, now)
                counts.note(session, (id_lot, etat.value, counts.NO_PRODUIT), number, now)
        done = session.connection().execute(
            update(_table)
            .where(_row.id.in_(part), _WAITS)
            .values(values | {"etat": etat.value, "resultat": resultat.value, "modifie_le": now})
        )
        if done.rowcount != len(part):
            raise TransitionError(f"{resultat.name}: not every demande de révocation of {part} waits for its day")


def waiting_for(session: Session, certificats: Collection[int]) -> dict[int, Waiting]:
    """What waits for its day, by the id of its certificate."""
    found: dict[int, Waiting] = {}
    columns = (_row.id, _row.id_certificat, _row.motif, _row.autre_motif, _row.effet_le)
    for part in slices(sorted(certificats)):
        for numero, certificat, motif, text, effet_le in session.execute(
            select(*columns).where(_WAITS, _row.id_certificat.in_(part))
        ):
            if certificat is not None and motif is not None and effet_le is not None:
                found[certificat] = Waiting(numero, certificat, Motif(motif), text, effet_le)
    return found


def done_for(session: Session, certificats: Collection[int]) -> dict[int, tuple[int, Motif | None]]:
    """The numero and motif of the demande by which each certificate was revoked last, as far as somebody asked for it.

    Keyed by the id of the certificate.
    """
    done = (ResultatRevocation.REVOQUE.value, ResultatRevocation.RAISON_CHANGEE.value)
    found: dict[int, tuple[int, Motif | None]] = {}
    for part in slices(sorted(certificats)):
        rows = session.execute(
            select(_row.id, _row.id_certificat, _row.motif)
            .where(_row.id_certificat.in_(part), _row.resultat.in_(done))
            .order_by(_row.id)
        )
        found |= {
            certificat: (numero, None if motif is None else Motif(motif))
            for numero, certificat, motif in rows
            if certificat is not None
        }
    return found


def close_superseded(session: Session, certificats: Collection[int], now: datetime) -> None:
    """What waits for its day has nothing to do any more: these certificates are revoked now, whoever had it done."""
    superseded = sorted(one.numero for one in waiting_for(session, certificats).values())
    if superseded:
        end(session, superseded, ResultatRevocation.REMPLACEE, now)


def where_it_stands(session: Session, numero: int) -> tuple[EtatRevocation, ResultatRevocation]:
    """Etat and result of one demande; the caller has found it."""
    etat, resultat = session.execute(select(_row.etat, _row.resultat).where(_row.id == numero)).one()
    return EtatRevocation(etat), ResultatRevocation(resultat)


def is_any_due(session: Session, now: datetime) -> bool:
    """Whether the day of any demande has come."""
    return bool(session.scalar(select(exists().where(_WAITS, _row.effet_le <= now))))


def due(session: Session, now: datetime, limit: int) -> list[tuple[int, int]]:
    """(numero, demande of the certificate) of those whose day has come, the earliest first."""
    query = select(_row.id, _row.id_demande).where(_WAITS, _row.effet_le <= now).order_by(_row.effet_le, _row.id)
    return [(numero, demande) for numero, demande in session.execute(query.limit(limit)) if demande is not None]


def lock_waiting(session: Session, numeros: Collection[int]) -> dict[int, Waiting]:
    """Those of these that still wait, locked, by the id of their certificate; demandes were locked before."""
    found = session.execute(
        select(_row.id, _row.id_certificat, _row.motif, _row.autre_motif, _row.effet_le)
        .where(_WAITS, _row.id.in_(numeros))
        .order_by(_row.id)
        .with_for_update(key_share=True)
    )
    return {
        certificat: Waiting(numero, certificat, Motif(motif), text, effet_le)
        for numero, certificat, motif, text, effet_le in found
        if certificat is not None and motif is not None and effet_le is not None
    }
