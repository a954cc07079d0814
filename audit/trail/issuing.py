"""What was announced, signed and given up, against the certificates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select

from audit import expected
from audit.context import Audit
from audit.reading.asn1 import DerError
from audit.reading.certificate import read_certificate
from audit.reading.rows import name_of, snapshot
from audit.trail.told import Reading, short
from storage import tables

INTENT, ABANDONED, ISSUED = "INTENTION", "ABANDON", "EMISSION"
_AT_ONCE = 400
_CLOCKS = timedelta(minutes=5)
_certificat = tables.Certificat
Told = tuple[int | None, str, str, str]


class _Certificates(msgspec.Struct):
    certificats: list[Told]


class Issuing:
    """Per certificate eight octets of a hash are kept in memory, to find those that were never told."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._announced: dict[tuple[str, str], tuple[int, str]] = {}
        self._issued: set[int] = set()

    def check(self, line: tables.PisteAudit) -> None:
        """See Part."""
        told = msgspec.json.decode(line.contenu, type=_Certificates).certificats
        if line.acte == ABANDONED:
            self._check_abandoned(line, told)
        else:
            self._check_certificates(line, told)

    def _check_certificates(self, line: tables.PisteAudit, told: Sequence[Told]) -> None:
        rows = named_rows(self._reading.audit, [(autorite, serial) for _, autorite, serial, _ in told])
        for numero, autorite, serial, digest in told:
            row = rows.get((autorite, serial))
            if row is not None and line.acte == ISSUED:
                self._issued.add(short(autorite, serial))
            if row is None and line.acte == INTENT:
                # Perhaps never signed: a later line may say that it was given up.
                self._announced[autorite, serial] = (line.numero, digest)
            elif row is None:
                self._reading.found(line, f"{autorite} {serial} : ce certificat a disparu de la base")
            elif row.id_demande != numero:
                self._reading.found(line, f"{autorite} {serial} : il a été émis pour une autre demande ({numero})")
            elif text := _issued_fault(line, row, digest) if line.acte == ISSUED else _intent_fault(line, row, digest):
                self._reading.found(line, f"{name_of(row)} : {text}")

    def _check_abandoned(self, line: tables.PisteAudit, told: Sequence[Told]) -> None:
        """Only what was announced with the same bytes, is not there and was never issued can have been given up."""
        for _numero, autorite, serial, digest in told:
            announced = self._announced.pop((autorite, serial), None)
            if short(autorite, serial) in self._issued or announced is None or announced[1] != digest:
                self._reading.found(line, f"{autorite} {serial} : abandonné ici, mais émis ou jamais annoncé")

    def conclude(self) -> None:
        """See Part."""
        for (autorite, serial), (numero, _digest) in self._announced.items():
            self._reading.found_at(f"ligne {numero}", f"{autorite} {serial} : ce certificat a disparu de la base")
        self._reading.untold(ISSUED, _certificat.emis_le, self._issued, "émis sans que la piste le dise")


def _issued_fault(line: tables.PisteAudit, row: Any, digest: str) -> str | None:  # noqa: ANN401 -- a row
    if row.der is None or hashlib.sha256(row.der).hexdigest() != digest:
        return "ce n'est plus le certificat qui a été émis"
    return None if row.emis_le == line.date else "il a été émis à une autre date"


def _intent_fault(line: tables.PisteAudit, row: Any, digest: str) -> str | None:  # noqa: ANN401 -- a row
    if _signed_part(row) != digest:
        return "le contenu signé n'est pas celui qui était annoncé"
    in_time = line.date - expected.MOST_BACKDATED <= row.not_before <= line.date + _CLOCKS
    return None if in_time else "sa validité ne commence pas quand il a été préparé"


def named_rows(audit: Audit, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """The certificates that a line names, by authority and serial."""
    wanted = set(keys)
    serials = sorted({serial for _, serial in wanted})
    found: dict[tuple[str, str], Any] = {}
    with snapshot(audit.db) as session:
        for start in range(0, len(serials), _AT_ONCE):
            rows = session.execute(_named(_certificat.serial.in_(serials[start : start + _AT_ONCE])))
            found.update({(row.autorite, row.serial): row for row in rows})
    return {key: row for key, row in found.items() if key in wanted}


def _named(condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 -- a SELECT
    return select(
        _certificat.autorite,
        _certificat.serial,
        _certificat.id_demande,
        _certificat.tbs,
        _certificat.der,
        _certificat.emis_le,
        _certificat.revoque_le,
        _certificat.raison_crl,
        _certificat.raison_modifiee_le,
        _certificat.not_before,
    ).where(condition)


def _signed_part(row: Any) -> str | None:  # noqa: ANN401 -- a row of certificat
    try:
        signed = read_certificate(row.der).tbs if row.der is not None else bytes(row.tbs or b"")
    except DerError:
        return None
    return hashlib.sha256(signed).hexdigest()
