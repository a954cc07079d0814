"""The world of this folder: the processes' own clock, as many keys as a lot needs, a queue, and the audit of a lot."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.context import BatchPolicy
from batch.queue.relay import Relay
from batch.queue.rq import WorkQueue, connect
from batch.queue.worker import run_worker
from pki.authority import Authority
from registration.policy import LotPolicy
from registration.values import DemandeForm
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit, Plateforme
from runtime.clock import system_clock
from storage import tables
from storage.database import Database
from tests.integration.batch.keys import CsrPool
from tests.support.acteurs import fill, read_acteurs
from tests.support.clock import Clock
from tests.support.hierarchies import Hierarchy
from tests.support.produits import demande_form
from tests.support.world import World

_SIGNED = [CodeAction.RECORDED, CodeAction.VALIDATED, CodeAction.HANDED_TO_CA, CodeAction.ISSUED]
_REFUSED = [CodeAction.RECORDED, CodeAction.REJECTED]


@dataclass
class Owed:
    """Some demandes and the rows that owe them, as if this run had claimed them."""

    numeros: Collection[int]
    outbox_ids: Sequence[int]
    is_claimed: bool = True

    def claim_in(self, session: Session) -> Collection[int]:
        return self.numeros


@dataclass(kw_only=True)
class BatchWorld(World):
    """Time goes on with the wall's, as in other processes; an application is who acts; sizes are those of a service."""

    queue_url: str
    csrs: CsrPool
    clock: Clock = field(default_factory=lambda: Clock(None))
    policy: BatchPolicy = field(default_factory=lambda: BatchPolicy(lots=LotPolicy(page_size=200, chunk_size=50)))
    sender: str = "dpi-acacias"
    _used: int = 0

    def fresh_forms(self, count: int) -> tuple[DemandeForm, ...]:
        """Good demandes, each with a key that this world has not seen yet."""
        self._used += count
        fresh = self.csrs.take(self._used)[-count:]
        return tuple(demande_form(csr, service_applicatif=f"Application {rank}") for rank, csr in enumerate(fresh))

    def deposit_fresh(self, count: int, reference: str = "lot") -> int:
        """The index of a lot of good demandes."""
        return self.deposit(*self.fresh_forms(count), reference=reference).index

    def place(self, form: DemandeForm | None = None, sender: str | None = None) -> int:
        return super().place(form or self.fresh_forms(1)[0], sender)

    def relay(self) -> Relay:
        return Relay(self.db, WorkQueue(connect(self.queue_url)), self.policy, self.clock)

    def run_round(self) -> None:
        """The relay sends once, then an RQ worker of this process empties the queue."""
        self.relay().run_once()
        # The worker takes the signals of its process, which is pytest's.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
        try:
            run_worker(self.context, connect(self.queue_url), burst=True)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

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


def verify(certificate: x509.Certificate, authority: Authority) -> None:
    """InvalidSignature unless the authority's key signed it."""
    algorithm = certificate.signature_hash_algorithm
    assert algorithm is not None
    authority.public_key.verify(certificate.signature, certificate.tbs_certificate_bytes, PKCS1v15(), algorithm)


def make_batch_world(db: Database, hierarchy: Hierarchy, csrs: CsrPool, queue_url: str = "") -> BatchWorld:
    """Fill a migrated database; the roots of the hierarchy sign elsewhere."""
    fill(db, Plateforme.TEST, system_clock())
    acteurs = read_acteurs(db, Plateforme.TEST)
    return BatchWorld(db=db, hierarchy=hierarchy.without_root_keys(), acteurs=acteurs, queue_url=queue_url, csrs=csrs)
