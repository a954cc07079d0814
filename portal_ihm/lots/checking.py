"""The check of a lot takes its time: it runs beside the pages that show how far it is, one after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from registration.errors import IgcError

if TYPE_CHECKING:
    from starlette.requests import Request

    from registration.ports import AuthorityPort
    from registration.values import Origin

log = structlog.get_logger()
_MOST_WAITING = 16


class Checks:
    """Those of this process. What comes out is kept by the registration authority, so that every process shows it."""

    def __init__(self, authority: AuthorityPort) -> None:
        """None is under way."""
        self._authority = authority
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._failed: set[str] = set()

    def begin(self, origin: Origin, ident: str) -> None:
        """Have it run as soon as its turn comes, unless it is; with too many before it, the next page asks again."""
        with self._lock:
            if ident in self._under_way or len(self._under_way) >= _MOST_WAITING:
                return
            self._under_way.add(ident)
            self._failed.discard(ident)
        # A thread that a stopping process need not wait for: nothing is lost with it.
        threading.Thread(target=self._run, args=(origin, ident), name="verification", daemon=True).start()

    def is_under_way(self, ident: str) -> bool:
        """Whether it runs here, or waits for its turn."""
        with self._lock:
            return ident in self._under_way

    def has_failed(self, ident: str) -> bool:
        """Whether it has come to nothing here since it was begun last."""
        with self._lock:
            return ident in self._failed

    def _run(self, origin: Origin, ident: str) -> None:
        failed = True
        try:
            with self._turn:
                self._authority.depots.check(origin, ident)
            failed = False
        except IgcError as error:
            log.info("portal check given up", refusal=error.code.value)
        except Exception:
            log.exception("portal check failed")
        finally:
            with self._lock:
                self._under_way.discard(ident)
                if failed:
                    self._failed.add(ident)
                    while len(self._failed) > _MOST_WAITING:
                        self._failed.pop()


def checks_of(request: Request) -> Checks:
    """Those of the running portal."""
    checks: Checks = request.app.state.checks
    return checks
