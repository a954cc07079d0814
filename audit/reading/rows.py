"""The rows, a page at a time: every page from one snapshot, so that what belongs together is seen together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from audit.reading.asn1 import DerError
from audit.reading.certificate import read_certificate
from storage import tables
from storage.database import Database

PAGE = 500
_BEFORE_ALL = -(2**63)
AnySelect = Select[*tuple[Any, ...]]
KeyColumn = InstrumentedAttribute[int]
_T = TypeVar("_T")
_certificat, _demande, _cle = tables.Certificat, tables.Demande, tables.ClePublique


@contextmanager
def snapshot(db: Database) -> Iterator[Session]:
    """A read transaction in which every statement sees the same moment."""
    with db.read() as session:
        if db.engine.dialect.name == "postgresql":
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        yield session


@dataclass(frozen=True, slots=True)
class Issued:
    """A row of ``certificat`` with its demande and the key presented in it, as far as there are any."""

    row: Any
    demande: Any | None
    cle: Any | None

    @property
    def subject(self) -> str:
        """How findings name it."""
        return name_of(self.row)


def name_of(row: Any) -> str:  # noqa: ANN401 -- a row with autorite, serial and id_demande
    """How findings name a certificate."""
    demande = f" (demande n° {row.id_demande})" if row.id_demande is not None else ""
    return f"{row.autorite} {row.serial}{demande}"


def number_of(serial: str) -> int:
    """A serial as a number; -1, which no certificate has, when the row holds no hexadecimal number."""
    try:
        return int(serial, 16)
    except ValueError:
        return -1


def issued_since(since: datetime | None) -> list[ColumnElement[bool]]:
    """Certificates issued since then, and everything that was never issued."""
    return [] if since is None else [or_(_certificat.emis_le >= since, _certificat.emis_le.is_(None))]


def count(db: Database, *conditions: ColumnElement[bool]) -> int:
    """How many certificates there are."""
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(_certificat).where(*conditions)) or 0


def pages(
    db: Database, query: AnySelect, key: KeyColumn, complete: Callable[[Session, Sequence[Any]], _T], size: int = PAGE
) -> Iterator[tuple[Sequence[Any], _T]]:
    """The rows of a query by their ``id``, ``size`` at a time, each page with what ``complete`` reads beside it."""
    last = _BEFORE_ALL
    while True:
        with snapshot(db) as session:
            rows = session.execute(query.where(key > last).order_by(key).limit(size)).all()
            beside = complete(session, rows)
        if rows:
            yield rows, beside
        if len(rows) < size:
            return
        last = rows[-1].id


def issued_pages(db: Database, since: datetime | None) -> Iterator[list[Issued]]:
    """Every certificate with what belongs to it."""

    def complete(session: Session, rows: Sequence[Any]) -> list[Issued]:
        numeros = [row.id_demande for row in rows if row.id_demande is not None]
        demandes = {row.id: row for row in session.execute(_demandes(numeros))}
        cles = {row.id_demande: row for row in session.execute(_cles(numeros))}
        return [Issued(row, demandes.get(row.id_demande), cles.get(row.id_demande)) for row in rows]

    query = select(*_certificat.__table__.columns).where(*issued_since(since))
    for _, page in pages(db, query, _certificat.id, complete):
        yield page


def _demandes(numeros: Sequence[int]) -> AnySelect:
    demande = _demande
    return select(
        demande.id,
        demande.plateforme,
        demande.offre,
        demande.usage,
        demande.etat,
        demande.id_structure,
        demande.id_beneficiaire,
        demande.service_applicatif,
        demande.adresse_email,
        demande.adresse_cle,
        demande.fqdns,
        demande.upn,
        cast(demande.contenu, Text).label("contenu"),  # a text that is no JSON must not end the audit
    ).where(demande.id.in_(numeros))


def _cles(numeros: Sequence[int]) -> AnySelect:
    return select(_cle.id_demande, _cle.plateforme, _cle.spki_sha256, _cle.spki, _cle.csr).where(
        _cle.id_demande.in_(numeros)
    )


def certified_keys(db: Database, since: datetime | None = None) -> Iterator[tuple[str, bytes]]:
    """(name of the certificate, DER SubjectPublicKeyInfo) of every certificate that can be read."""
    query = select(
        _certificat.id, _certificat.autorite, _certificat.serial, _certificat.id_demande, _certificat.der
    ).where(_certificat.der.is_not(None), *issued_since(since))
    for rows, _ in pages(db, query, _certificat.id, lambda _session, _rows: None):
        for row in rows:
            try:
                yield name_of(row), read_certificate(bytes(row.der)).spki
            except DerError:
                continue  # the check of certificates names it
