"""What the log says of a batch that stands still for its surroundings: why, once a minute, and when it goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

AWAY_SECONDS = 1.0
"""How often somebody who waits looks whether what was away is back."""

_TOLD_SECONDS = 60.0


@dataclass(slots=True)
class Standstill:
    """Failures of the surroundings in a row, and when the log was told last."""

    failures: int = 0
    told: float = -_TOLD_SECONDS

    def tell(self, error: Exception) -> None:
        """Say why, unless that was said within the minute."""
        now = time.monotonic()
        if now - self.told >= _TOLD_SECONDS:
            self.told = now
            log.error("batch stands still", why=type(error).__name__, exc_info=error)

    def go_on(self) -> None:
        """Say that it is over, when there was one."""
        if self.failures:
            log.info("batch goes on", failures=self.failures)
        self.failures, self.told = 0, -_TOLD_SECONDS
