"""Who was registered, by which certificates, with which habilitations: all that was told and not ended is there.

And nothing else is: a right that no line gave is somebody's who wrote into the database.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.context import Audit
from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

ACTEUR, IDENTITY, IDENTITY_ENDED, GRANTED, ENDED = (
    "ACTEUR", "IDENTITE", "FIN_IDENTITE", "HABILITATION", "FIN_HABILITATION",
)  # fmt: skip
ACTES = (ACTEUR, IDENTITY, IDENTITY_ENDED, GRANTED, ENDED)
_PAGE = 1_000
_acteur, _identite, _habilitation, _line = tables.Acteur, tables.Identite, tables.Habilitation, tables.PisteAudit

Identity = tuple[str, str]
Right = tuple[int, str, str, str, str | None]
Period = tuple[datetime | None, datetime | None]


class _Acteur(msgspec.Struct):
    acteur: int
    sha256: str


class _Identity(msgspec.Struct):
    """Where a line of an end has no ``fin``, an older plateforme removed the row."""

    acteur: int
    emetteur: str
    serie: str
    fin: datetime | None = None


class _Right(msgspec.Struct):
    """As ``_Identity``."""

    acteur: int
    role: str
    offre: str
    structure: str
    domaine: str | None
    debut: datetime | None = None
    fin: datetime | None = None


class Rights:
    """Follows the lines in their order; what is right at the end is compared with the tables at one moment."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._acteurs: dict[int, str] = {}
        self._identities: dict[Identity, tuple[int, datetime | None]] = {}
        self._rights: dict[Right, list[Period]] = defaultdict(list)

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        if line.acte == ACTEUR:
            acteur = msgspec.json.decode(line.contenu, type=_Acteur)
            self._acteurs[acteur.acteur] = acteur.sha256
        elif line.acte in (IDENTITY, IDENTITY_ENDED):
            one = msgspec.json.decode(line.contenu, type=_Identity)
            if line.acte == IDENTITY or one.fin is not None:
                self._identities[one.emetteur, one.serie] = (one.acteur, one.fin)
            else:
                self._identities.pop((one.emetteur, one.serie), None)
        else:
            told = msgspec.json.decode(line.contenu, type=_Right)
            periods = self._rights[told.acteur, told.role, told.offre, told.structure, told.domaine]
            if line.acte == GRANTED:
                periods.append((told.debut, told.fin))
            else:
                _end(periods, told)

    def conclude(self) -> None:
        """See Part. Lines and tables are of one moment: what was told since the trail was read is read first."""
        with snapshot(self._reading.audit.db) as session:
            later = select(_line).where(_line.acte.in_(ACTES), _line.numero > self._reading.read)
            for line in session.scalars(later.order_by(_line.numero)):
                self.check(line)
            self._compare_acteurs(session)
            self._compare_identities(session)
            self._compare_rights(session)

    def _compare_acteurs(self, session: Session) -> None:
        left = dict(self._acteurs)
        for row in session.execute(select(_acteur.__table__).execution_options(yield_per=_PAGE)):
            told = left.pop(row.id, None)
            if told is None:
                self._reading.found_at(f"acteur {row.id}", "inscrit sans que la piste le dise")
            elif told != _digest(row):
                self._reading.found_at(f"acteur {row.id}", "n'est plus celui qui a été inscrit")
        for ident in left:
            self._reading.found_at(f"acteur {ident}", "inscrit selon la piste, il n'est plus dans la base")

    def _compare_identities(self, session: Session) -> None:
        left = dict(self._identities)
        columns = select(_identite.id_acteur, _identite.issuer_sha256, _identite.serial, _identite.fin_le)
        for ident, issuer, serial, fin in session.execute(columns.execution_options(yield_per=_PAGE)):
            told, ends = left.pop((bytes(issuer).hex(), serial), (None, None))
            if told is None:
                self._reading.found_at(f"certificat client {serial}", "reconnu sans que la piste le dise")
            elif told != ident:
                text = f"reconnu pour l'acteur {ident}, la piste dit {told}"
                self._reading.found_at(f"certificat client {serial}", text)
            elif ends != fin:
                self._reading.found_at(f"certificat client {serial}", "sa fin n'est pas celle que dit la piste")
        for (_issuer, serial), (ident, _fin) in left.items():
            text = f"reconnu pour l'acteur {ident} selon la piste, il ne l'est plus dans la base"
            self._reading.found_at(f"certificat client {serial}", text)

    def _compare_rights(self, session: Session) -> None:
        row = _habilitation
        columns = select(row.id_acteur, row.role, row.offre, row.id_structure, row.domaine, row.debut_le, row.fin_le)
        there: dict[Right, list[Period]] = defaultdict(list)
        for found in session.execute(columns.execution_options(yield_per=_PAGE)):
            right = (found.id_acteur, found.role, found.offre, found.id_structure, found.domaine)
            there[right].append((found.debut_le, found.fin_le))
        for right in sorted({*there, *self._rights}, key=str):
            fault = _fault(there.get(right, []), self._rights.get(right, []))
            if fault is not None:
                self._reading.found_at(_named(right), fault)


def _end(periods: list[Period], told: _Right) -> None:
    """Of what was told as given, the one that this line ends."""
    for place, (begins, ends) in enumerate(periods):
        if told.fin is None:
            del periods[place]
            return
        if begins == told.debut and (ends is None or ends > told.fin):
            periods[place] = (begins, told.fin)
            return


def _fault(there: list[Period], told: list[Period]) -> str | None:
    if Counter(there) == Counter(told):
        return None
    if len(there) == len(told):
        return "ses dates ne sont pas celles que dit la piste"
    if len(there) > len(told):
        return "donnée sans que la piste le dise"
    return "donnée selon la piste, elle n'est plus dans la base"


def _named(right: Right) -> str:
    ident, _role, offre, structure, domaine = right
    return f"habilitation {offre} {structure} {domaine or ''}".rstrip() + f" de l'acteur {ident}"


def _digest(row: Any) -> str:  # noqa: ANN401 -- a row of acteur
    values = [row.plateforme, row.type_acteur, row.id_national, row.type_personne, row.libelle]
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()


def recognised(audit: Audit) -> dict[Identity, set[int]]:
    """The acteurs for whom each client certificate was ever registered, as the trail says."""
    found: dict[Identity, set[int]] = {}
    for contenu in _contents(audit):
        try:
            one = msgspec.json.decode(contenu, type=_Identity)
        except msgspec.MsgspecError:
            continue  # the check of the trail names it
        found.setdefault((one.emetteur, one.serie), set()).add(one.acteur)
    return found


def _contents(audit: Audit) -> Iterator[str]:
    last = 0
    while True:
        with snapshot(audit.db) as session:
            rows = session.execute(
                select(_line.numero, _line.contenu)
                .where(_line.acte == IDENTITY, _line.numero > last)
                .order_by(_line.numero)
                .limit(_PAGE)
            ).all()
        yield from (row.contenu for row in rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1].numero
