"""Which demandes the CA core refused, and which certificates were withdrawn with which code, against the rows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.told import Reading, short
from storage import tables

REFUSED, WITHDRAWN = "REFUS", "RETRAIT"
_demande, _certificat, _code = tables.Demande, tables.Certificat, tables.CodeRevocation
_acceptation = tables.Acceptation


class _Demandes(msgspec.Struct):
    demandes: list[int]


class _Retrait(msgspec.Struct):
    """``cgu`` and ``pc``, each version and digest, are not in the lines of before they were kept."""

    demandes: list[int]
    code: str
    cgu: tuple[str, str] | None = None
    pc: tuple[str, str] | None = None


class Refusals:
    """A demande that was refused has ended."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Demandes).demandes
        with snapshot(self._reading.audit.db) as session:
            query = select(_demande.id, _demande.etat).where(_demande.id.in_(told))
            etats = {row.id: row.etat for row in session.execute(query)}
        for numero in told:
            if etats.get(numero) != "NON_TRAITEE":
                text = f"demande n° {numero} : refusée ici, la base la dit {etats.get(numero, 'inconnue')}"
                self._reading.found(line, text)

    def conclude(self) -> None:
        """See Part."""


class Retraits:
    """What was withdrawn is, at the date and with the code of that moment."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: set[int] = set()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Retrait)
        query = (
            select(
                _certificat.id_demande,
                _certificat.autorite,
                _certificat.serial,
                _certificat.retire_le,
                _code.empreinte,
                _demande.id_acteur,
                _acceptation.id_acteur.label("accepted_by"),
                _acceptation.acceptee_le,
                _acceptation.cgu_version,
                _acceptation.cgu_empreinte,
                _acceptation.pc_version,
                _acceptation.pc_empreinte,
            )
            .join(_demande, _demande.id == _certificat.id_demande)
            .outerjoin(_code, _code.id == _certificat.id_code_revocation)
            .outerjoin(_acceptation, _acceptation.id == _certificat.id_acceptation)
            .where(_certificat.id_demande.in_(told.demandes))
        )
        with snapshot(self._reading.audit.db) as session:
            rows = {row.id_demande: row for row in session.execute(query)}
        for numero in told.demandes:
            row = rows.get(numero)
            if row is None or row.retire_le is None:
                self._reading.found(line, f"demande n° {numero} : retirée ici, elle ne l'est plus dans la base")
                continue
            self._told.add(short(row.autorite, row.serial))
            if row.retire_le != line.date:
                self._reading.found(line, f"demande n° {numero} : retirée à une autre date que celle de la base")
            if row.empreinte is None or hashlib.sha256(row.empreinte.encode()).hexdigest() != told.code:
                self._reading.found(line, f"demande n° {numero} : son code de révocation a été remplacé")
            if told.cgu is not None and not _is_accepted(row, told, line.date):
                self._reading.found(line, f"demande n° {numero} : son acceptation n'est pas celle de cette ligne")

    def conclude(self) -> None:
        """See Part."""
        query = select(_certificat.id_demande, _certificat.autorite, _certificat.serial).where(
            _certificat.retire_le >= self._reading.began
        )
        with snapshot(self._reading.audit.db) as session:
            rows = session.execute(query.execution_options(yield_per=1_000))
            untold = [row.id_demande for row in rows if short(row.autorite, row.serial) not in self._told]
        if not untold:
            return
        later = {numero for told in self._reading.later(WITHDRAWN, _Retrait) for numero in told.demandes}
        for numero in untold:
            if numero not in later:
                self._reading.found_at(f"demande n° {numero}", "retirée sans que la piste le dise")


def _is_accepted(row: Any, told: _Retrait, moment: datetime) -> bool:  # noqa: ANN401 -- a row
    """By its requester, at that moment, and the texts of that moment."""
    by_requester = (row.accepted_by, row.acceptee_le) == (row.id_acteur, moment)
    cgu, pc = (row.cgu_version, row.cgu_empreinte), (row.pc_version, row.pc_empreinte)
    return by_requester and (cgu, pc) == (told.cgu, told.pc)
