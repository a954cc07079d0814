"""The rows of the fictitious structures, persons and acteurs that a world begins with, and one more acteur."""

from __future__ import annotations

import zlib
from datetime import datetime

from sqlalchemy import select

from commands.trial.fictitious import (
    ADMINISTRATRICE,
    AGENT,
    CLINIQUE,
    HOPITAL,
    MEDECIN,
    PERSONNES,
    PHARMACIE,
    PHARMACIENNE,
    SENDERS,
    STRUCTURES,
    Sender,
)
from pki.certificates.content import CertificateContent
from registration.acteurs.habilitations import (
    Habilitation,
    Profile,
    end,
    enter_acteur,
    grant,
    register_acteur,
    register_identity,
)
from registration.acteurs.reading import acteur_by_id, as_value
from registration.directory.filling import fill_directory
from registration.values import Acteur, Identite
from registration.vocabulary import Offre, Plateforme, TypeActeurInscrit, TypePersonne
from storage import tables
from storage.database import Database
from tests.support.clock import NOON

__all__ = [
    "ADMINISTRATRICE", "AGENT", "ALL_SENDERS", "CLINIQUE", "HOPITAL", "MEDECIN", "PHARMACIE", "PHARMACIENNE",
    "STRUCTURES", "Sender", "add_acteur", "add_habilitation", "fill", "nurse", "read_acteurs", "withdraw_rights",
]  # fmt: skip

_MORE_SENDERS = (
    # Administers the hospital from a card of a member of staff, without being the sender of its lots.
    Sender(
        name="administrateur",
        libelle="BERTIN HUGO",
        id_national=AGENT,
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=TypePersonne.PE.value,
        content=CertificateContent(
            product="CPE_AUTH",
            common_name=AGENT,
            surname="BERTIN",
            given_name="HUGO",
            title="Personnel santé ou social",
            state="Paris (75)",
            organization="CENTRE HOSPITALIER DES ACACIAS",
            organizational_unit=HOPITAL,
            upn="3.30B0990011.CPE001@carte.igc.example",
            card_number="8025000001/0000000052",
        ),
        habilitations=((Offre.SERV, HOPITAL, "*acacias.example"), (Offre.PRO, HOPITAL, "*@acacias.example")),
    ),
    # Registered, and nothing more: no right at all.
    Sender(
        name="inconnu",
        libelle="APPLICATION SANS DROIT",
        id_national=f"{PHARMACIE}/RIEN",
        type_acteur=TypeActeurInscrit.APPLICATION,
        content=CertificateContent(
            product="ORG_AUTH_CLI",
            common_name="APPLICATION SANS DROIT",
            state="Côte-d'Or (21)",
            organization="PHARMACIE DU PONT NEUF",
            organizational_unit=PHARMACIE,
        ),
    ),
)
ALL_SENDERS = {sender.name: sender for sender in (*SENDERS, *_MORE_SENDERS)}


def nurse(name: str, habilitations: tuple[Habilitation, ...] = ()) -> Sender:
    """One more person with a card of his own."""
    number = f"{zlib.crc32(name.encode()):010d}"
    return Sender(
        name=name,
        libelle=f"{name.upper()} ALIX",
        id_national=f"89{number}",
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=TypePersonne.PS.value,
        content=CertificateContent(
            product="CPS_AUTH",
            common_name=f"89{number}",
            surname=name.upper(),
            given_name="ALIX",
            title="Infirmier",
            upn=f"8.{number}@carte.igc.example",
            profession=60,
            card_number=f"8025000001/{number}",
        ),
        habilitations=habilitations,
    )


def fill(db: Database, plateforme: Plateforme, now: datetime = NOON) -> None:
    """Structures, persons and acteurs of one plateforme with their habilitations, in a database without them."""
    fill_directory(
        db,
        plateforme,
        (structure.entry for structure in STRUCTURES),
        (personne.entry for personne in PERSONNES),
        (rattachement for personne in PERSONNES for rattachement in personne.rattachements),
    )
    # One transaction for all; one for each, as the verbs do it, would cost most tests more.
    with db.write() as session:
        for sender in ALL_SENDERS.values():
            ident = enter_acteur(session, plateforme, _profile(sender), sender.habilitations, now)
            register_identity(session, ident, card_of(ident), now)


def card_of(id_acteur: int) -> Identite:
    """What an acteur of these tests presents where no certificate is really looked at: a card of a CA elsewhere."""
    return Identite(emetteur="0" * 64, serie=f"{id_acteur:032x}")


def read_acteurs(db: Database, plateforme: Plateforme) -> dict[str, Acteur]:
    """The acteurs of ``fill`` by name, as the rules see them."""
    names = {sender.id_national: sender.name for sender in ALL_SENDERS.values()}
    with db.read() as session:
        rows = session.scalars(select(tables.Acteur).where(tables.Acteur.plateforme == plateforme.value)).all()
    return {names[row.id_national]: as_value(row) for row in rows if row.id_national in names}


def add_acteur(db: Database, plateforme: Plateforme, sender: Sender, now: datetime = NOON) -> Acteur:
    """Register one more acteur with his habilitations."""
    ident = register_acteur(
        db,
        plateforme,
        id_national=sender.id_national,
        libelle=sender.libelle,
        type_acteur=sender.type_acteur,
        type_personne=sender.type_personne,
        habilitations=sender.habilitations,
        now=now,
    )
    with db.write() as session:
        register_identity(session, ident, card_of(ident), now)
        return acteur_by_id(session, ident)


def add_habilitation(db: Database, acteur: Acteur, habilitation: Habilitation, now: datetime = NOON) -> None:
    with db.write() as session:
        grant(session, acteur.id, habilitation, now)


def withdraw_rights(db: Database, acteur: Acteur, now: datetime = NOON) -> None:
    """Take every explicit habilitation from an acteur."""
    row = tables.Habilitation
    with db.write() as session:
        for held in session.scalars(select(row).where(row.id_acteur == acteur.id)).all():
            end(session, acteur.id, (Offre(held.offre), held.id_structure, held.domaine), now, "essai")


def _profile(sender: Sender) -> Profile:
    return Profile(
        id_national=sender.id_national,
        libelle=sender.libelle,
        type_acteur=sender.type_acteur,
        type_personne=sender.type_personne,
    )
