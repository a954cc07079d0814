"""``SessionsPort``: who is logged in on the portal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registration.authority.area import Area
from registration.sessions import keeping
from registration.sessions.values import Durees, FinDeSession, Ouverture, Porte, SessionOuverte
from registration.vocabulary import Plateforme
from runtime.clock import Clock
from storage.database import Database


class Sessions(Area):
    """``SessionsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, plateforme: Plateforme) -> None:
        super().__init__(db, clock)
        self._plateforme = plateforme

    def open(self, opening: Ouverture, durees: Durees) -> str:
        """See ``keeping.open_session``."""
        return self._run(keeping.open_session, self._plateforme, opening, durees, self._clock())

    def read(self, token: str, porte: Porte, certificat: str | None = None) -> SessionOuverte | None:
        """See ``keeping.read_session``."""
        return self._run(keeping.read_session, self._plateforme, token, porte, certificat, self._clock())

    def keep(self, token: str, donnees: Mapping[str, Any] | None, durees: Durees) -> bool:
        """See ``keeping.keep_session``."""
        return self._run(keeping.keep_session, token, donnees, durees, self._clock())

    def end(self, token: str) -> None:
        """See ``keeping.end_session``."""
        self._run(keeping.end_session, token)

    def end_by_issuer(self, fin: FinDeSession) -> int | None:
        """See ``keeping.end_by_issuer``."""
        return self._run(keeping.end_by_issuer, self._plateforme, fin, self._clock())
