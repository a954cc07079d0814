"""A form on its way to be a demande: its numero, and the verdict, which can only get worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from registration.errors import IgcError
from registration.policy import LotPolicy
from registration.rules.validation import CsrVerdicts, Judged, Refused, examine, leave_unexamined
from registration.rules.view import DirectoryView
from registration.values import DemandeForm

log = structlog.get_logger()


@dataclass(slots=True)
class Candidate:
    """A judged form and the numero it will have; when nothing is stored, its position in the lot instead.

    ``renouvelle`` is the numero of the demande whose certificate it renews, if it does.
    """

    numero: int
    verdict: Judged
    cree_le: datetime
    acteur: str
    renouvelle: int | None = None

    @property
    def refusals(self) -> tuple[IgcError, ...]:
        """Why it is refused; empty as long as it is accepted."""
        return self.verdict.refusals if isinstance(self.verdict, Refused) else ()

    def refuse(self, refusal: IgcError) -> None:
        """Put one more refusal to the verdict."""
        self.verdict = self.verdict.refused(refusal)


def judge(
    view: DirectoryView,
    forms: Sequence[DemandeForm],
    first_numero: int,
    now: datetime,
    policy: LotPolicy,
    csrs: CsrVerdicts,
) -> list[Candidate]:
    """Judge each form by every rule that needs no claim; numeros run from ``first_numero``."""
    acteur = view.acteur.libelle
    return [
        Candidate(numero=numero, verdict=_examine(view, form, numero, policy, csrs), cree_le=now, acteur=acteur)
        for numero, form in enumerate(forms, first_numero)
    ]


def _examine(view: DirectoryView, form: DemandeForm, numero: int, policy: LotPolicy, csrs: CsrVerdicts) -> Judged:
    try:
        return examine(view, form, policy.keys, policy.ps_upn_domains, csrs)
    except MemoryError:
        raise
    except Exception:
        # A fault of ours that this form brings to light: it is refused alone, and sinks none of its page.
        log.exception("form cannot be examined", numero=numero)
        return leave_unexamined(view.acteur, form)
