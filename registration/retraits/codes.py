"""The revocation code that a withdrawal sets, and that its repetition proves itself by (guide §9.2)."""

from __future__ import annotations

from collections.abc import Iterable

from registration.rules.revocation_code import hash_code, verify_code

# Items withdrawn one by one have a slow hash each: so many of them are compared for one page.
_DISTINCT_CODES = 8


class WithdrawnMeanwhileError(Exception):
    """Somebody withdrew it since its hash was looked for, or it was signed since."""


class Codes:
    """The revocation code of a withdrawal against those stored before; slow hashes, so never under a lock."""

    def __init__(self, code: str) -> None:
        """Nothing is hashed yet."""
        self._code = code
        self._fresh: str | None = None
        self._verdicts: dict[str, bool] = {}

    @property
    def fresh(self) -> str:
        """The hash for what is withdrawn now; WithdrawnMeanwhileError when nothing was, of what was looked at."""
        if self._fresh is None:
            raise WithdrawnMeanwhileError
        return self._fresh

    def look_at(self, stored: Iterable[str | None]) -> int:
        """Compare with hashes in their order, some at a time; gives how many items those cover that were compared."""
        covered = compared = 0
        for empreinte in stored:
            if empreinte is None and self._fresh is None:
                self._fresh = hash_code(self._code)
            if empreinte is not None and empreinte not in self._verdicts:
                if compared == _DISTINCT_CODES:
                    break
                compared += 1
                self._verdicts[empreinte] = verify_code(self._code, empreinte)
            covered += 1
        return covered

    def is_that_of(self, empreinte: str | None) -> bool:
        """Whether a certificate was withdrawn with this code; WithdrawnMeanwhileError when its hash is unknown."""
        if empreinte is None:
            return False
        if empreinte not in self._verdicts:
            raise WithdrawnMeanwhileError
        return self._verdicts[empreinte]
