"""The one door of rights: acteurs, the certificates by which they are recognised, and their habilitations.

Each change is told to the audit trail in its own transaction. What gives a right does not happen without its line;
what ends one does, because a plateforme with a broken trail must still be able to take rights away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from registration.acteurs.rights import not_over
from registration.values import Identite
from registration.vocabulary import Acte, Offre, Plateforme, Role, TypeActeurInscrit
from storage import tables
from storage.bulk import insert_if_new
from storage.database import Database
from storage.trail import AUTEUR, note

Habilitation = tuple[Offre, str, str | None]
"""What for, which structure, and which domain (None: no domain); always as administrateur technique."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be registered."""

    id_national: str
    libelle: str
    type_acteur: TypeActeurInscrit
    type_personne: str | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when, and why, somebody is given something; None: at once, and until it is taken back."""

    begins: datetime | None = None
    ends: datetime | None = None
    motif: str | None = None


AT_ONCE = Terms()
LIBELLE_LENGTH = 160


def register_acteur(
    db: Database,
    plateforme: Plateforme,
    *,
    id_national: str,
    libelle: str,
    type_acteur: TypeActeurInscrit,
    type_personne: str | None,
    habilitations: Iterable[Habilitation],
    now: datetime,
) -> int:
    """Enter an acteur as administrateur technique of his habilitations; gives the id. One that is there is kept."""
    profile = Profile(id_national=id_national, libelle=libelle, type_acteur=type_acteur, type_personne=type_personne)
    with db.write() as session:
        known = session.scalar(
            select(tables.Acteur.id).where(
                tables.Acteur.plateforme == plateforme.value, tables.Acteur.id_national == id_national
            )
        )
        return known if known is not None else enter_acteur(session, plateforme, profile, habilitations, now)


def enter_acteur(
    session: Session, plateforme: Plateforme, profile: Profile, habilitations: Iterable[Habilitation], now: datetime
) -> int:
    """As ``register_acteur``, for one who is not there, inside a transaction that is under way."""
    acteur = tables.Acteur(
        plateforme=plateforme.value,
        type_acteur=profile.type_acteur.value,
        type_personne=profile.type_personne,
        id_national=profile.id_national,
        libelle=profile.libelle,
    )
    session.add(acteur)
    session.flush()  # its id stands in the lines and in the habilitations
    note(session, Acte.ACTEUR.value, now, {"acteur": acteur.id, "sha256": _digest(acteur)})
    for habilitation in habilitations:
        grant(session, acteur.id, habilitation, now)
    return acteur.id


def enter_personne(session: Session, plateforme: Plateforme, profile: Profile, now: datetime) -> int:
    """The id of a person who acts or is given something, entered unless he is there.

    Of several who enter him at once, one does. Who is there gets the type of the card that he has now, and his name
    where only his national id was known; each change is told as his entry is.
    """
    values = {
        "plateforme": plateforme.value,
        "type_acteur": TypeActeurInscrit.PERSONNE.value,
        "id_national": profile.id_national,
        "type_personne": profile.type_personne,
        "libelle": profile.libelle,
    }
    row = _lock_personne(session, plateforme, profile.id_national)
    changed = row is None and insert_if_new(session, tables.Acteur, values)
    row = row or _lock_personne(session, plateforme, profile.id_national)
    if row is None:
        raise RuntimeError("an acteur that is there and cannot be read")
    if profile.type_personne not in {None, row.type_personne}:
        row.type_personne, changed = profile.type_personne, True
    if row.libelle == row.id_national != profile.libelle:
        row.libelle, changed = profile.libelle, True
    if changed:
        note(session, Acte.ACTEUR.value, now, {"acteur": row.id, "sha256": _digest(row)})
    return row.id


def _lock_personne(session: Session, plateforme: Plateforme, id_national: str) -> tables.Acteur | None:
    acteur = tables.Acteur
    query = select(acteur).where(
        acteur.plateforme == plateforme.value,
        acteur.type_acteur == TypeActeurInscrit.PERSONNE.value,
        acteur.id_national == id_national,
    )
    return session.scalar(query.with_for_update(key_share=True))


def _digest(acteur: tables.Acteur) -> str:
    """What the trail says of an acteur: enough to prove a change, and no name."""
    values = [acteur.plateforme, acteur.type_acteur, acteur.id_national, acteur.type_personne, acteur.libelle]
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()


def grant(session: Session, id_acteur: int, habilitation: Habilitation, now: datetime, terms: Terms = AT_ONCE) -> bool:
    """Give an habilitation; False, and nothing is written, when the acteur has it, or is going to have it.

    Two who give the same one at the same moment give it twice: ``end`` ends both.
    """
    if held(session, id_acteur, habilitation, now):
        return False
    session.add(
        tables.Habilitation(
            **_columns(id_acteur, habilitation),
            debut_le=terms.begins,
            fin_le=terms.ends,
            donnee_le=now,
            donnee_par=session.info.get(AUTEUR),
            motif=terms.motif,
        )
    )
    told = _told(id_acteur, habilitation, terms.begins, terms.ends, terms.motif)
    note(session, Acte.GRANTED.value, now, told)
    return True


def held(session: Session, id_acteur: int, habilitation: Habilitation, now: datetime) -> list[Terms]:
    """On which terms the acteur has this habilitation, or is going to have it: at most one as a rule."""
    row = tables.Habilitation
    rows = session.execute(
        select(row.debut_le, row.fin_le, row.motif).where(*_the_same(id_acteur, habilitation), not_over(now))
    )
    return [Terms(begins=begins, ends=ends, motif=motif) for begins, ends, motif in rows]


def end(session: Session, id_acteur: int, habilitation: Habilitation, now: datetime, motif: str) -> bool:
    """Take an habilitation away; False when the acteur does not have it and is not going to.

    It is over with this transaction, for everybody and whatever his clock says: ``motif_fin`` stands only in such rows.
    """
    row = tables.Habilitation
    query = select(row).where(*_the_same(id_acteur, habilitation), not_over(now)).with_for_update(key_share=True)
    rows = session.scalars(query).all()
    for found in rows:
        found.fin_le, found.motif_fin = now, motif
        told = _told(id_acteur, habilitation, found.debut_le, now, motif)
        note(session, Acte.ENDED.value, now, told, essential=False)
    return bool(rows)


def _the_same(id_acteur: int, habilitation: Habilitation) -> list[ColumnElement[bool]]:
    values = _columns(id_acteur, habilitation)
    # A comparison with None becomes IS NULL.
    return [tables.Habilitation.__table__.c[name] == value for name, value in values.items()]


def _columns(id_acteur: int, habilitation: Habilitation) -> dict[str, object]:
    offre, structure, domaine = habilitation
    return {
        "id_acteur": id_acteur,
        "role": Role.ADMINISTRATEUR_TECHNIQUE.value,
        "offre": offre.value,
        "id_structure": structure,
        "domaine": domaine,
    }


def _told(
    id_acteur: int, habilitation: Habilitation, begins: datetime | None, ends: datetime | None, motif: str | None
) -> dict[str, object]:
    offre, structure, domaine = habilitation
    return {
        "acteur": id_acteur,
        "role": Role.ADMINISTRATEUR_TECHNIQUE.value,
        "offre": offre.value,
        "structure": structure,
        "domaine": domaine,
        "debut": _moment(begins),
        "fin": _moment(ends),
        "motif": motif,
    }


def _moment(date: datetime | None) -> str | None:
    return None if date is None else date.astimezone(UTC).isoformat(timespec="microseconds")


def register_identity(
    session: Session, id_acteur: int, identite: Identite, now: datetime, not_after: datetime | None = None
) -> None:
    """From now on who presents this certificate is this acteur; IntegrityError when it was ever registered.

    ``not_after`` is the certificate's own end, for lists of what has to be renewed.
    """
    session.add(
        tables.Identite(
            id_acteur=id_acteur,
            issuer_sha256=bytes.fromhex(identite.emetteur),
            serial=identite.serie,
            inscrite_le=now,
            not_after=not_after,
        )
    )
    note(session, Acte.IDENTITY.value, now, _of(id_acteur, identite))


def note_identity(session: Session, id_acteur: int, identite: Identite, now: datetime) -> None:
    """Keep that this person acted by this card, for who reads the history; it gives no right, and nothing if known."""
    values = {
        "id_acteur": id_acteur,
        "issuer_sha256": bytes.fromhex(identite.emetteur),
        "serial": identite.serie,
        "inscrite_le": now,
        "not_after": None,
        "fin_le": None,
        "motif_fin": None,
    }
    if insert_if_new(session, tables.Identite, values):
        note(session, Acte.IDENTITY.value, now, _of(id_acteur, identite))


def end_identity(
    session: Session,
    id_acteur: int,
    identite: Identite,
    now: datetime,
    *,
    at: datetime | None = None,
    motif: str | None = None,
) -> bool:
    """This certificate opens nothing any more, from now or from ``at`` on; False when it was not his, or had ended.

    One that ends before ``at`` already keeps its end.
    """
    row = tables.Identite
    query = select(row).where(
        row.id_acteur == id_acteur,
        row.issuer_sha256 == bytes.fromhex(identite.emetteur),
        row.serial == identite.serie,
        or_(row.fin_le.is_(None), row.fin_le > now),
    )
    found = session.scalar(query.with_for_update(key_share=True))
    if found is None:
        return False
    ends = at or now
    if found.fin_le is not None and found.fin_le <= ends:
        return True
    found.fin_le, found.motif_fin = ends, motif
    told = {**_of(id_acteur, identite), "fin": _moment(found.fin_le), "motif": motif}
    note(session, Acte.IDENTITY_ENDED.value, now, told, essential=False)
    return True


def _of(id_acteur: int, identite: Identite) -> dict[str, object]:
    return {"acteur": id_acteur, "emetteur": identite.emetteur, "serie": identite.serie}
