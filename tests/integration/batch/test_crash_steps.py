"""A worker that dies with SIGKILL at each step of its work; another one then finishes, from the stored bytes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from batch.context import DelegateFiles
from batch.delegates import keys as delegates
from batch.delegates import responders
from batch.issuing import demandes as issuing
from batch.issuing import handover, storing
from batch.lists import crls
from batch.queue import jobs, leases
from pki.certificates.serials import serial_hex
from pki.delegates.delegated import load_delegated_signer, signer_file
from pki.delegates.ocsp_signer import RESPONDER
from registration.life import outbox
from registration.life.outbox import Task
from registration.lots import pages
from registration.vocabulary import EtatDemande
from storage import tables
from storage.database import Database
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.stored import certificate_of

_ITEMS = 5


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def _before(module: Any, name: str) -> None:
    setattr(module, name, lambda *_args, **_named: _die())


def _after(module: Any, name: str, calls: int = 1) -> None:
    original, left = getattr(module, name), [calls]

    def step(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        left[0] -= 1
        return result if left[0] else _die()

    setattr(module, name, step)


# What happens in the child before its work, and whether serial and bytes are stored when it dies.
_STEPS: dict[str, tuple[Callable[[], None], bool]] = {
    "serials drawn, nothing stored": (lambda: _after(issuing, "_prepare"), False),
    "before the claim": (lambda: _before(outbox, "claim"), False),
    "inside the claim": (lambda: _after(outbox, "claim"), False),
    "inside the hand-over": (lambda: _after(handover, "insert_rows"), False),
    "after the hand-over": (lambda: _after(issuing, "hand_over"), True),
    "after the third signature": (lambda: _after(issuing, "_sign", calls=3), True),
    "before the certificates are stored": (lambda: _before(issuing, "store"), True),
    "inside the last transaction, all written": (lambda: _after(storing, "give_up"), True),
    "after the last transaction": (lambda: _after(issuing, "store"), True),
}


def _dies(world: BatchWorld, harm: Callable[[], None], task: Task) -> None:
    """Do the task in a process of its own, in which ``harm`` has put the SIGKILL."""
    child = os.fork()
    if child == 0:
        try:
            # A connection must not be shared with the parent.
            world.db = Database(world.database_url)
            jobs.install(replace(world.context, worker="worker-dies"))
            harm()
            jobs.run_tasks([[task.id, task.attempt]])
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def _stored(world: BatchWorld) -> dict[int, tuple[str, bytes]]:
    """Serial and bytes to be signed of every demande, from the row before the signature or the certificate after."""
    found = {}
    for row in world.values(select(tables.Certificat)):
        tbs = the(row.tbs) if row.der is None else certificate_of(row).tbs_certificate_bytes
        found[the(row.id_demande)] = (row.serial, tbs)
    return found


@pytest.mark.parametrize("step", list(_STEPS))
def test_a_chunk_whose_worker_died(world: BatchWorld, step: str) -> None:
    harm, stored = _STEPS[step]
    index = world.deposit_fresh(_ITEMS)
    (task,) = world.send()
    world.db.dispose()
    _dies(world, harm, task)
    before = _stored(world)
    assert len(before) == (_ITEMS if stored else 0)
    etat = EtatDemande.TRANSMISE if stored else EtatDemande.VALIDEE
    assert {world.demande(numero).etat for numero in world.numeros(index)} == {etat.value}
    # Its supervisor.
    leases.release_worker(world.db, "worker-dies")
    world.run_batch()
    world.assert_complete(index, good=_ITEMS)
    after = _stored(world)
    assert {numero: after[numero] for numero in before} == before


@pytest.mark.parametrize("step", ["before", "inside"])
def test_a_page_whose_worker_died(world: BatchWorld, step: str) -> None:
    index = world.deposit_fresh(30)
    (task,) = world.send()
    world.db.dispose()
    _dies(world, lambda: _before(jobs, "register_page") if step == "before" else _after(pages, "_owe_next"), task)
    assert world.numeros(index) == []
    leases.release_worker(world.db, "worker-dies")
    world.run_batch()
    world.assert_complete(index, good=30)


_CRL_STEPS: dict[str, tuple[Callable[[], None], int]] = {
    "after the number was drawn": (lambda: _after(crls, "_draw"), 1),
    "after the signature": (lambda: _after(crls, "_sign"), 1),
    "before the file": (lambda: _before(crls, "bring_up_to_date"), 2),
}


@pytest.mark.parametrize("step", list(_CRL_STEPS))
def test_a_crl_whose_worker_died(world: BatchWorld, tmp_path_factory: pytest.TempPathFactory, step: str) -> None:
    harm, stored = _CRL_STEPS[step]
    world.publication = tmp_path_factory.mktemp("publication")
    autorite = next(iter(world.hierarchy.signers))
    crls.publish(world.context, autorite)
    world.db.dispose()
    child = os.fork()
    if child == 0:
        try:
            world.db = Database(world.database_url)
            harm()
            crls.publish(world.context, autorite)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    file = world.publication / "CRL" / f"{autorite}.crl"
    (row,) = world.values(select(tables.Crl))
    assert row.numero == stored
    # The next worker's first act.
    crls.write_stored(world.context)
    assert file.read_bytes() == row.der
    # A number that was drawn is never used for another list.
    following = x509.load_der_x509_crl(crls.publish(world.context, autorite))
    assert following.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3
    assert file.read_bytes() == following.public_bytes(Encoding.DER)


_DELEGATE_STEPS: dict[str, Callable[[], None]] = {
    "serial and bytes stored": lambda: _before(delegates, "issue_certificate"),
    "signed, not stored": lambda: _after(delegates, "issue_certificate"),
    "stored, no file": lambda: _before(delegates, "replace"),
}


@pytest.mark.parametrize("step", list(_DELEGATE_STEPS))
def test_a_responder_whose_maker_died(world: BatchWorld, tmp_path_factory: pytest.TempPathFactory, step: str) -> None:
    """The former key serves on, and another maker comes as soon as nobody can still be writing the file."""
    clock = world.clock.stop()
    autorite, signer = next(iter(world.hierarchy.signers.items()))
    files = DelegateFiles(tmp_path_factory.mktemp("ocsp"), b"phrase des repondeurs")
    file = signer_file(RESPONDER, files.folder, autorite)

    def renew() -> int:
        return responders.renew_due(replace(world.context, signers={autorite: signer}, responders=files))

    assert renew() == 1
    first = file.read_bytes()
    clock.now += world.policy.ocsp_signer_life / 2
    world.db.dispose()
    child = os.fork()
    if child == 0:
        try:
            world.db = Database(world.database_url)
            _DELEGATE_STEPS[step]()
            renew()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert file.read_bytes() == first
    signed = [row.der is not None for row in world.values(select(tables.Certificat).order_by(tables.Certificat.id))]
    assert signed == [True, step == "stored, no file"]
    assert renew() == 0
    clock.now += timedelta(minutes=2)
    assert renew() == 1
    certificate = load_delegated_signer(
        RESPONDER, world.hierarchy.authorities[autorite], file, files.passphrase
    ).certificate
    (row,) = world.values(select(tables.RepondeurOcsp))
    assert serial_hex(certificate.serial_number) == row.serial
    # Three serials were drawn, each for one certificate: what was promised and not made stays on record, unissued.
    rows = world.values(select(tables.Certificat).order_by(tables.Certificat.id))
    assert [row.der is not None for row in rows] == [True, step == "stored, no file", True]
    assert [name.name for name in files.folder.iterdir()] == [file.name]
