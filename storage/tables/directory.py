"""Structures, persons, and who works where, as the directory says; and the imports that said it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from storage.tables.base import Base, BigId

RAISON_SOCIALE_LENGTH, DEPARTEMENT_LENGTH = 256, 64
NOM_LENGTH, TITRE_LENGTH = 80, 64
SAVOIR_FAIRE_LENGTH, TABLEAU_LENGTH = 16, 4
INITIAL = "INITIAL"
"""The source of what was entered before there were imports, or beside them."""


def _folded(length: int) -> TypeEngine[str]:
    """A name as it is looked for, in the order of its octets: what begins alike stands side by side in an index."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Structure(Base):
    """A structure of the directory (Struct_IdNat), per plateforme.

    ``source`` is who said it last; what its source says no more is ``disparu_le`` some day, and stays.
    """

    __tablename__ = "structure"
    __table_args__ = (Index("ix_structure__raison_pliee", "plateforme", "raison_pliee", "id_national"),)
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_national: Mapped[str] = mapped_column(String(20), primary_key=True)
    raison_sociale: Mapped[str] = mapped_column(String(RAISON_SOCIALE_LENGTH))
    departement: Mapped[str] = mapped_column(String(DEPARTEMENT_LENGTH))
    raison_pliee: Mapped[str] = mapped_column(_folded(RAISON_SOCIALE_LENGTH), server_default=text("''"))
    source: Mapped[str] = mapped_column(String(16), server_default=INITIAL)
    disparu_le: Mapped[datetime | None]


class Personne(Base):
    """A person of the directory (PS_IdNat), per plateforme; ``source`` and ``disparu_le`` as of a structure."""

    __tablename__ = "personne"
    __table_args__ = (
        Index("ix_personne__nom_plie", "plateforme", "nom_plie", "prenom_plie", "id_national"),
        Index("ix_personne__prenom_plie", "plateforme", "prenom_plie", "id_national"),
    )
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_national: Mapped[str] = mapped_column(String(32), primary_key=True)
    type_personne: Mapped[str] = mapped_column(String(2))
    nom: Mapped[str] = mapped_column(String(NOM_LENGTH))
    prenom: Mapped[str] = mapped_column(String(NOM_LENGTH))
    titre: Mapped[str] = mapped_column(String(TITRE_LENGTH))
    code_profession: Mapped[int | None]
    code_formation: Mapped[int | None]
    savoir_faire: Mapped[str | None] = mapped_column(String(SAVOIR_FAIRE_LENGTH))
    tableau_pharmacien: Mapped[str | None] = mapped_column(String(TABLEAU_LENGTH))
    nom_plie: Mapped[str] = mapped_column(_folded(NOM_LENGTH), server_default=text("''"))
    prenom_plie: Mapped[str] = mapped_column(_folded(NOM_LENGTH), server_default=text("''"))
    source: Mapped[str] = mapped_column(String(16), server_default=INITIAL)
    disparu_le: Mapped[datetime | None]


class Rattachement(Base):
    """A person works in a structure: the possible beneficiaires of offre PRO."""

    __tablename__ = "rattachement"
    __table_args__ = (
        ForeignKeyConstraint(["plateforme", "id_personne"], ["personne.plateforme", "personne.id_national"]),
        ForeignKeyConstraint(["plateforme", "id_structure"], ["structure.plateforme", "structure.id_national"]),
        Index("ix_rattachement__personne", "plateforme", "id_personne"),
    )
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_structure: Mapped[str] = mapped_column(String(20), primary_key=True)
    id_personne: Mapped[str] = mapped_column(String(32), primary_key=True)
    source: Mapped[str] = mapped_column(String(16), server_default=INITIAL)
    disparu_le: Mapped[datetime | None]


class ImportAnnuaire(Base):
    """One import into the directory: which file, since when, how far; EN_COURS until it is TERMINE or ABANDONNE.

    ``vivant_le`` is the last sign of the process that does it: one that has died gives none, and may be taken over.
    ``empreinte`` is the SHA-256 of the extract. The counts are those of entries, ``lignes`` and ``rejets`` of lines.
    """

    __tablename__ = "import_annuaire"
    __table_args__ = (
        Index("ix_import_annuaire__dernier", "plateforme", "source", "id"),
        # One at a time: the second one would not see what the first is about to write.
        Index(
            "uq_import_annuaire__en_cours",
            "plateforme",
            unique=True,
            sqlite_where=text("etat = 'EN_COURS'"),
            postgresql_where=text("etat = 'EN_COURS'"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    etat: Mapped[str] = mapped_column(String(16))
    fichier: Mapped[str] = mapped_column(String(255))
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    commence_le: Mapped[datetime]
    vivant_le: Mapped[datetime]
    termine_le: Mapped[datetime | None]
    lignes: Mapped[int]
    rejets: Mapped[int]
    ajouts: Mapped[int]
    changements: Mapped[int]
    retours: Mapped[int]
    disparitions: Mapped[int]
