"""A little world over a real database: structures, persons, acteurs with their habilitations, a clock, the batch.

The registration authority, the signatures and the CRLs in it are the real ones; only the clock is turned by hand.
What it begins with stands in ``acteurs``, its demandes in ``produits``, its authorities in ``hierarchies``; a floor
of the tests that needs more adds it in a subclass of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from cryptography import x509

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.issuing.own_certificates import Enrolled, enroll
from batch.lists.crls import publish
from batch.queue.jobs import install, run_tasks
from batch.queue.leases import look, take_ready
from pki.authority import Authority
from pki.certificates.content import CertificateContent
from pki.certificates.serials import serial_hex
from registration.acteurs.habilitations import register_identity
from registration.acteurs.identity import PeerChecker
from registration.authority import RegistrationAuthority
from registration.authority.revocations import RevocationsParCode
from registration.life.outbox import Nature, Task
from registration.policy import LotPolicy
from registration.rules.code_tries import TryPolicy
from registration.values import Acteur, DemandeForm, Identite, Origin, Textes
from registration.views import HistoriqueLine, LotReceipt
from registration.vocabulary import Canal, Offre, Plateforme
from storage.database import Database
from tests.support.acteurs import ALL_SENDERS, add_habilitation, card_of, fill, read_acteurs, withdraw_rights
from tests.support.clock import NOON, Clock
from tests.support.csrs import csr
from tests.support.hierarchies import Hierarchy
from tests.support.produits import demande_form, lot
from tests.support.stored import Stored
from tests.support.textes import TEXTES

# Small sizes, so that a dozen items already make a large lot of several pages and chunks.
SMALL_POLICY = BatchPolicy(
    lots=LotPolicy(max_items=40, page_size=5, chunk_size=3, at_once=4, ps_upn_domains=("cabinet.example",))
)


@dataclass(kw_only=True)
class World(Stored):
    """One plateforme; ``ra`` is the real registration authority, ``context`` what its batch works with.

    ``sender`` is who acts when no name is given. Clients of ``recognised`` authorities are told from strangers; they
    are those of the hierarchy unless a test adds others.
    """

    hierarchy: Hierarchy
    clock: Clock = field(default_factory=Clock)
    plateforme: Plateforme = Plateforme.TEST
    policy: BatchPolicy = SMALL_POLICY
    acteurs: dict[str, Acteur] = field(default_factory=dict)
    sender: str = "dr-leroux"
    recognised: Mapping[str, Authority] | None = None
    publication: Path | None = None
    responders: DelegateFiles | None = None
    seals: DelegateFiles | None = None
    textes: Textes = TEXTES

    @property
    def context(self) -> WorkerContext:
        return WorkerContext(
            db=self.db,
            worker="test-worker",
            authorities=self.hierarchy.authorities,
            signers=self.hierarchy.signers,
            publication=self.publication,
            responders=self.responders,
            seals=self.seals,
            policy=self.policy,
            clock=self.clock,
        )

    @property
    def ra(self) -> RegistrationAuthority:
        return RegistrationAuthority(
            self.db,
            plateforme=self.plateforme,
            peers=PeerChecker(self.db, self.recognised or self.hierarchy.authorities, self.plateforme),
            chains=self.hierarchy.chains,
            textes=self.textes,
            policy=self.policy.lots,
            clock=self.clock,
        )

    @property
    def par_code(self) -> RevocationsParCode:
        """What the site without login reaches."""
        return RevocationsParCode(self.db, self.clock, self.plateforme, self.hierarchy.chains, TryPolicy())

    def with_policy(self, **changes: Any) -> Self:
        """The same world with other sizes and rules of lots."""
        return replace(self, policy=replace(self.policy, lots=msgspec.structs.replace(self.policy.lots, **changes)))

    def origin(self, name: str | None = None, canal: Canal = Canal.WS) -> Origin:
        acteur = self.acteurs[name or self.sender]
        return Origin(acteur=acteur, canal=canal, identite=card_of(acteur.id))

    def form(self, product: str = "ORG_AUTH_CLI", key: int = 0, **changes: Any) -> DemandeForm:
        """A good demande of ``product``; ``changes`` replace or, with None, remove fields."""
        return demande_form(product=product, **{"csr": csr(key), **changes})

    def forms(self, count: int, first_key: int = 0, product: str = "ORG_AUTH_CLI") -> tuple[DemandeForm, ...]:
        """``count`` good demandes with a key each."""
        return tuple(self.form(product, first_key + rank, reference=f"item-{rank + 1}") for rank in range(count))

    def deposit(self, *forms: DemandeForm, reference: str = "lot-1", sender: str | None = None) -> LotReceipt:
        """As the web service does."""
        return self.ra.lots.submit(self.origin(sender), lot(reference, *forms))

    def place(self, form: DemandeForm | None = None, sender: str | None = None) -> int:
        """As the portal does; gives the numero."""
        return self.ra.demandes.submit(self.origin(sender, Canal.IHM), form or self.form())

    def cancel(self, numero: int) -> None:
        self.ra.demandes.cancel(self.origin(), numero)

    def issued(self, *forms: DemandeForm, reference: str = "lot-1", sender: str | None = None) -> int:
        """The index of a lot on which the batch has done all its work."""
        index = self.deposit(*forms, reference=reference, sender=sender).index
        self.run_batch()
        return index

    def send(self) -> list[Task]:
        """What a relay would send now."""
        seen = look(self.db, self.policy, self.clock())
        room = self.policy.window - seen.held
        if room <= 0 or not seen.is_any_ready:
            return []
        jobs = take_ready(self.db, self.policy, self.clock(), alone=room, shared=room)
        return [task for job in jobs for task in job]

    def run_batch(self, rounds: int | None = None, context: WorkerContext | None = None) -> int:
        """Send and do, one task a job, until nothing is ready any more (or for some rounds); gives the rounds."""
        install(context or self.context)
        done = 0
        while done != rounds and (ready := self.send()):
            for task in ready:
                run_tasks([[task.id, task.attempt]])
            done += 1
        return done

    def register_pages(self) -> None:
        """Turn every stored page of every lot into demandes and sign nothing."""
        install(self.context)
        while pages := [row for row in self.outbox() if row.nature == Nature.REGISTER_PAGE.value]:
            run_tasks([[row.id, row.attempts] for row in pages])

    def history(self, numero: int, follower: str | None = None) -> tuple[HistoriqueLine, ...]:
        return self.ra.demandes.read(self.origin(follower).acteur, numero).historique

    def grant(self, name: str, offre: Offre, structure: str, domaine: str | None = None) -> None:
        add_habilitation(self.db, self.acteurs[name], (offre, structure, domaine), self.clock())

    def withdraw_rights(self, name: str) -> None:
        """Take every explicit habilitation from an acteur."""
        withdraw_rights(self.db, self.acteurs[name], self.clock())

    def enroll_client(self, name: str, content: CertificateContent | None = None) -> Enrolled:
        """A new client certificate registered for an acteur."""
        enrolled = enroll(self.context, self.plateforme, content or ALL_SENDERS[name].content)
        with self.db.write() as session:
            register_identity(session, self.acteurs[name].id, identite_of(enrolled), self.clock())
        return enrolled

    def publish_crls(self, *names: str) -> None:
        for name in names or self.hierarchy.signers:
            publish(self.context, name)


def identite_of(enrolled: Enrolled) -> Identite:
    """What is registered of a client certificate."""
    return Identite(emetteur=enrolled.authority.name_hash.hex(), serie=enrolled_serial(enrolled))


def enrolled_serial(enrolled: Enrolled) -> str:
    return serial_hex(x509.load_der_x509_certificate(enrolled.der).serial_number)


def make_world(
    db: Database, hierarchy: Hierarchy, plateforme: Plateforme = Plateforme.TEST, now: datetime = NOON
) -> World:
    """Fill a migrated database with the fictitious world of one plateforme, registered at this moment."""
    fill(db, plateforme, now)
    return open_world(db, hierarchy, plateforme)


def open_world(db: Database, hierarchy: Hierarchy, plateforme: Plateforme = Plateforme.TEST) -> World:
    """The world that ``make_world`` has put into the database before, for another connection or process."""
    return World(db=db, hierarchy=hierarchy, plateforme=plateforme, acteurs=read_acteurs(db, plateforme))


def summary(lines: Sequence[HistoriqueLine]) -> list[tuple[str, str, str]]:
    """(canal, code action, etat) of each line of a history."""
    return [(line.canal.value, line.code_action, line.etat.value) for line in lines]
