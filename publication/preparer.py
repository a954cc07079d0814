"""Answers to plain requests signed before anybody asks, and again before they grow old; in the background.

One signature at a time and a rest after each, so that a request waits for one at most: signing holds the interpreter.
While the batch has work to do the cores are its own, for some minutes: who asks meanwhile has an answer signed for him.
What is prepared decides nothing: the row is read again before an answer is served.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pki.errors import PkiError
from pki.status.ocsp_request import CertId, plain_request, read_request
from publication.answers import Kept, KeptAnswers
from publication.issued import Issued, IssuedReader
from publication.maker import AnswerMaker, NoResponderError
from publication.statuses import StatusReader, StoppedError

log = structlog.get_logger()

_LOOK_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 600.0
_TROUBLE_SECONDS = 5.0
_STOP_SECONDS = 10.0
_LONGEST_REST = 0.004  # some 200 signatures per second, a tenth of a core
_RENEWALS = 200  # in one round
_WITHOUT_REST = 500
_WALKS = 24  # over all kept answers, during the validity of one


class _StoppingError(Exception):
    """The process ends."""


class Courtesy:
    """Lets what has nobody waiting for it wait while the batch is busy; for one thread."""

    def __init__(self, is_batch_busy: Callable[[], bool], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet."""
        self._is_batch_busy = is_batch_busy
        self._monotonic = monotonic
        self._busy_since: float | None = None

    def must_wait(self) -> bool:
        """Not for ever: something may be owed for days, until its signer is back. Errors are those of the question."""
        if not self._is_batch_busy():
            self._busy_since = None
            return False
        now = self._monotonic()
        if self._busy_since is None:
            self._busy_since = now
        return now - self._busy_since < _LONGEST_WAIT_SECONDS


class AnswerPreparer:
    """Keeps ready what KeptAnswers has room for. ``statuses`` is the background's own."""

    def __init__(
        self,
        maker: AnswerMaker,
        issued: IssuedReader,
        statuses: StatusReader,
        kept: KeptAnswers,
        courtesy: Courtesy,
    ) -> None:
        """Nothing is begun yet. ``courtesy`` is asked before each round."""
        self._maker = maker
        self._issued = issued
        self._statuses = statuses
        self._kept = kept
        self._courtesy = courtesy
        # Never so long that all of them could not be renewed in half of the time there is.
        self._rest_seconds = min(_LONGEST_REST, maker.validity.total_seconds() / 12 / kept.bound)
        self._walk: Iterator[bytes] = iter(())
        self._walked_at: datetime | None = None
        self._stop = threading.Event()
        self._is_ready = self._in_trouble = False
        self._failing: set[str] = set()

    @contextlib.contextmanager
    def in_thread(self) -> Generator[None]:
        """Work in the background for the time of a ``with`` block; an interpreter that ends does not wait for it."""
        thread = threading.Thread(target=self._run, name="ocsp-answers", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(self._attempt()):
            pass
        self._statuses.close()

    def _attempt(self) -> float:
        """One round; after how many seconds the next is due. Nothing that goes wrong ends the work."""
        try:
            must_wait = self._courtesy.must_wait()
            is_more = not must_wait and self.round()
        except _StoppingError:
            return 0.0
        except Exception as error:
            if not self._in_trouble:
                if isinstance(error, SQLAlchemyError):  # its text may quote the address and the account
                    log.warning("no ocsp answer is prepared: the database is away", error=type(error).__name__)
                else:
                    log.exception("no ocsp answer is prepared")
            self._in_trouble = True
            return _TROUBLE_SECONDS
        self._in_trouble = False
        if is_more:
            return self._rest_seconds
        if not must_wait and not self._is_ready:
            log.info("ocsp answers ready", number=len(self._kept.requests()))
            self._is_ready = True
        return _LOOK_SECONDS

    def round(self) -> bool:
        """Prepare some of what was issued, renew some of what is old; False when nothing is left to do for now.

        SQLAlchemyError when the database is away: what was to be done is done in a later round.
        """
        waiting = self._issued.waiting
        self._prepare(self._issued.late())
        is_moving = self._issued.waiting < waiting
        page = self._issued.page()
        if page is not None and not self._prepare(page):
            self._issued.drop_older()
        return self._renew() or is_moving or page is not None

    def _prepare(self, certificates: Iterable[Issued]) -> bool:
        """Newest first; False when there was no room for one."""
        has_room = True
        for one in certificates:
            has_room = has_room and self._kept.takes(one.number)
            if not has_room or one.not_after <= self._maker.clock():
                self._issued.settle(one.number)
            else:
                with self._again_later(one.autorite):
                    self._prepare_one(one)
        return has_room

    def _prepare_one(self, one: Issued) -> None:
        answers = {}
        for cert_id in self._maker.cert_ids(one.autorite, one.serial):
            request = plain_request(cert_id)
            if self._kept.peek(request) is None and (kept := self._make(one.autorite, cert_id)) is not None:
                answers[request] = kept
        if answers:
            self._kept.put_issued(one.number, answers)
        self._issued.settle(one.number)

    def _renew(self) -> bool:
        """Go on through what is kept; False when the end is reached, or all of it was looked at a short while ago."""
        now = self._maker.clock()
        signed = 0
        for count, request in enumerate(self._requests(now), start=1):
            kept = self._kept.peek(request)
            if kept is not None and self._is_old(kept, now):
                with self._again_later(kept.autorite):
                    made = self._make(kept.autorite, read_request(request).cert_ids[0])
                    self._kept.replace(request, kept, made)
                signed += 1
                if signed == _RENEWALS:
                    return True
            elif count % _WITHOUT_REST == 0:
                self._rest()
        return False

    def _requests(self, now: datetime) -> Iterator[bytes]:
        """What is left of the walk through all that is kept, or a new walk when it is time for one."""
        yield from self._walk
        walked_at = self._walked_at
        # The clock may have gone back.
        if walked_at is None or not walked_at <= now < walked_at + self._maker.validity / _WALKS:
            self._walked_at = now
            self._walk = iter(self._kept.requests())
            yield from self._walk

    def _is_old(self, kept: Kept, now: datetime) -> bool:
        """Near its end, from the future, or of a key that was replaced; never when nobody could sign anew."""
        signer = self._maker.signer(kept.autorite)
        if signer is None:
            return False
        return signer is not kept.signer or not kept.since <= now < kept.renew_at

    def _make(self, autorite: str, cert_id: CertId) -> Kept | None:
        """An answer to keep; None when its serial is unknown after all."""
        _, kept = self._maker.single(self._statuses, autorite, cert_id)
        self._rest()
        return kept

    @contextlib.contextmanager
    def _again_later(self, autorite: str) -> Iterator[None]:
        """What cannot be signed now stays as it is, and is tried again; that it fails is logged when it begins."""
        try:
            yield
        except (NoResponderError, StoppedError):
            return
        except PkiError:
            if autorite not in self._failing:
                log.exception("no answer could be signed", autorite=autorite)
                self._failing.add(autorite)
            self._rest()
        else:
            self._failing.discard(autorite)

    def _rest(self) -> None:
        """Let requests be answered; _StoppingError when the process ends."""
        if self._stop.wait(self._rest_seconds):
            raise _StoppingError
