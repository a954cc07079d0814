"""A little world over a real database: structures, persons, acteurs with their habilitations, a clock, the batch.

The registration authority, the signatures and the CRLs in it are the real ones; only the clock is turned by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, func, select

from batch.context import BatchPolicy, WorkerContext
from batch.crls import publish
from batch.issuing import issue_chunk
from batch.tasks import take_ready
from commands.enrolment import Enrolled, enroll, register_identity
from commands.fictitious import (
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
from pki.content import CertificateContent
from pki.serials import serial_hex
from registration.authority import RegistrationAuthority
from registration.outbox import Nature
from registration.pages import register_page
from registration.peers import PeerChecker
from registration.policy import LotPolicy
from registration.values import Acteur, DemandeForm, LotForm, Origin
from registration.views import HistoriqueLine, LotReceipt, RetraitConditions
from registration.vocabulary import (
    Canal,
    EtatDemande,
    Offre,
    Plateforme,
    Role,
    TypeActeurInscrit,
    TypePersonne,
    Usage,
    product_code,
)
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from tests.support.csrs import csr
from tests.support.hierarchies import Hierarchy

__all__ = [
    "ADMINISTRATRICE", "AGENT", "CLINIQUE", "CODE", "HOPITAL", "MEDECIN", "PHARMACIE", "PHARMACIENNE", "PRODUITS",
    "Clock", "World", "conditions", "count_rows", "lot", "make_world", "open_world", "statements",
]  # fmt: skip

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CODE = "Sesame-ouvre-toi-1"

# Small sizes, so that a dozen items already make a large lot of several pages and chunks.
SMALL_POLICY = LotPolicy(max_items=40, page_size=5, chunk_size=3, at_once=4)

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

# What each product asks for beside key and contact, in the perimeter of dr-leroux.
_STRUCTURE_SERVICE = {"structure": HOPITAL, "service_applicatif": "Dossier patient"}
_SERVICE_MAIL = {**_STRUCTURE_SERVICE, "adresse_email": "dossier@acacias.example"}
_STAFF = {"structure": HOPITAL, "beneficiaire": AGENT}
PRODUITS: dict[str, tuple[Offre, Usage, dict[str, Any]]] = {
    product_code(offre, usage): (offre, usage, values)
    for offre, usage, values in (
        (Offre.ORG, Usage.AUTH_CLI, _STRUCTURE_SERVICE),
        (Offre.ORG, Usage.SIGN, _STRUCTURE_SERVICE),
        (Offre.ORG, Usage.CONF, _STRUCTURE_SERVICE),
        (Offre.SERV, Usage.SSL_SERV, {"structure": HOPITAL, "fqdns": ("www.acacias.example", "acacias.example")}),
        (Offre.SERV, Usage.SIGN, _SERVICE_MAIL),
        (Offre.SERV, Usage.SMIME, _SERVICE_MAIL),
        (Offre.SERV, Usage.CONF, _SERVICE_MAIL),
        (Offre.PRO, Usage.AUTH, {**_STAFF, "upn": "hugo@acacias.example"}),
        (Offre.PRO, Usage.SIGN, {**_STAFF, "adresse_email": "hugo@acacias.example"}),
        (Offre.PRO, Usage.CONF, {**_STAFF, "adresse_email": "hugo@acacias.example"}),
        (Offre.PS, Usage.AUTH, {"upn": "camille@cabinet.example"}),
        (Offre.PS, Usage.SIGN, {"adresse_email": "camille@cabinet.example"}),
        (Offre.PS, Usage.CONF, {"adresse_email": "camille@cabinet.example"}),
    )
}


class Clock:
    """Time stands still until a test turns it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


@dataclass
class World:
    """One plateforme; ``ra`` is the real registration authority, ``context`` what its batch works with."""

    db: Database
    clock: Clock
    hierarchy: Hierarchy
    plateforme: Plateforme = Plateforme.TEST
    policy: LotPolicy = SMALL_POLICY
    acteurs: dict[str, Acteur] = field(default_factory=dict)

    @property
    def context(self) -> WorkerContext:
        return WorkerContext(
            db=self.db,
            worker="test-worker",
            authorities=self.hierarchy.authorities,
            signers=self.hierarchy.signers,
            policy=BatchPolicy(lots=self.policy),
            clock=self.clock,
        )

    @property
    def ra(self) -> RegistrationAuthority:
        return RegistrationAuthority(
            self.db,
            plateforme=self.plateforme,
            peers=PeerChecker(self.db, self.hierarchy.authorities, self.plateforme),
            chains=self.hierarchy.chains,
            policy=self.policy,
            clock=self.clock,
        )

    def with_policy(self, **sizes: int) -> World:
        """The same world with other sizes."""
        changed = LotPolicy(
            **{name: sizes.get(name, getattr(self.policy, name)) for name in LotPolicy.__struct_fields__}
        )
        return replace(self, policy=changed)

    def origin(self, name: str = "dr-leroux", canal: Canal = Canal.WS) -> Origin:
        return Origin(acteur=self.acteurs[name], canal=canal)

    def form(self, product: str = "ORG_AUTH_CLI", key: int = 0, **changes: Any) -> DemandeForm:
        """A good request of ``product``; ``changes`` replace or, with None, remove fields."""
        offre, usage, values = PRODUITS[product]
        common = {"offre": offre, "usage": usage, "csr": csr(key), "email_acteur": "acteur@acacias.example"}
        return DemandeForm(**{**common, **values, **changes})

    def forms(self, count: int, first_key: int = 0, product: str = "ORG_AUTH_CLI") -> tuple[DemandeForm, ...]:
        """``count`` good requests with a key each."""
        return tuple(self.form(product, first_key + rank, reference=f"item-{rank + 1}") for rank in range(count))

    def deposit(self, *forms: DemandeForm, reference: str = "lot-1", sender: str = "dr-leroux") -> LotReceipt:
        return self.ra.submit_lot(self.origin(sender), lot(reference, *forms))

    def issued(self, *forms: DemandeForm, reference: str = "lot-1", sender: str = "dr-leroux") -> int:
        """The index of a lot on which the batch has done all its work."""
        index = self.deposit(*forms, reference=reference, sender=sender).index
        self.run_batch()
        return index

    def run_batch(self, rounds: int | None = None) -> int:
        """Do what the outbox owes, in the relay's order, until it owes nothing (or for some rounds)."""
        done = 0
        while rounds is None or done < rounds:
            ready = take_ready(self.db, self.context.policy, self.clock())
            if not ready:
                break
            for task in ready:
                if task.nature is Nature.REGISTER_PAGE:
                    register_page(
                        self.db, task.id_lot or 0, task.page or 0, self.clock(), self.policy, outbox_id=task.id
                    )
                else:
                    issue_chunk(self.context, task.numeros, [task.id])
            done += 1
        return done

    def register_pages(self) -> None:
        """Register what is left of the pages of all lots; nothing is signed."""
        outbox = tables.Outbox
        while True:
            with self.db.read() as session:
                row = session.scalar(select(outbox).where(outbox.nature == Nature.REGISTER_PAGE.value).limit(1))
            if row is None:
                return
            register_page(self.db, row.id_lot or 0, row.payload["page"], self.clock(), self.policy, outbox_id=row.id)

    def demandes(self, index: int) -> list[tables.Demande]:
        """The rows of a lot by position."""
        demande = tables.Demande
        with self.db.read() as session:
            return list(session.scalars(select(demande).where(demande.id_lot == index).order_by(demande.position)))

    def etats(self, index: int) -> list[EtatDemande]:
        return [EtatDemande(row.etat) for row in self.demandes(index)]

    def codes(self, index: int) -> list[str | None]:
        """The code of refusal of each item of a lot."""
        return [row.code_erreur for row in self.demandes(index)]

    def numeros(self, index: int) -> list[int]:
        return [row.id for row in self.demandes(index)]

    def history(self, numero: int, follower: str = "dr-leroux") -> tuple[HistoriqueLine, ...]:
        return self.ra.read_demande(self.acteurs[follower], numero).historique

    def grant(self, name: str, offre: Offre, structure: str, domaine: str | None = None) -> None:
        with self.db.write() as session:
            row = _habilitation_row(self.acteurs[name].id, offre, structure, domaine)
            insert_rows(session, tables.Habilitation, [row])

    def withdraw_rights(self, name: str) -> None:
        """Take every explicit habilitation from an acteur."""
        with self.db.write() as session:
            session.query(tables.Habilitation).filter_by(id_acteur=self.acteurs[name].id).delete()

    def enroll_client(self, name: str, content: CertificateContent | None = None) -> Enrolled:
        """A new client certificate registered for an acteur."""
        enrolled = enroll(self.context, self.plateforme, content or ALL_SENDERS[name].content)
        register_identity(self.context, self.acteurs[name].id, enrolled, enrolled_serial(enrolled))
        return enrolled

    def publish_crls(self, *names: str) -> None:
        for name in names or self.hierarchy.signers:
            publish(self.context, name)


def enrolled_serial(enrolled: Enrolled) -> str:
    from cryptography import x509

    return serial_hex(x509.load_der_x509_certificate(enrolled.der).serial_number)


def lot(reference: str, *forms: DemandeForm) -> LotForm:
    return LotForm(reference=reference, demandes=forms)


def conditions(code: str = CODE, confirmation: str | None = None, *, cgu_accepted: bool = True) -> RetraitConditions:
    return RetraitConditions(
        code=code, confirmation=code if confirmation is None else confirmation, cgu_accepted=cgu_accepted
    )


def make_world(db: Database, hierarchy: Hierarchy, plateforme: Plateforme = Plateforme.TEST) -> World:
    """Fill a migrated database with the fictitious world of one plateforme."""
    here = {"plateforme": plateforme.value}
    with db.write() as session:
        insert_rows(session, tables.Structure, [here | structure.row() for structure in STRUCTURES])
        insert_rows(session, tables.Personne, [here | personne.row() for personne in PERSONNES])
        rattachements = [
            here | {"id_structure": structure, "id_personne": personne.id_national}
            for personne in PERSONNES
            for structure in personne.structures
        ]
        insert_rows(session, tables.Rattachement, rattachements)
        insert_rows(session, tables.Acteur, [here | _acteur_row(sender) for sender in ALL_SENDERS.values()])
    world = open_world(db, hierarchy, plateforme)
    habilitations = [
        _habilitation_row(world.acteurs[name].id, *habilitation)
        for name, sender in ALL_SENDERS.items()
        for habilitation in sender.habilitations
    ]
    with db.write() as session:
        insert_rows(session, tables.Habilitation, habilitations)
    return world


def open_world(db: Database, hierarchy: Hierarchy, plateforme: Plateforme = Plateforme.TEST) -> World:
    """The world that ``make_world`` has put into the database before, for another connection or process."""
    by_national = {sender.id_national: sender.name for sender in ALL_SENDERS.values()}
    with db.read() as session:
        rows = session.scalars(select(tables.Acteur).where(tables.Acteur.plateforme == plateforme.value)).all()
    acteurs = {
        by_national[row.id_national or ""]: Acteur(
            id=row.id,
            plateforme=plateforme,
            type_acteur=TypeActeurInscrit(row.type_acteur),
            id_national=row.id_national,
            libelle=row.libelle,
            type_personne=row.type_personne,
        )
        for row in rows
    }
    return World(db=db, clock=Clock(), hierarchy=hierarchy, plateforme=plateforme, acteurs=acteurs)


def _acteur_row(sender: Sender) -> dict[str, Any]:
    return {
        "type_acteur": sender.type_acteur.value,
        "type_personne": sender.type_personne,
        "id_national": sender.id_national,
        "libelle": sender.libelle,
    }


def _habilitation_row(id_acteur: int, offre: Offre, structure: str, domaine: str | None) -> dict[str, Any]:
    return {
        "id_acteur": id_acteur,
        "role": Role.ADMINISTRATEUR_TECHNIQUE.value,
        "offre": offre.value,
        "id_structure": structure,
        "domaine": domaine,
    }


def count_rows(db: Database) -> dict[str, int]:
    """How many rows each table has: what "nothing was stored" means."""
    with db.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.Base.metadata.tables.items()
        }


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL statements sent while the block runs; one that carries many rows counts once."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def summary(lines: Sequence[HistoriqueLine]) -> list[tuple[str, str, str]]:
    """(canal, code action, etat) of each line of a history."""
    return [(line.canal.value, line.code_action, line.etat.value) for line in lines]
