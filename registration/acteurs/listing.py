"""Applications with their certificates, and habilitations, past ones included: for who runs the plateforme."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.orm import Session

from registration.acteurs.rights import in_force, not_over
from registration.vocabulary import Offre, Plateforme, TypeActeurInscrit
from storage import tables


class ApplicationLine(NamedTuple):
    """One certificate of an application; of one without any, ``serial`` is None.

    ``ends`` is when the certificate opens nothing any more: its own end, or an earlier one by an operator.
    """

    id_national: str
    libelle: str
    issuer_sha256: bytes | None
    serial: str | None
    inscrite_le: datetime | None
    ends: datetime | None
    motif_fin: str | None


class HabilitationLine(NamedTuple):
    """One habilitation with who has it."""

    id_national: str
    libelle: str
    type_acteur: str
    offre: str
    id_structure: str
    domaine: str | None
    debut_le: datetime | None
    fin_le: datetime | None
    donnee_le: datetime | None
    donnee_par: str | None
    motif: str | None
    motif_fin: str | None


class IdentityLine(NamedTuple):
    """A certificate by which an acteur is or was recognised; of a card, that he acted by it."""

    issuer_sha256: bytes
    serial: str
    inscrite_le: datetime | None
    ends: datetime | None
    motif_fin: str | None


class HabilitationFilter(NamedTuple):
    """Which habilitations: of an acteur, on a structure, for an offre; ``past`` ones and those to come, or not."""

    acteur: str | None = None
    structure: str | None = None
    offre: Offre | None = None
    every_date: bool = False


def find_acteur(session: Session, plateforme: Plateforme, id_national: str) -> tables.Acteur | None:
    """The acteur of a plateforme by his id; a person before an application, should both have it."""
    acteur = tables.Acteur
    query = select(acteur).where(acteur.plateforme == plateforme.value, acteur.id_national == id_national)
    return session.scalar(query.order_by(acteur.type_acteur.desc()).limit(1))


def find_application(session: Session, plateforme: Plateforme, id_national: str) -> tables.Acteur | None:
    """An application by the id that it was registered with."""
    acteur = tables.Acteur
    return session.scalar(
        select(acteur).where(
            acteur.plateforme == plateforme.value,
            acteur.type_acteur == TypeActeurInscrit.APPLICATION.value,
            acteur.id_national == id_national,
        )
    )


def application_ids(session: Session, plateforme: Plateforme) -> Sequence[str]:
    """The ids of all applications."""
    acteur = tables.Acteur
    found = session.scalars(
        select(acteur.id_national).where(
            acteur.plateforme == plateforme.value, acteur.type_acteur == TypeActeurInscrit.APPLICATION.value
        )
    )
    return [ident for ident in found if ident is not None]


def list_applications(session: Session, plateforme: Plateforme) -> list[ApplicationLine]:
    """Every application with all its certificates, the oldest first."""
    acteur, identite = tables.Acteur, tables.Identite
    rows = session.execute(
        select(acteur.id_national, acteur.libelle, identite)
        .outerjoin(identite, identite.id_acteur == acteur.id)
        .where(acteur.plateforme == plateforme.value, acteur.type_acteur == TypeActeurInscrit.APPLICATION.value)
        .order_by(acteur.id_national, identite.id)
    )
    return [_application_line(ident or "", libelle, row) for ident, libelle, row in rows]


def _application_line(ident: str, libelle: str, row: tables.Identite | None) -> ApplicationLine:
    if row is None:
        return ApplicationLine(ident, libelle, None, None, None, None, None)
    return ApplicationLine(
        ident, libelle, bytes(row.issuer_sha256), row.serial, row.inscrite_le, _ends(row), row.motif_fin
    )


def identities_of(session: Session, id_acteur: int) -> list[IdentityLine]:
    """Every certificate of an acteur, the oldest first."""
    row = tables.Identite
    return [
        IdentityLine(bytes(found.issuer_sha256), found.serial, found.inscrite_le, _ends(found), found.motif_fin)
        for found in session.scalars(select(row).where(row.id_acteur == id_acteur).order_by(row.id))
    ]


def _ends(row: tables.Identite) -> datetime | None:
    return min((moment for moment in (row.not_after, row.fin_le) if moment is not None), default=None)


def list_habilitations(
    session: Session, plateforme: Plateforme, wanted: HabilitationFilter, now: datetime, limit: int | None = None
) -> list[HabilitationLine]:
    """Those that the filter names, by acteur, structure and offre; ``limit`` at most when it is given."""
    acteur, row = tables.Acteur, tables.Habilitation
    conditions: list[ColumnElement[bool]] = [acteur.plateforme == plateforme.value]
    if wanted.acteur is not None:
        conditions.append(acteur.id_national == wanted.acteur)
    if wanted.structure is not None:
        conditions.append(row.id_structure == wanted.structure)
    if wanted.offre is not None:
        conditions.append(row.offre == wanted.offre.value)
    if not wanted.every_date:
        conditions.append(in_force(now))
    found = session.execute(
        select(
            acteur.id_national, acteur.libelle, acteur.type_acteur, row.offre, row.id_structure, row.domaine,
            row.debut_le, row.fin_le, row.donnee_le, row.donnee_par, row.motif, row.motif_fin,
        )
        .join(acteur, acteur.id == row.id_acteur)
        .where(*conditions)
        .order_by(acteur.id_national, row.id_structure, row.offre, row.domaine, row.id)
        .limit(limit)
    )  # fmt: skip
    return [HabilitationLine._make(line) for line in found]


def how_many(now: datetime) -> ScalarSelect[int]:
    """How many habilitations the acteur of each row has now, as a column of a select over acteurs."""
    row = tables.Habilitation
    count = select(func.count()).select_from(row).where(row.id_acteur == tables.Acteur.id, in_force(now))
    return count.correlate(tables.Acteur).scalar_subquery()


def identities_in_force(session: Session, id_acteur: int, now: datetime) -> list[tuple[bytes, str]]:
    """(issuer, serial) of the certificates by which an acteur is recognised, or is going to be until a later end."""
    row = tables.Identite
    found = session.execute(
        select(row.issuer_sha256, row.serial)
        .where(row.id_acteur == id_acteur, or_(row.fin_le.is_(None), row.fin_le > now))
        .order_by(row.id)
    )
    return [(bytes(issuer), serial) for issuer, serial in found]


def registered_for(session: Session, issuer_sha256: bytes, serial: str) -> tuple[str, datetime | None] | None:
    """Whose certificate this is or was, and its end if it has one; None when nobody ever registered it."""
    row, acteur = tables.Identite, tables.Acteur
    found = session.execute(
        select(acteur.libelle, row.fin_le)
        .join(acteur, acteur.id == row.id_acteur)
        .where(row.issuer_sha256 == issuer_sha256, row.serial == serial)
    ).first()
    return None if found is None else (found.libelle, found.fin_le)


def habilitations_of(session: Session, id_acteur: int, now: datetime) -> list[tuple[Offre, str, str | None]]:
    """What an acteur has, or is going to have."""
    row = tables.Habilitation
    found = session.execute(
        select(row.offre, row.id_structure, row.domaine)
        .where(row.id_acteur == id_acteur, not_over(now))
        .order_by(row.id)
    )
    return [(Offre(offre), structure, domaine) for offre, structure, domaine in found]
