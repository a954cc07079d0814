"""Renewing whatever ends soon, as a cron job does: each run in a folder of its own, an interrupted one taken up again.

``<folder>/<reference>/`` holds ``lot.xml`` with what a deposit remembers beside it, ``cles/`` and ``certificats/`` with
the manifest. The lot is written once its keys are, and nothing is sent before: a run killed earlier has asked for
nothing. ``bilan.json`` is written when nothing of the lot waits any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from clients.contract.files import MAX_DEMANDES
from clients.contract.values import DemandeCertificat, DemandeSuivie, Lot
from clients.files import write_atomically
from clients.keys.many import KeyTarget, make_keys
from clients.lots.file import write_lot
from clients.lots.workflow import WithdrawReport

LOT_NAME, KEYS_NAME, CERTIFICATES_NAME, DONE_NAME = "lot.xml", "cles", "certificats", "bilan.json"
_PREFIX = "renouvellement-"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One lot of renewals in its folder."""

    folder: Path

    @property
    def lot_path(self) -> Path:
        """The lot as it is, or was, deposited."""
        return self.folder / LOT_NAME

    @property
    def keys(self) -> Path:
        """Where its private keys are."""
        return self.folder / KEYS_NAME

    @property
    def certificates(self) -> Path:
        """Where its certificates and the manifest go."""
        return self.folder / CERTIFICATES_NAME


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    retires: int
    refusees: int


def unfinished(folder: Path) -> list[Run]:
    """The lots of earlier runs that were not followed to their end, the oldest first."""
    runs = (Run(folder=each.parent) for each in sorted(folder.glob(f"{_PREFIX}*/{LOT_NAME}")))
    return [run for run in runs if not (run.folder / DONE_NAME).exists()]


def finish(run: Run, report: WithdrawReport) -> None:
    """Remember that nothing of the lot waits any more; one with demandes still to be signed stays unfinished."""
    if not report.pending:
        done = _Done(retires=report.withdrawn, refusees=report.refused)
        write_atomically(run.folder / DONE_NAME, msgspec.json.encode(done))


def prepare(
    folder: Path,
    products: Sequence[DemandeSuivie],
    now: datetime,
    *,
    passphrase: bytes | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Run]:
    """Keys, CSRs and lots to renew these products with, a folder for each lot of as many as one may hold.

    ``progress`` gets the number of keys made since its last call. Raises KeyFileError and OSError; what is not written
    then is not deposited.
    """
    for part in _parts(products):
        reference = f"{_PREFIX}{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        run = Run(folder=folder / reference)
        run.keys.mkdir(parents=True)
        names = [f"produit-{product.numero_demande}" for product in part]
        targets = [KeyTarget(folder=run.keys, stem=name, common_name=name) for name in names]
        csrs = make_keys(targets, passphrase=passphrase, workers=workers, progress=progress)
        demandes = tuple(
            DemandeCertificat(reference=name, renouvelle=str(product.numero_demande), csr=csr)
            for name, product, csr in zip(names, part, csrs, strict=True)
        )
        write_lot(Lot(reference=reference, demande=demandes), run.lot_path)
        yield run


def _parts(products: Sequence[DemandeSuivie]) -> Iterator[Sequence[DemandeSuivie]]:
    for start in range(0, len(products), MAX_DEMANDES):
        yield products[start : start + MAX_DEMANDES]
