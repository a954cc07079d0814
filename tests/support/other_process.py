"""What a second server process does; imports as little as it needs, since each process pays for it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime

from registration.errors import IgcError
from registration.lots import deposit as lots
from registration.policy import LotPolicy
from registration.values import DemandeForm, LotForm, Origin
from storage.database import Database

Deposit = tuple[Origin, str, tuple[DemandeForm, ...]]


def deposit_from_processes(
    url: str, deposits: Sequence[Deposit], now: datetime, policy: LotPolicy, processes: int = 2
) -> list[tuple[int, bool] | str]:
    """Make each deposit from one of some processes at the same time: (index, already known) or the code of refusal."""
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_deposit, url, deposit, now, policy) for deposit in deposits]
        return [future.result(120) for future in futures]


def _deposit(url: str, deposit: Deposit, now: datetime, policy: LotPolicy) -> tuple[int, bool] | str:
    origin, reference, forms = deposit
    db = Database(url)
    try:
        receipt = lots.submit(db, origin, LotForm(reference=reference, demandes=forms), now, policy)
    except IgcError as refusal:
        return refusal.code.value
    finally:
        db.dispose()
    return receipt.index, receipt.already_known
