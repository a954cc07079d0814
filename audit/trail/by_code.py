"""Revocations by code, without login: the trail tells each, and no other demande comes without an acteur."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

BY_CODE, CODES_REFUSED = "REVOCATION_PAR_CODE", "CODES_REFUSES"
_row, _certificat = tables.DemandeRevocation, tables.Certificat


class _ByCode(msgspec.Struct):
    demande: int
    certificat: tuple[str, str]


class _Refused(msgspec.Struct):
    nombre: int
    depuis: str


class ByCode:
    """A demande that a line tells is there, of nobody, for that certificate."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: set[int] = set()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part; of codes that were refused no row remains."""
        if line.acte == CODES_REFUSED:
            msgspec.json.decode(line.contenu, type=_Refused)
            return
        told = msgspec.json.decode(line.contenu, type=_ByCode)
        query = (
            select(_row.id_acteur, _certificat.autorite, _certificat.serial)
            .outerjoin(_certificat, _certificat.id == _row.id_certificat)
            .where(_row.id == told.demande)
        )
        with snapshot(self._reading.audit.db) as session:
            row = session.execute(query).one_or_none()
        self._told.add(told.demande)
        if row is None or row.id_acteur is not None or (row.autorite, row.serial) != told.certificat:
            text = f"demande de révocation n° {told.demande} : faite par code ici, la base ne la dit pas ainsi"
            self._reading.found(line, text)

    def conclude(self) -> None:
        """See Part."""
        query = select(_row.id).where(_row.id_acteur.is_(None), _row.cree_le >= self._reading.began)
        with snapshot(self._reading.audit.db) as session:
            untold = set(session.scalars(query)) - self._told
        if untold:
            untold -= {told.demande for told in self._reading.later(BY_CODE, _ByCode)}
        for numero in sorted(untold):
            text = "elle n'a pas d'acteur, et la piste ne dit pas qu'elle s'est faite par code"
            self._reading.found_at(f"demande de révocation n° {numero}", text)
