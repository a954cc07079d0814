"""``igc audit`` after every run: the figures of a plateforme that is not clean are worth nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from bench.plateforme.sets import Plateforme
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE


class AuditError(RuntimeError):
    """The auditor found something, or could not look; the text is his."""


def require_clean_audit(plateforme: Plateforme, sample: int, *, where: Sequence[str] = ()) -> None:
    """AuditError unless the audit of the running plateforme finds nothing; ``sample`` certificates are linted again.

    ``where`` leads to the host of its publication.
    """
    command = [sys.executable, "-m", "commands", "audit", "--sample", str(sample), "--config", str(plateforme.config)]
    environment = {**os.environ, CONFIG_VARIABLE: str(plateforme.config)}
    done = subprocess.run([*where, *bound(command)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AuditError(f"igc audit ({done.returncode}): {done.stdout[-2000:]}{done.stderr[-2000:]}")
