"""Demandes de révocation: whether the lines of each tell a life that is possible, and its certificate the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import pages
from audit.trail.operators.acteurs import Acteurs
from storage import tables

RECORDED, GIVEN_UP, DONE, NOT_DONE = "ACT_REV_001", "ACT_REV_002", "ACT_IGC_007", "ACT_IGC_009"
Step = tuple[str, str]
_NEXT: Mapping[Step | None, frozenset[Step]] = MappingProxyType(
    {
        None: frozenset({(RECORDED, "ENREGISTREE")}),
        (RECORDED, "ENREGISTREE"): frozenset({(RECORDED, "VALIDEE"), (NOT_DONE, "NON_TRAITEE")}),
        (RECORDED, "VALIDEE"): frozenset({(DONE, "CLOSE"), (NOT_DONE, "NON_TRAITEE"), (GIVEN_UP, "NON_TRAITEE")}),
    }
)
# What each result goes with: the etat, and whether the certificate is revoked (None: nothing follows).
_RESULTS: Mapping[str, tuple[str, bool | None]] = MappingProxyType(
    {
        "REVOQUE": ("CLOSE", True),
        "RAISON_CHANGEE": ("CLOSE", True),
        "DEJA_REVOQUE": ("CLOSE", True),
        "REMPLACEE": ("CLOSE", True),
        "PROGRAMMEE": ("VALIDEE", False),
        "ABANDONNEE": ("NON_TRAITEE", None),
        "EXPIRE": ("NON_TRAITEE", None),
        "REFUSEE": ("NON_TRAITEE", None),
    }
)
_RAISONS = {"VOL": "keyCompromise", "PERTE": "keyCompromise", "FIN_ACTIVITE": "cessationOfOperation"}
# A relay looks every few seconds; what was down for a day is told by other means.
_LATE = timedelta(hours=1)
_CLOCKS = timedelta(minutes=5)
_row, _line, _certificat = tables.DemandeRevocation, tables.Historique, tables.Certificat


@dataclass(frozen=True, slots=True)
class Asked:
    """A demande de révocation with its lines in order and its certificate, if it has one."""

    row: Any
    lines: Sequence[Any]
    certificat: Any | None


def check_asked(audit: Audit) -> None:
    """Look at every demande de révocation that changed in the scope."""
    since = audit.scope.since
    changed = [] if since is None else [_row.modifie_le >= since]
    query = select(*_row.__table__.columns).where(*changed)
    acteurs = Acteurs(audit)
    for rows, asked in pages(audit.db, query, _row.id, _complete):
        now = audit.clock()
        for one in asked:
            who = acteurs.asked_faults(one.row, one.lines) if one.lines else ()
            for text in (*asked_faults(one, now), *who):
                audit.report.add(Topic.HISTORY, f"demande de révocation n° {one.row.id}", text)
        audit.report.checked["demandes de révocation"] += len(rows)


def _complete(session: Session, rows: Sequence[Any]) -> list[Asked]:
    lines: dict[int, list[Any]] = defaultdict(list)
    query = select(*_line.__table__.columns).where(_line.id_demande.in_([row.id for row in rows]))
    for line in session.execute(query.order_by(_line.id)):
        lines[line.id_demande].append(line)
    columns = (_certificat.id, _certificat.id_demande, _certificat.revoque_le, _certificat.raison_crl)
    named = [row.id_certificat for row in rows if row.id_certificat is not None]
    found = session.execute(select(*columns).where(_certificat.id.in_(named)))
    certificats = {row.id: row for row in found}
    return [Asked(row, lines[row.id], certificats.get(row.id_certificat)) for row in rows]


def asked_faults(asked: Asked, now: datetime) -> Iterator[str]:
    """Everything that is wrong with one; after a step that cannot be, the rest is not judged."""
    if not asked.lines:
        yield "aucune ligne d'historique"
        return
    step: Step | None = None
    for rank, line in enumerate(asked.lines, 1):
        following = (line.code_action, line.etat)
        if following not in _NEXT.get(step, ()):
            yield f"ligne {rank} impossible à cette place : {line.code_action} {line.etat}"
            return
        step = following
        is_system = (line.canal, line.type_acteur, line.acteur) == ("SYSTEM", "PFCNG-MG", "")
        if is_system != (line.code_action in {DONE, NOT_DONE}):
            yield f"ligne {rank} : {line.code_action} n'est pas un pas de {line.acteur or line.type_acteur}"
    row = asked.row
    if asked.lines[-1].etat != row.etat:
        yield f"état {row.etat}, mais sa dernière ligne dit {asked.lines[-1].etat}"
    if asked.lines[0].date != row.cree_le:
        yield "la date de la demande n'est pas celle de son enregistrement"
    yield from _result_faults(asked, now)


def _result_faults(asked: Asked, now: datetime) -> Iterator[str]:
    row, certificat = asked.row, asked.certificat
    etat, revoked = _RESULTS.get(row.resultat, (None, None))
    if row.etat != etat:
        yield f"état {row.etat} avec le résultat {row.resultat}"
        return
    if (row.code_erreur is not None) != (row.resultat in {"REFUSEE", "EXPIRE"}):
        yield f"résultat {row.resultat} {'avec' if row.code_erreur else 'sans'} code d'erreur"
    if revoked is None:
        return
    if certificat is None or certificat.id_demande != row.id_demande:
        yield "elle ne nomme pas de certificat, ou celui d'une autre demande"
    elif (certificat.revoque_le is not None) != revoked:
        yield f"résultat {row.resultat}, et le certificat {'n’est pas' if revoked else 'est'} révoqué"
    elif row.resultat == "PROGRAMMEE":
        if row.effet_le is None or not row.differee:
            yield "elle attend un jour, et n'en a pas"
        elif row.effet_le + _LATE < now:
            yield f"son jour est passé depuis le {row.effet_le:%d/%m/%Y %H:%M} UTC, et rien n'est fait"
    elif row.resultat in {"REVOQUE", "RAISON_CHANGEE"}:
        yield from _done_faults(row, certificat)


def _done_faults(row: Any, certificat: Any) -> Iterator[str]:  # noqa: ANN401 -- rows
    """What it had done stands in the certificate, whose reason can only have grown."""
    if certificat.raison_crl not in {_RAISONS.get(row.motif, "unspecified"), "keyCompromise"}:
        yield f"motif {row.motif}, et le certificat est révoqué pour {certificat.raison_crl}"
    if row.resultat == "REVOQUE" and row.effet_le is not None and certificat.revoque_le < row.effet_le - _CLOCKS:
        yield "le certificat est révoqué avant la date d'effet"
