"""Who sends the notices: gathers, takes some, hands each over, says what became of it. Issuing never waits for it.

While anything is to be signed it stands back, half a minute at a time: a mail may come later, a signature may not.
A crash between the hand-over and the record sends some again, with the same Message-ID: at least once, never lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.errors import MessageError

import structlog

from batch.mailing.message import build_message, name_of
from batch.mailing.transport import Answer, Transport, TransportError, Verdict
from batch.mailing.wording import House, Text
from batch.past.guard import stopped
from batch.queue.standstill import Standstill
from registration.life.outbox import is_anything_owed
from registration.notices.contents import Notice, read_notice
from registration.notices.gathering import Windows, begin, gather
from registration.notices.taking import Outcome, forget, retry_delay, settle, take
from registration.vocabulary import EtatAvis
from runtime.clock import Clock, system_clock
from storage import tables
from storage.changes import Changes
from storage.database import Database

log = structlog.get_logger()

_AT_ONCE = 20
_HOLD = timedelta(minutes=15)  # longer than a batch may take, every wait for the server included
_LOOK_SECONDS, _LOOK_AT_REST_SECONDS = 1.0, 5.0
_BROKEN_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
_FORGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """How long what is put off is tried again, how long what was sent is remembered, when an end is told of.

    ``patience`` is how long mails wait while anything is to be signed.
    """

    give_up: timedelta = timedelta(hours=120)
    keep: timedelta = timedelta(days=90)
    windows: Windows = field(default_factory=Windows)
    patience: timedelta = timedelta(seconds=30)


class Mailer:
    """One per plateforme is enough; several share the work (rows are locked while they are taken)."""

    def __init__(
        self,
        db: Database,
        transport: Transport,
        house: House,
        policy: MailPolicy | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Nothing is done before ``run`` or ``run_once``."""
        self._db = db
        self._transport = transport
        self._house = house
        self._policy = policy or MailPolicy()
        self._clock = clock
        self._has_begun = False
        self._next_forgetting = 0.0
        self._up_to_date = time.monotonic()
        self._pause = timedelta(0)
        self._rests_until: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set; a database or a server that is away is waited for."""
        standstill = Standstill()
        changes = Changes(self._db.engine, stop, _LOOK_SECONDS)
        while not stop.is_set():
            try:
                done = self.run_in_turn()
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is told and tried again
                standstill.failures += 1
                standstill.tell(error)
                stop.wait(_BROKEN_SECONDS)
                continue
            standstill.go_on()
            if not done:
                self._transport.rest()
                stop.wait(_LOOK_SECONDS)
                # What becomes due by itself does so without any commit.
                changes.wait(_LOOK_AT_REST_SECONDS)
        self._transport.rest()
        changes.close()

    def run_in_turn(self) -> int:
        """As ``run_once``, but leave the cores and the database to those who sign, for as long as the policy says.

        Once that is over nobody is made way for before nothing is left to send.
        """
        if time.monotonic() < self._up_to_date + self._policy.patience.total_seconds():
            with self._db.read() as session:
                if is_anything_owed(session):
                    return 0
        done = self.run_once()
        if not done:
            self._up_to_date = time.monotonic()
        return done

    def run_once(self) -> int:
        """Gather what is due and send some; gives the number of notices that were tried or turned out pointless."""
        if stopped(self._db) is not None:
            return 0
        now = self._clock()
        plateforme = self._house.plateforme
        if not self._has_begun:
            begin(self._db, plateforme, now, self._policy.windows)
            self._has_begun = True
        gather(self._db, plateforme, now, self._policy.windows)
        self._forget(now)
        if self._rests_until is not None and now < self._rests_until <= now + _LONGEST_PAUSE:
            return 0
        rows = take(self._db, plateforme, now, _HOLD, _AT_ONCE)
        return self._send(rows) if rows else 0

    def _send(self, rows: Sequence[tables.Avis]) -> int:
        outcomes: list[Outcome] = []
        tried = 0
        try:
            for row in rows:
                outcomes.append(self._try(row))
                tried += 1
            self._pause, self._rests_until = timedelta(0), None
        except TransportError as error:
            now = self._rest(error)
            if error.is_mid_mail:  # perhaps it is this mail that breaks the way: the others go first
                outcomes.append(self._later(rows[tried], str(error), now))
                tried += 1
        finally:
            # Whatever happened: those after it are free at once.
            now = self._clock()
            left = [Outcome(row.id, row.essais, EtatAvis.TO_SEND, row.reponse, now) for row in rows[tried:]]
            settle(self._db, [*outcomes, *left], now)
        return tried

    def _rest(self, error: TransportError) -> datetime:
        """Try nobody for a while, twice as long each time."""
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        now = self._clock()
        self._rests_until = now + self._pause
        log.warning("mail does not go", why=str(error), pause=self._pause.total_seconds())
        return now

    def _try(self, row: tables.Avis) -> Outcome:
        now = self._clock()
        try:
            notice = read_notice(self._db, row)
            if not notice.items:
                return Outcome(row.id, row.essais, EtatAvis.MOOT, None, now)
            answer = self._deliver(notice, now)
        except TransportError:
            raise
        except Exception as error:
            # One that cannot be written stops no other; it is tried again, because what is wrong may be mended.
            log.exception("notice cannot be written", id=row.id, nature=row.nature)
            return self._later(row, f"avis impossible à écrire ({type(error).__name__})", now)
        if answer.verdict is Verdict.LATER:
            return self._later(row, answer.text, now)
        if answer.verdict is Verdict.REFUSED:
            log.warning("notice refused", id=row.id, nature=row.nature, numero=row.id_demande, lot=row.id_lot)
            return Outcome(row.id, row.essais, EtatAvis.REFUSED, answer.text, now)
        return Outcome(row.id, row.essais, EtatAvis.SENT, answer.text, now)

    def _deliver(self, notice: Notice, now: datetime) -> Answer:
        try:
            message = build_message(Text(self._house, notice, now))
        except (ValueError, MessageError):
            # The rules let no such address in; an older plateforme may have.
            return Answer(Verdict.REFUSED, "adresse impossible à écrire dans un mail")
        return self._transport.deliver(message, name_of(notice))

    def _later(self, row: tables.Avis, text: str, now: datetime) -> Outcome:
        if now - row.cree_le >= self._policy.give_up:
            log.warning("notice given up", id=row.id, nature=row.nature, numero=row.id_demande, lot=row.id_lot)
            return Outcome(row.id, row.essais, EtatAvis.REFUSED, text, now)
        return Outcome(row.id, row.essais, EtatAvis.TO_SEND, text, now + retry_delay(row.essais))

    def _forget(self, now: datetime) -> None:
        if time.monotonic() >= self._next_forgetting:
            self._next_forgetting = time.monotonic() + _FORGET_SECONDS
            before = now - self._policy.keep
            forget(self._db, self._house.plateforme, before)
            self._transport.forget(before.timestamp())
