"""What the lines of the audit trail say was done, against the rows: nothing told that is not there, nothing untold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select

from audit.asn1 import DerError
from audit.context import Audit
from audit.findings import Topic
from audit.pages import KeyColumn, count, name_of, pages, snapshot
from audit.reading import read_certificate
from audit.vouched import HistorySeals
from storage import tables

INTENT, ISSUED, REVOKED, CRL, HISTORY = "INTENTION", "EMISSION", "REVOCATION", "CRL", "HISTORIQUE"
_AT_ONCE = 400
_certificat, _crl, _line = tables.Certificat, tables.Crl, tables.PisteAudit


class _Certificates(msgspec.Struct):
    certificats: list[tuple[int | None, str, str, str]]


class _Revocations(msgspec.Struct):
    certificats: list[tuple[str, str, str]]


class _Lists(msgspec.Struct):
    autorite: str
    numero: int
    complete: str | None = None
    delta: str | None = None


class Acts:
    """Collects what the trail tells; ``conclude`` says what it should have told as well.

    Per certificate eight octets of a hash are kept in memory, to find those that were never told.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._issued: set[int] = set()
        self._revoked: set[int] = set()
        self._lists: dict[str, dict[str, str]] = {}
        self._history = HistorySeals(audit)
        self._began: datetime | None = None
        self._read = 0

    def check(self, lines: Sequence[tables.PisteAudit]) -> None:
        """Compare what some lines say with the rows as they are now."""
        for line in lines:
            self._began = self._began or line.date
            self._read = line.numero
            try:
                self._check(line)
            except msgspec.MsgspecError:
                self._found(line, f"le contenu d'une ligne {line.acte} ne se lit pas")

    def _check(self, line: tables.PisteAudit) -> None:
        if line.acte in (INTENT, ISSUED):
            told = msgspec.json.decode(line.contenu, type=_Certificates).certificats
            self._check_certificates(line, told)
        elif line.acte == REVOKED:
            self._check_revoked(line, msgspec.json.decode(line.contenu, type=_Revocations).certificats)
        elif line.acte == CRL:
            self._note_lists(line)
        elif line.acte == HISTORY:
            self._history.check(line)

    def _check_certificates(self, line: tables.PisteAudit, told: Sequence[tuple[int | None, str, str, str]]) -> None:
        rows = self._rows([(autorite, serial) for _, autorite, serial, _ in told])
        for numero, autorite, serial, digest in told:
            row = rows.get((autorite, serial))
            if row is not None and line.acte == ISSUED:
                self._issued.add(_short(autorite, serial))
            if row is None:
                self._found(line, f"{autorite} {serial} : ce certificat a disparu de la base")
            elif row.id_demande != numero:
                self._found(line, f"{autorite} {serial} : il a été émis pour une autre demande ({numero})")
            elif line.acte == ISSUED:
                if row.der is None or hashlib.sha256(row.der).hexdigest() != digest:
                    self._found(line, f"{name_of(row)} : ce n'est plus le certificat qui a été émis")
            elif _signed_part(row) != digest:
                self._found(line, f"{name_of(row)} : le contenu signé n'est pas celui qui était annoncé")

    def _check_revoked(self, line: tables.PisteAudit, told: Sequence[tuple[str, str, str]]) -> None:
        rows = self._rows([(autorite, serial) for autorite, serial, _ in told])
        for autorite, serial, _reason in told:
            row = rows.get((autorite, serial))
            if row is None or row.revoque_le is None:
                self._found(line, f"{autorite} {serial} : révoqué ici, il ne l'est plus dans la base")
            else:
                self._revoked.add(_short(autorite, serial))

    def _rows(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        wanted = set(keys)
        serials = sorted({serial for _, serial in wanted})
        found: dict[tuple[str, str], Any] = {}
        with snapshot(self._audit.db) as session:
            for start in range(0, len(serials), _AT_ONCE):
                rows = session.execute(_named(_certificat.serial.in_(serials[start : start + _AT_ONCE])))
                found.update({(row.autorite, row.serial): row for row in rows})
        return {key: row for key, row in found.items() if key in wanted}

    def conclude(self) -> None:
        """Name what stands in the rows and was never told, from the first line of the trail on."""
        self._history.conclude()
        if self._began is None:
            return
        self._untold(ISSUED, _certificat.emis_le, self._issued, "émis sans que la piste le dise")
        self._untold(REVOKED, _certificat.revoque_le, self._revoked, "révoqué sans que la piste le dise")
        self._check_lists()

    def _untold(self, acte: str, moment: Any, told: set[int], text: str) -> None:  # noqa: ANN401 -- a column of dates
        condition = moment >= self._began
        if count(self._audit.db, condition) <= len(told):
            return
        query = select(_certificat.id, _certificat.autorite, _certificat.serial, _certificat.id_demande)
        key: KeyColumn = _certificat.id
        for rows, _ in pages(self._audit.db, query.where(condition), key, lambda _session, _rows: None):
            for row in rows:
                if _short(row.autorite, row.serial) not in told and not self._told_meanwhile(acte, row):
                    self._audit.report.add(Topic.TRAIL, name_of(row), text)

    def _told_meanwhile(self, acte: str, row: Any) -> bool:  # noqa: ANN401 -- a row of certificat
        """Whether a line written since the trail was read names it."""
        with snapshot(self._audit.db) as session:
            later = session.scalars(select(_line.contenu).where(_line.numero > self._read, _line.acte == acte))
            return any(f'"{row.autorite}","{row.serial}"' in contenu for contenu in later)

    def _check_lists(self) -> None:
        """The CRLs in force are those that the trail told last; newer ones may have come meanwhile."""
        with snapshot(self._audit.db) as session:
            stored = session.execute(select(_crl.autorite, _crl.der, _crl.delta, _crl.publie_le)).all()
            later = select(_line).where(_line.acte == CRL, _line.numero > self._read).order_by(_line.numero)
            for line in session.scalars(later):
                self._note_lists(line)
        for row in stored:
            told = self._lists.get(row.autorite, {})
            if not told and self._began is not None and row.publie_le >= self._began:
                self._audit.report.add(Topic.TRAIL, f"CRL de {row.autorite}", "publiée sans que la piste le dise")
            for kind, der in (("complete", row.der), ("delta", row.delta)):
                if told and der is not None and told.get(kind) != hashlib.sha256(der).hexdigest():
                    self._audit.report.add(
                        Topic.TRAIL, f"CRL de {row.autorite} ({kind})", "celle de la base n'est pas celle de la piste"
                    )

    def _note_lists(self, line: tables.PisteAudit) -> None:
        lists = msgspec.json.decode(line.contenu, type=_Lists)
        told = self._lists.setdefault(lists.autorite, {})
        told |= {kind: digest for kind in ("complete", "delta") if (digest := getattr(lists, kind)) is not None}

    def _found(self, line: tables.PisteAudit, text: str) -> None:
        self._audit.report.add(Topic.TRAIL, f"ligne {line.numero}", text)


def _named(condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 -- a SELECT
    return select(
        _certificat.autorite,
        _certificat.serial,
        _certificat.id_demande,
        _certificat.tbs,
        _certificat.der,
        _certificat.revoque_le,
    ).where(condition)


def _signed_part(row: Any) -> str | None:  # noqa: ANN401 -- a row of certificat
    try:
        signed = read_certificate(row.der).tbs if row.der is not None else bytes(row.tbs or b"")
    except DerError:
        return None
    return hashlib.sha256(signed).hexdigest()


def _short(autorite: str, serial: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{autorite} {serial}".encode()).digest()[:8], "big")
