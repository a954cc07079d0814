"""What every operation is given beside its own arguments."""

from __future__ import annotations

from dataclasses import dataclass

from registration.ports import AuthorityPort
from registration.values import Caller, LotForm, Origin, RevocationLotForm
from ws.gates.xml import Request


@dataclass(frozen=True, kw_only=True)
class Call:
    """What an operation needs beside its arguments; ``lot`` is set for the operations that carry one.

    ``holder`` is who presents the certificate; ``origin`` says in whose place he acts.
    """

    request: Request
    authority: AuthorityPort
    holder: Caller
    origin: Origin
    max_items: int
    max_bytes: int
    lot: LotForm | RevocationLotForm | None = None
