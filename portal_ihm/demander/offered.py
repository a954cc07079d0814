"""Which structures a form let its reader choose when it was opened, told by the form itself.

The form carries a keyed mark for each. Nobody can make one without the portal's secret, and one is worth nothing to
another acteur or in another session. A mark gives no right: with it, a right that was lost meanwhile is told from one
that never was (ERR_IHM_020, ERR_IHM_026).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from itertools import islice

_MARK_BYTES, _MARK_CHARACTERS = 9, 12
MAX_MARKS = 2000
"""Structures beyond are not remembered: 24 KB, half of what a field of a form may hold."""


class Marks:
    """The marks of one acteur in one session."""

    def __init__(self, secret: bytes, *, acteur: str, session: str) -> None:
        """``session`` is what the session has of its own, unknown to others."""
        self._key = hmac.digest(secret, f"{acteur}|{session}".encode(), hashlib.sha256)

    def write(self, structures: Iterable[str]) -> str:
        """What the form carries: the marks of the first ``MAX_MARKS`` structures, 12 characters each."""
        return "".join(self._mark(structure) for structure in islice(structures, MAX_MARKS))

    def prove(self, text: str, structure: str) -> bool:
        """Whether ``text``, which comes from outside, holds the mark of this structure."""
        wanted = self._mark(structure)
        starts = range(0, min(len(text), MAX_MARKS * _MARK_CHARACTERS), _MARK_CHARACTERS)
        return wanted in {text[start : start + _MARK_CHARACTERS] for start in starts}

    def _mark(self, structure: str) -> str:
        digest = hmac.digest(self._key, structure.encode(errors="surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_MARK_BYTES]).decode("ascii")
