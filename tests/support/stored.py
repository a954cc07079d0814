"""What is stored, read past every rule: the rows that a test looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from cryptography import x509
from sqlalchemy import Row, Select, func, select, update

from registration.vocabulary import CodeAction, EtatDemande
from storage import tables
from storage.database import Database
from tests.support.assertions import the

_T = TypeVar("_T")


@dataclass(kw_only=True)
class Stored:
    """A database and the questions that tests ask it."""

    db: Database

    @property
    def database_url(self) -> str:
        """Where it is, with its password, for another connection or process."""
        return self.db.engine.url.render_as_string(hide_password=False)

    def values(self, query: Select[_T, *tuple[Any, ...]]) -> list[_T]:
        """The first column, or the entities, of every row."""
        with self.db.read() as session:
            return list(session.scalars(query))

    def rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        with self.db.read() as session:
            return session.execute(query).all()

    def demandes(self, index: int) -> list[tables.Demande]:
        """The rows of a lot by position."""
        demande = tables.Demande
        return self.values(select(demande).where(demande.id_lot == index).order_by(demande.position))

    def numeros(self, index: int) -> list[int]:
        return [row.id for row in self.demandes(index)]

    def etats(self, index: int) -> list[EtatDemande]:
        return [EtatDemande(row.etat) for row in self.demandes(index)]

    def codes(self, index: int) -> list[str | None]:
        """The code of refusal of each item of a lot."""
        return [row.code_erreur for row in self.demandes(index)]

    def demande(self, numero: int) -> tables.Demande:
        (row,) = self.values(select(tables.Demande).where(tables.Demande.id == numero))
        return row

    def set_end(self, numeros: Sequence[int], end: datetime) -> None:
        """Have the certificates of these demandes end then, for who reads them and for who searches."""
        demande, certificat = tables.Demande, tables.Certificat
        with self.db.write() as session:
            session.execute(update(certificat).where(certificat.id_demande.in_(numeros)).values(not_after=end))
            session.execute(update(demande).where(demande.id.in_(numeros)).values(produit_fin_le=end))

    def certificat(self, numero: int) -> tables.Certificat:
        """The certificate of a demande."""
        (row,) = self.values(select(tables.Certificat).where(tables.Certificat.id_demande == numero))
        return row

    def certificats(self) -> list[tables.Certificat]:
        """All of them, in the order of their making."""
        return self.values(select(tables.Certificat).order_by(tables.Certificat.id))

    def certificat_by_id(self, ident: int) -> tables.Certificat:
        with self.db.read() as session:
            return session.get_one(tables.Certificat, ident)

    def steps(self, numero: int) -> list[CodeAction]:
        """What happened to a demande, in its order."""
        line = tables.Historique
        query = select(line.code_action).where(line.id_demande == numero).order_by(line.id)
        return [CodeAction(code) for code in self.values(query)]

    def outbox(self) -> list[tables.Outbox]:
        """What the batch still owes."""
        return self.values(select(tables.Outbox).order_by(tables.Outbox.id))

    def signed(self) -> int:
        """How many certificates are signed so far."""
        query = select(func.count()).select_from(tables.Certificat).where(tables.Certificat.emis_le.is_not(None))
        return self.values(query)[0]


def der_of(row: tables.Certificat | tables.Crl) -> bytes:
    """The signed bytes of a certificate or a list, which must be there."""
    return the(row.der, "what was signed")


def key_of(row: tables.Certificat) -> bytes:
    """The digest of its public key, which must be known."""
    return the(row.spki_sha256, "the digest of the key")


def certificate_of(row: tables.Certificat) -> x509.Certificate:
    return x509.load_der_x509_certificate(der_of(row))


def crl_of(row: tables.Crl) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(der_of(row))
