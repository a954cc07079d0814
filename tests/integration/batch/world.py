"""What the tests of this folder work on: authorities of a real ceremony, a small world, and the audit of a lot."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from sqlalchemy import func, select

from batch import tasks
from batch.context import BatchPolicy, WorkerContext
from batch.jobs import install, run_tasks
from batch.queue import WorkQueue, connect
from batch.relay import Relay
from batch.worker import run_worker
from pki.authority import Authority
from pki.signers.port import Signer
from registration import cancellation, lots, single
from registration.acteurs import as_value
from registration.outbox import Nature
from registration.policy import LotPolicy
from registration.values import Acteur, DemandeForm, LotForm, Origin
from registration.vocabulary import (
    Canal,
    CodeAction,
    EtatDemande,
    EtatProduit,
    Offre,
    Plateforme,
    TypeActeurInscrit,
    Usage,
)
from runtime.clock import Clock, system_clock
from storage import tables
from storage.database import Database
from tests.integration.batch.keys import CsrPool

STRUCTURE = "10B0990011"
_SIGNED = [CodeAction.RECORDED, CodeAction.VALIDATED, CodeAction.HANDED_TO_CA, CodeAction.ISSUED]
_REFUSED = [CodeAction.RECORDED, CodeAction.REJECTED]


@dataclass(frozen=True)
class Hierarchy:
    """A ceremony's files, and what a worker makes of them."""

    authorities_dir: Path
    keys_dir: Path
    pass_phrase_file: Path
    authorities: dict[str, Authority]
    signers: dict[str, Signer]


@dataclass
class World:
    """One database with a structure and an acteur who may request for it; ``db`` is this process's own door."""

    db: Database
    url: str
    queue_url: str
    hierarchy: Hierarchy
    csrs: CsrPool
    acteur: Acteur
    policy: BatchPolicy = field(default_factory=lambda: BatchPolicy(lots=LotPolicy(page_size=200, chunk_size=50)))
    clock: Clock = system_clock
    publication: Path | None = None
    _used: int = 0

    @property
    def origin(self) -> Origin:
        return Origin(acteur=self.acteur, canal=Canal.WS)

    def forms(self, count: int, **changes: Any) -> tuple[DemandeForm, ...]:
        """Good demandes, each with a key that this world has not seen yet."""
        self._used += count
        fresh = self.csrs.take(self._used)[-count:]
        return tuple(form(csr, service_applicatif=f"Application {rank}", **changes) for rank, csr in enumerate(fresh))

    def submit(self, forms: Sequence[DemandeForm], reference: str = "lot") -> int:
        """Deposit a lot as the SOAP canal does; gives its index."""
        lot = LotForm(reference=reference, demandes=tuple(forms))
        return lots.submit(self.db, self.origin, lot, self.clock(), self.policy.lots).index

    def place(self) -> int:
        """Place one demande as the portal does; gives its numero."""
        origin = Origin(acteur=self.acteur, canal=Canal.IHM)
        return single.submit(self.db, origin, self.forms(1)[0], self.clock(), self.policy.lots)

    def cancel(self, numero: int) -> None:
        cancellation.cancel_demande(self.db, self.origin, numero, self.clock())

    def context(self, worker: str = "worker-test", **changes: Any) -> WorkerContext:
        values: dict[str, Any] = {
            "db": self.db,
            "worker": worker,
            "authorities": self.hierarchy.authorities,
            "signers": self.hierarchy.signers,
            "publication": self.publication,
            "policy": self.policy,
            "clock": self.clock,
        }
        return WorkerContext(**(values | changes))

    def relay(self, job_timeout: int = 60) -> Relay:
        queue = WorkQueue(connect(self.queue_url), job_timeout=job_timeout)
        return Relay(self.db, queue, self.policy, self.clock)

    def send(self) -> list[tasks.Task]:
        """What a relay would send now."""
        return tasks.take_ready(self.db, self.policy, self.clock())

    def work(self, context: WorkerContext | None = None) -> None:
        """Send and do, one task a job, until nothing is ready any more."""
        install(context or self.context())
        while ready := self.send():
            for task in ready:
                run_tasks([[task.id, task.attempt]])

    def run_round(self) -> None:
        """The relay sends once, then an RQ worker of this process empties the queue."""
        self.relay().run_once()
        # The worker takes the signals of its process, which is pytest's.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
        try:
            run_worker(self.context(), connect(self.queue_url), burst=True)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def register_pages(self) -> None:
        """Turn every stored page into demandes and sign nothing."""
        install(self.context())
        while pages := [row for row in self.outbox() if row.nature == Nature.REGISTER_PAGE.value]:
            run_tasks([[row.id, row.attempts] for row in pages])

    def rows(self, query: Any) -> list[Any]:
        with self.db.read() as session:
            return list(session.execute(query))

    def values(self, query: Any) -> list[Any]:
        with self.db.read() as session:
            return list(session.scalars(query))

    def outbox(self) -> list[tables.Outbox]:
        return self.values(select(tables.Outbox).order_by(tables.Outbox.id))

    def signed(self) -> int:
        """How many certificates are signed so far."""
        query = select(func.count()).select_from(tables.Certificat).where(tables.Certificat.emis_le.is_not(None))
        return int(self.values(query)[0])

    def numeros(self, index: int) -> list[int]:
        demande = tables.Demande
        return self.values(select(demande.id).where(demande.id_lot == index).order_by(demande.position))

    def demande(self, numero: int) -> tables.Demande:
        return self.values(select(tables.Demande).where(tables.Demande.id == numero))[0]

    def certificat(self, numero: int) -> tables.Certificat:
        return self.values(select(tables.Certificat).where(tables.Certificat.id_demande == numero))[0]

    def steps(self, numero: int) -> list[CodeAction]:
        line = tables.Historique
        found = self.values(select(line.code_action).where(line.id_demande == numero).order_by(line.id))
        return [CodeAction(code) for code in found]

    def assert_complete(self, index: int, *, good: int, bad: int = 0) -> None:
        """Every good item has exactly one certificate, every bad one is Rejetée, nothing is owed any more."""
        assert self.values(select(tables.Outbox).where(tables.Outbox.id_lot == index)) == []
        assert self.values(select(tables.LotPage.page).where(tables.LotPage.id_lot == index)) == []
        demande = tables.Demande
        rows = self.rows(
            select(demande.id, demande.position, demande.etat, demande.etat_produit)
            .where(demande.id_lot == index)
            .order_by(demande.position)
        )
        assert [row.position for row in rows] == list(range(1, good + bad + 1))
        etats = Counter((row.etat, row.etat_produit) for row in rows)
        expected = {
            (EtatDemande.TRANSMISE.value, EtatProduit.A_RETIRER.value): good,
            (EtatDemande.REJETEE.value, None): bad,
        }
        assert etats == {key: count for key, count in expected.items() if count}
        self._assert_certificates(index, {row.id for row in rows if row.etat_produit is not None})
        self._assert_history({row.id: _SIGNED if row.etat_produit is not None else _REFUSED for row in rows})

    def _assert_certificates(self, index: int, numeros: set[int]) -> None:
        certificat, cle = tables.Certificat, tables.ClePublique
        rows = self.rows(
            select(
                certificat.id_demande, certificat.autorite, certificat.serial, certificat.tbs, certificat.der, cle.spki
            )
            .join(tables.Demande, tables.Demande.id == certificat.id_demande)
            .join(cle, cle.id_demande == certificat.id_demande)
            .where(tables.Demande.id_lot == index)
        )
        assert sorted(row.id_demande for row in rows) == sorted(numeros)
        assert len({(row.autorite, row.serial) for row in rows}) == len(rows)
        assert len({row.der for row in rows}) == len(rows)
        for row in rows:
            assert row.tbs is None
            certificate = x509.load_der_x509_certificate(row.der)
            assert f"{certificate.serial_number:x}" == row.serial.lstrip("0").lower()
            assert row.spki in certificate.tbs_certificate_bytes
            verify(certificate, self.hierarchy.authorities[row.autorite])

    def _assert_history(self, expected: dict[int, list[CodeAction]]) -> None:
        line = tables.Historique
        found: dict[int, list[CodeAction]] = {numero: [] for numero in expected}
        for numero, code in self.rows(select(line.id_demande, line.code_action).order_by(line.id)):
            if numero in found:
                found[numero].append(CodeAction(code))
        assert found == expected


def form(csr: bytes, **changes: Any) -> DemandeForm:
    """A demande that every rule accepts, unless ``changes`` say otherwise."""
    values: dict[str, Any] = {
        "offre": Offre.ORG,
        "usage": Usage.AUTH_CLI,
        "csr": csr,
        "email_acteur": "dsi@acacias.example",
        "structure": STRUCTURE,
        "service_applicatif": "Application",
    }
    return DemandeForm(**(values | changes))


def verify(certificate: x509.Certificate, authority: Authority) -> None:
    """InvalidSignature unless the authority's key signed it."""
    algorithm = certificate.signature_hash_algorithm
    assert algorithm is not None
    authority.public_key.verify(certificate.signature, certificate.tbs_certificate_bytes, PKCS1v15(), algorithm)


def populate(db: Database) -> Acteur:
    """One structure, and an application that may request for it."""
    with db.write() as session:
        session.add(
            tables.Structure(
                plateforme="TEST", id_national=STRUCTURE, raison_sociale="CENTRE DES ACACIAS", departement="Paris (75)"
            )
        )
        acteur = tables.Acteur(
            plateforme=Plateforme.TEST.value,
            type_acteur=TypeActeurInscrit.APPLICATION.value,
            id_national=f"{STRUCTURE}/DPI",
            libelle="DPI DES ACACIAS",
        )
        session.add(acteur)
        session.flush()
        session.add(
            tables.Habilitation(
                id_acteur=acteur.id, role="ADMINISTRATEUR_TECHNIQUE", offre=Offre.ORG.value, id_structure=STRUCTURE
            )
        )
        return as_value(acteur)


def jobs_waiting(url: str) -> int:
    """How many jobs lie in the queue."""
    with redis.Redis.from_url(url) as client:
        return int(client.llen("rq:queue:igc"))


class SteppedClock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = system_clock()

    def __call__(self) -> datetime:
        return self.now
