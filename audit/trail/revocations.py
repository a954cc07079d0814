"""What was revoked, when and why, and which keys were blocked, against the rows as they are now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import select

from audit.reading.rows import PAGE, name_of, snapshot
from audit.trail.issuing import named_rows
from audit.trail.told import Reading, short
from storage import tables

REVOKED, KEY_BLOCKED = "REVOCATION", "CLE_INTERDITE"
_certificat, _blocked = tables.Certificat, tables.CleInterdite


class _Revocations(msgspec.Struct):
    certificats: list[tuple[str, str, str, str]]


class _Keys(msgspec.Struct):
    cles: list[str]


class Revocations:
    """The last line of a certificate says what its row must say; what differs so far is kept until then."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: set[int] = set()
        self._differing: dict[tuple[str, str], tuple[int, str]] = {}

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Revocations).certificats
        rows = named_rows(self._reading.audit, [(autorite, serial) for autorite, serial, *_ in told])
        for autorite, serial, raison, date in told:
            row = rows.get((autorite, serial))
            if row is None or row.revoque_le is None:
                self._reading.found(line, f"{autorite} {serial} : révoqué ici, il ne l'est plus dans la base")
                continue
            key = short(autorite, serial)
            changed = line.date if key in self._told else None
            self._told.add(key)
            text = _difference(row, raison, date, changed)
            if text is None:
                self._differing.pop((autorite, serial), None)
            else:
                self._differing[autorite, serial] = (line.numero, f"{name_of(row)} : {text}")

    def conclude(self) -> None:
        """See Part."""
        for (autorite, serial), (numero, text) in self._differing.items():
            if not self._reading.told_meanwhile(f'"{autorite}","{serial}"', REVOKED):
                self._reading.found_at(f"ligne {numero}", text)
        self._reading.untold(REVOKED, _certificat.revoque_le, self._told, "révoqué sans que la piste le dise")


def _difference(row: Any, raison: str, date: str, changed: datetime | None) -> str | None:  # noqa: ANN401 -- a row
    if row.raison_crl != raison:
        return f"révoqué ici pour {raison}, la base dit {row.raison_crl}"
    if row.revoque_le.astimezone(UTC).isoformat(timespec="microseconds") != date:
        return f"révoqué ici le {date}, la base dit une autre date"
    if row.raison_modifiee_le != changed:
        return "la base dit une autre date pour le changement de raison"
    return None


class BlockedKeys:
    """Keys that nobody may present any more: what was told is there, what is there was told."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: set[bytes] = set()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        keys = {bytes.fromhex(key) for key in msgspec.json.decode(line.contenu, type=_Keys).cles}
        self._told |= {key[:8] for key in keys}
        with snapshot(self._reading.audit.db) as session:
            query = select(_blocked.spki_sha256).where(_blocked.spki_sha256.in_(keys))
            there = {bytes(key) for key in session.scalars(query)}
        for key in sorted(keys - there):
            self._reading.found(line, f"clé {key.hex()} : interdite ici, elle ne l'est plus dans la base")

    def conclude(self) -> None:
        """See Part."""
        last = b""
        while True:
            with snapshot(self._reading.audit.db) as session:
                keys = session.scalars(
                    select(_blocked.spki_sha256)
                    .where(_blocked.cree_le >= self._reading.began, _blocked.spki_sha256 > last)
                    .order_by(_blocked.spki_sha256)
                    .limit(PAGE)
                ).all()
            for key in (bytes(key) for key in keys):
                if key[:8] not in self._told and not self._reading.told_meanwhile(key.hex(), KEY_BLOCKED):
                    self._reading.found_at(f"clé {key.hex()}", "interdite sans que la piste le dise")
            if len(keys) < PAGE:
                return
            last = bytes(keys[-1])
