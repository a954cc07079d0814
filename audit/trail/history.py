"""The history of every demande: whether its lines tell a life that is possible, and the one that its rows have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import pages, snapshot
from audit.trail.operators.acteurs import Acteurs
from storage import tables

RECORDED, REJECTED, VALIDATED, CANCELLED = "ACT_DCL_001", "ACT_DCL_004", "ACT_DCL_005", "ACT_DCL_006"
WITHDRAWN, HANDED_OVER, ISSUED, GIVEN_UP = "ACT_RET_001", "ACT_IGC_003", "ACT_IGC_004", "ACT_IGC_005"
RENEWAL_ASKED, REVOKED, OVERDUE = "ACT_RNV_001", "ACT_IGC_006", "ACT_IGC_008"

_BEGINNING = ""
# Which step may follow which in the life of a demande.
_NEXT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        _BEGINNING: frozenset({RECORDED}),
        RECORDED: frozenset({VALIDATED, REJECTED, CANCELLED, GIVEN_UP}),
        VALIDATED: frozenset({HANDED_OVER, CANCELLED, GIVEN_UP}),
        HANDED_OVER: frozenset({ISSUED, CANCELLED, GIVEN_UP}),
        ISSUED: frozenset({WITHDRAWN, CANCELLED, OVERDUE}),
        # What was signed of it meanwhile, or before, is revoked; or the operator revokes what was withdrawn.
        CANCELLED: frozenset({REVOKED}),
        OVERDUE: frozenset({REVOKED}),
        GIVEN_UP: frozenset({REVOKED}),
        WITHDRAWN: frozenset({RENEWAL_ASKED, REVOKED}),
        # Again when the renewal of before was cancelled, or came to nothing.
        RENEWAL_ASKED: frozenset({RENEWAL_ASKED, REVOKED}),
    }
)
# The etat that each step leaves the demande in; the certificate's revocation leaves it as it is.
_ETATS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        RECORDED: frozenset({"ENREGISTREE"}),
        REJECTED: frozenset({"REJETEE"}),
        VALIDATED: frozenset({"VALIDEE"}),
        CANCELLED: frozenset({"ANNULEE"}),
        OVERDUE: frozenset({"ANNULEE"}),
        WITHDRAWN: frozenset({"CLOSE"}),
        RENEWAL_ASKED: frozenset({"CLOSE"}),
        HANDED_OVER: frozenset({"TRANSMISE"}),
        ISSUED: frozenset({"TRANSMISE"}),
        GIVEN_UP: frozenset({"NON_TRAITEE"}),
        REVOKED: frozenset({"ANNULEE", "NON_TRAITEE", "CLOSE"}),
    }
)
_AUTOMATIC = {HANDED_OVER, ISSUED, GIVEN_UP, OVERDUE, REVOKED}
_PERSONAL = {RECORDED, REJECTED, VALIDATED, WITHDRAWN, RENEWAL_ASKED}
_SYSTEM = "PFCNG-MG"
# A step is dated before it waits for the rows it changes, at most as long before as a writer waits.
_WAITING = timedelta(seconds=60)
# Canals and workers may run on machines whose clocks differ.
_CLOCKS = timedelta(minutes=5)
# A limit is followed within the minute; after so long nobody follows it.
_FOLLOWED = timedelta(hours=1)
_ORPHANS_TOLD = 500
_demande, _historique, _certificat = tables.Demande, tables.Historique, tables.Certificat
_revocation = tables.DemandeRevocation


@dataclass(frozen=True, slots=True)
class Story:
    """A demande with its lines in order and its certificate, if there is one."""

    demande: Any
    lines: Sequence[Any]
    certificat: Any | None


def check_history(audit: Audit) -> None:
    """Look at every demande that changed in the scope, then for lines of demandes that are not there."""
    since = audit.scope.since
    changed = [] if since is None else [_demande.modifie_le >= since]
    with audit.db.read() as session:
        total = session.scalar(select(func.count()).select_from(_demande).where(*changed))
    audit.meter.start("Historique", total)
    query = select(
        _demande.id, _demande.canal, _demande.etat, _demande.etat_produit, _demande.code_erreur, _demande.offre,
        _demande.id_structure, _demande.id_acteur, _demande.id_administrateur, _demande.cree_le,
        _demande.limite_retrait, _demande.id_lot, _demande.produit_emis_le, _demande.produit_fin_le,
    ).where(*changed)  # fmt: skip
    acteurs = Acteurs(audit)
    for rows, stories in pages(audit.db, query, _demande.id, _stories):
        now = audit.clock()
        for story in stories:
            who = acteurs.faults(story.demande, story.lines) if story.lines else ()
            for text in (*story_faults(story, now), *who):
                audit.report.add(Topic.HISTORY, f"demande n° {story.demande.id}", text)
        audit.report.checked["demandes"] += len(rows)
        audit.meter.advance(len(rows))
    _check_orphans(audit)


def _stories(session: Session, rows: Sequence[Any]) -> list[Story]:
    numeros = [row.id for row in rows]
    lines: dict[int, list[Any]] = defaultdict(list)
    columns = (
        _historique.id_demande, _historique.canal, _historique.date, _historique.code_action, _historique.etat,
        _historique.type_acteur, _historique.acteur, _historique.habilitations_acteur, _historique.administrateur,
        _historique.emetteur, _historique.serie,
    )  # fmt: skip
    for line in session.execute(select(*columns).where(_historique.id_demande.in_(numeros)).order_by(_historique.id)):
        lines[line.id_demande].append(line)
    certificat = select(
        _certificat.id_demande, _certificat.emis_le, _certificat.retire_le, _certificat.revoque_le,
        _certificat.not_after,
    ).where(_certificat.id_demande.in_(numeros))  # fmt: skip
    certificats = {row.id_demande: row for row in session.execute(certificat)}
    return [Story(row, lines[row.id], certificats.get(row.id)) for row in rows]


def _check_orphans(audit: Audit) -> None:
    query = (
        select(_historique.id_demande, func.count().label("lines"))
        .outerjoin(_demande, _demande.id == _historique.id_demande)
        .outerjoin(_revocation, _revocation.id == _historique.id_demande)
        .where(_demande.id.is_(None), _revocation.id.is_(None))
        .group_by(_historique.id_demande)
        .limit(_ORPHANS_TOLD)
    )
    with snapshot(audit.db) as session:
        found = session.execute(query).all()
    for numero, lines in found:
        audit.report.add(Topic.HISTORY, f"demande n° {numero}", f"{lines} ligne(s) d'une demande qui n'existe pas")


def story_faults(story: Story, now: datetime) -> Iterator[str]:
    """Everything that is wrong with the life of a demande; after a step that cannot be, the rest is not judged."""
    if not story.lines:
        yield "aucune ligne d'historique"
        return
    broken = _broken_step(story.lines)
    if broken is not None:
        yield broken
        return
    yield from _line_faults(story)
    if story.lines[-1].etat != story.demande.etat:
        yield f"état {story.demande.etat}, mais sa dernière ligne dit {story.lines[-1].etat}"
        return
    steps = {line.code_action for line in story.lines}
    yield from _certificate_faults(story, steps)
    yield from _product_faults(story, steps, now)
    yield from _limit_faults(story, now)


def _broken_step(lines: Sequence[Any]) -> str | None:
    step, last_etat = _BEGINNING, ""
    past: set[str] = set()
    for rank, line in enumerate(lines, 1):
        code, etat = line.code_action, line.etat
        possible = code in _NEXT.get(step, ()) and etat in _ETATS.get(code, ())
        if code == REVOKED:
            possible = possible and HANDED_OVER in past and etat == last_etat
        if not possible:
            return f"ligne {rank} impossible à cette place : {code} {etat}"
        step, last_etat = code, etat
        past.add(code)
    return None


def _line_faults(story: Story) -> Iterator[str]:
    latest = story.lines[0].date
    if story.lines[0].canal != story.demande.canal:
        yield "le canal de la demande n'est pas celui de son enregistrement"
    if story.lines[0].date != story.demande.cree_le:
        yield "la date de la demande n'est pas celle de son enregistrement"
    for rank, line in enumerate(story.lines, 1):
        if line.date < latest - _WAITING:
            yield f"ligne {rank} : date antérieure à celle d'une ligne d'avant"
        latest = max(latest, line.date)
        is_system = (line.canal, line.type_acteur, line.acteur) == ("SYSTEM", _SYSTEM, "")
        if (line.code_action in _AUTOMATIC and not is_system) or (
            line.code_action in _PERSONAL and (line.canal == "SYSTEM" or line.type_acteur == _SYSTEM)
        ):
            who = line.acteur or line.type_acteur
            yield f"ligne {rank} : {line.code_action} n'est pas un pas de {who} par {line.canal}"


def _certificate_faults(story: Story, steps: set[str]) -> Iterator[str]:
    certificat = story.certificat
    issued = certificat is not None and certificat.emis_le is not None
    if certificat is not None and HANDED_OVER not in steps:
        yield "un certificat existe, et la demande n'a jamais été transmise à l'AC"
    if certificat is None and HANDED_OVER in steps:
        yield "transmise à l'AC, et ni certificat ni contenu à signer n'existent"
    elif issued and not steps & {ISSUED, REVOKED}:
        yield "le certificat est signé, et aucune ligne ne le dit"
    elif not issued and steps & {ISSUED, REVOKED}:
        yield "une ligne dit le certificat signé, il ne l'est pas"
    yield from _date_faults(story)
    if certificat is None:
        return
    if (certificat.retire_le is not None) != (WITHDRAWN in steps):
        yield "le retrait du certificat et celui de l'historique ne vont pas ensemble"
    if issued and certificat.revoque_le is None and story.demande.etat in {"ANNULEE", "NON_TRAITEE"}:
        yield f"demande {story.demande.etat}, et son certificat n'est pas révoqué"


def _date_faults(story: Story) -> Iterator[str]:
    """The dates of the certificate are those of the steps: each is written with its line."""
    certificat, demande = story.certificat, story.demande
    dates = {line.code_action: line.date for line in story.lines}
    told = None, None
    if certificat is not None and certificat.emis_le is not None:
        told = certificat.emis_le, certificat.not_after
    if (demande.produit_emis_le, demande.produit_fin_le) != told:
        yield "les dates du produit dans la demande ne sont pas celles de son certificat : les recherches se trompent"
    if certificat is None:
        return
    if certificat.retire_le is not None and certificat.retire_le != dates.get(WITHDRAWN, certificat.retire_le):
        yield "la date de retrait du certificat n'est pas celle de l'historique"
    if certificat.emis_le is not None and certificat.emis_le != dates.get(ISSUED, certificat.emis_le):
        yield "la date d'émission du certificat n'est pas celle de l'historique"
    if None not in (certificat.retire_le, certificat.emis_le) and certificat.retire_le < certificat.emis_le - _CLOCKS:
        yield "retiré avant d'être émis"


def _product_faults(story: Story, steps: set[str], now: datetime) -> Iterator[str]:
    """Only called when the etat is that of the history."""
    demande, certificat = story.demande, story.certificat
    produit = demande.etat_produit
    if (demande.code_erreur is not None) != (demande.etat in {"REJETEE", "NON_TRAITEE"} or OVERDUE in steps):
        yield f"demande {demande.etat} {'avec' if demande.code_erreur else 'sans'} code d'erreur"
    issued = certificat is not None and certificat.emis_le is not None
    revoked = certificat is not None and certificat.revoque_le is not None
    if (produit is not None) != issued:
        yield f"état du produit {produit or 'absent'}, le certificat {'est signé' if issued else 'n’est pas signé'}"
    elif produit is not None and (produit == "REVOQUE") != revoked:
        yield f"état du produit {produit}, le certificat {'est révoqué' if revoked else 'n’est pas révoqué'}"
    elif produit == "REVOQUE" and REVOKED not in steps:
        yield "le certificat est révoqué, et aucune ligne ne le dit"
    elif produit == "A_RETIRER" and demande.etat != "TRANSMISE":
        yield f"produit à retirer d'une demande {demande.etat}"
    elif produit in {"ACTIF", "EXPIRE"} and demande.etat != "CLOSE":
        yield f"produit {produit} d'une demande {demande.etat}"
    elif produit == "EXPIRE" and certificat is not None and certificat.not_after > now:
        yield "produit expiré avant la fin de son certificat"
    elif produit not in {None, "A_RETIRER", "ACTIF", "EXPIRE", "REVOQUE"}:
        yield f"état du produit inconnu : {produit}"


def _limit_faults(story: Story, now: datetime) -> Iterator[str]:
    """Withdrawn before the limit, ended by it not before, and not long after."""
    demande, limit = story.demande, story.demande.limite_retrait
    dates = {line.code_action: line.date for line in story.lines}
    if OVERDUE in dates and (limit is None or dates[OVERDUE] < limit):
        yield "annulée pour délai de retrait dépassé avant sa date limite"
    if limit is None:
        return
    if WITHDRAWN in dates and dates[WITHDRAWN] >= limit + _CLOCKS:
        yield "retirée après sa date limite"
    if demande.etat_produit == "A_RETIRER" and demande.etat == "TRANSMISE" and now > limit + _FOLLOWED:
        yield "encore à retirer, longtemps après sa date limite : le traitement ne suit pas les délais"
