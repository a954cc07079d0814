"""What the lines of the audit trail say was done, against the rows: nothing told that is not there, nothing untold.

A new act is one more line of the table below, and its part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from audit.context import Audit
from audit.reading.rows import count
from audit.trail import by_code, demandes, issuing, published, revocations
from audit.trail.operators import administrateurs, imports, products, rights
from audit.trail.operators.room import Room
from audit.trail.told import Part, Reading
from audit.trail.vouched import HISTORY, HistorySeals
from storage import tables

# Which keys a process opened stands in no row; a notice that was tried again is a row like any other.
_UNCOMPARED = frozenset({"DEMARRAGE", "AVIS_RELANCES"})


class Acts:
    """Gives each line to the part that compares it; ``conclude`` says what the trail should have told as well."""

    def __init__(self, audit: Audit) -> None:
        self._reading = Reading(audit)
        issued, revoked = issuing.Issuing(self._reading), revocations.Revocations(self._reading)
        lists, granted = published.Lists(self._reading), rights.Rights(self._reading)
        self._history = HistorySeals(audit)
        self._room = Room(self._reading)
        named = administrateurs.Named
        self._parts: Mapping[str, Part] = {
            **dict.fromkeys((issuing.INTENT, issuing.ABANDONED, issuing.ISSUED), issued),
            revocations.REVOKED: revoked,
            revocations.KEY_BLOCKED: revocations.BlockedKeys(self._reading),
            **dict.fromkeys((published.CRL, published.RESTORED), lists),
            demandes.REFUSED: demandes.Refusals(self._reading),
            demandes.WITHDRAWN: demandes.Retraits(self._reading),
            **dict.fromkeys(rights.ACTES, granted),
            **dict.fromkeys(products.ACTES, products.Products(self._reading)),
            **dict.fromkeys(
                administrateurs.ACTES,
                named(self._reading, tables.Administrateur, administrateurs.ACTES, "de qui agit pour des tiers"),
            ),
            **dict.fromkeys(
                administrateurs.OPERATOR_ACTES,
                named(self._reading, tables.Operateur, administrateurs.OPERATOR_ACTES, "des opérateurs"),
            ),
            **dict.fromkeys((by_code.BY_CODE, by_code.CODES_REFUSED), by_code.ByCode(self._reading)),
            imports.IMPORTED: imports.Imports(self._reading),
            HISTORY: self._history,
        }

    def check(self, lines: Sequence[tables.PisteAudit]) -> None:
        """Compare what some lines say with the rows as they are now."""
        for line in lines:
            self._reading.began = self._reading.began or line.date
            self._reading.read = line.numero
            part = self._parts.get(line.acte)
            self._room.check(line)
            try:
                if part is not None:
                    part.check(line)
                elif line.acte not in _UNCOMPARED:
                    self._reading.found(line, f"un acte inconnu ({line.acte})")
            except (msgspec.MsgspecError, ValueError):
                self._reading.found(line, f"le contenu d'une ligne {line.acte} ne se lit pas")

    def conclude(self) -> None:
        """Name what stands in the rows and was never told, from the first line of the trail on."""
        if self._reading.began is None:
            self._history.conclude()
            if count(self._reading.audit.db):
                self._reading.found_at("piste", "elle est vide, et des certificats existent")
            return
        for part in dict.fromkeys(self._parts.values()):
            part.conclude()
