"""Which lists were signed, under which numbers, and how far a restoration moved the numbers, against the rows."""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy import select

from audit.reading.rows import snapshot
from audit.trail.told import Reading
from storage import tables

CRL, RESTORED = "CRL", "RESTAURATION"
_crl, _line, _compteur = tables.Crl, tables.PisteAudit, tables.Compteur


class _Lists(msgspec.Struct):
    autorite: str
    numero: int
    complete: str | None = None
    delta: str | None = None
    reprise: bool = False


class _Restored(msgspec.Struct):
    listes: dict[str, tuple[int, int, int]]
    compteurs: dict[str, tuple[int, int]]


class Lists:
    """The lists in force are those that the trail told last; a number is told once, and never goes back."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._lists: dict[str, dict[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._counters: dict[str, int] = {}

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        if line.acte == RESTORED:
            told = msgspec.json.decode(line.contenu, type=_Restored)
            for name, (_stored, _seen, following) in told.listes.items():
                self._numbers[name] = max(self._numbers.get(name, 0), following)
            for nom, (_stood, following) in told.compteurs.items():
                self._counters[nom] = max(self._counters.get(nom, 0), following)
            return
        lists = msgspec.json.decode(line.contenu, type=_Lists)
        highest = self._numbers.get(lists.autorite, 0)
        if lists.numero <= highest and not lists.reprise:
            text = f"CRL n° {lists.numero} de {lists.autorite} : un numéro donné après le n° {highest}"
            self._reading.found(line, text)
        self._numbers[lists.autorite] = max(highest, lists.numero)
        self._note(lists)

    def _note(self, lists: _Lists) -> None:
        told = self._lists.setdefault(lists.autorite, {})
        told |= {kind: digest for kind in ("complete", "delta") if (digest := getattr(lists, kind)) is not None}

    def conclude(self) -> None:
        """See Part. Newer lists may have come meanwhile."""
        with snapshot(self._reading.audit.db) as session:
            stored = session.execute(
                select(_crl.autorite, _crl.der, _crl.delta, _crl.publie_le, _crl.dernier_numero)
            ).all()
            counters = session.execute(select(_compteur.nom, _compteur.prochain)).all()
            later = select(_line).where(_line.acte == CRL, _line.numero > self._reading.read).order_by(_line.numero)
            for line in session.scalars(later):
                self._note(msgspec.json.decode(line.contenu, type=_Lists))
        for row in stored:
            subject, told = f"CRL de {row.autorite}", self._lists.get(row.autorite, {})
            if not told and self._reading.began is not None and row.publie_le >= self._reading.began:
                self._reading.found_at(subject, "publiée sans que la piste le dise")
            for kind, der in (("complete", row.der), ("delta", row.delta)):
                if told and der is not None and told.get(kind) != hashlib.sha256(der).hexdigest():
                    self._reading.found_at(f"{subject} ({kind})", "celle de la base n'est pas celle de la piste")
            if row.dernier_numero < self._numbers.get(row.autorite, 0):
                text = f"la base en est au n° {row.dernier_numero}, la piste au n° {self._numbers[row.autorite]}"
                self._reading.found_at(subject, text)
        for nom, prochain in counters:
            if prochain < self._counters.get(nom, 0):
                self._reading.found_at(f"numéros de {nom}", f"revenus à {prochain} depuis une restauration")
