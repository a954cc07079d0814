"""The state of the plateforme as metrics: what the database and the files say when somebody asks.

Nothing is counted here and nothing is kept; a database that is away leaves the rest standing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from batch.past.guard import stopped
from batch.watching.alarms import Alarm
from pki.authority import Authority
from pki.certificates.reading import UNREADABLE
from pki.errors import AuthorityError
from registration.life import owed as owing
from registration.life import signs
from registration.vocabulary import EtatAvis, Plateforme
from runtime.clock import Clock
from runtime.errors import OperatorError
from runtime.metrics import catalogue
from runtime.metrics.catalogue import Metric
from storage import tables
from storage.database import Database

log = structlog.get_logger()

Sample = tuple[Metric, tuple[str, ...], float]
_FRESH_SECONDS = 5.0
_ALARMS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is not in the database: our authorities, TLS certificates of listeners by name, the alarms in force."""

    authorities: Callable[[], Mapping[str, Authority]]
    tls: Mapping[str, Path]
    alarms: Callable[[], Iterable[Alarm]]


class Measuring(Collector):
    """What is measured stays good for some seconds, alarms for half a minute: whoever asks often costs nothing more."""

    def __init__(self, db: Database, plateforme: Plateforme, around: Surroundings, clock: Clock) -> None:
        self._db, self._plateforme, self._around, self._clock = db, plateforme, around, clock
        self._samples: list[Sample] = []
        self._alarms: list[Sample] = []
        self._until = self._alarms_until = float("-inf")

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is measured for a registration."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge of the catalogue, those without a sample too."""
        if time.monotonic() >= self._until:
            self._samples = self._measure()
            self._until = time.monotonic() + _FRESH_SECONDS
        families = {
            metric.name: GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
            for metric in catalogue.BY_COLLECTOR
        }
        for metric, labels, value in self._samples:
            families[metric.name].add_metric(labels, value)
        yield from families.values()

    def _measure(self) -> list[Sample]:
        started = time.monotonic()
        now = self._clock()
        found = [*self._files(now)]
        try:
            with self._db.view(), self._db.read() as session:
                found += self._rows(session, now)
            found.append((catalogue.DATABASE_UP, (), 1.0))
            found += self._alarms_now()
        except (SQLAlchemyError, OperatorError) as error:
            log.warning("the database is not measured", why=type(error).__name__)
            found.append((catalogue.DATABASE_UP, (), 0.0))
        return [*found, (catalogue.COLLECT_SECONDS, (), time.monotonic() - started)]

    def _rows(self, session: Session, now: datetime) -> Iterator[Sample]:
        yield catalogue.STOPPED, (), float(stopped(self._db) is not None)
        yield from _queue(session, now)
        yield from _lists(session, now)
        yield from _trail(session, now)
        yield from _delegates(session, now)
        yield from _notices(session, self._plateforme)

    def _files(self, now: datetime) -> Iterator[Sample]:
        for name, file in self._around.tls.items():
            try:
                chain = x509.load_pem_x509_certificates(file.read_bytes())
            except (OSError, *UNREADABLE):
                continue  # an alarm tells
            left = min(one.not_valid_after_utc for one in chain) - now
            yield catalogue.CERTIFICATE_LEFT, ("tls", name), left.total_seconds()
        try:
            authorities = self._around.authorities()
        except AuthorityError:
            return
        for name, authority in authorities.items():
            yield catalogue.CERTIFICATE_LEFT, ("autorite", name), (authority.not_after - now).total_seconds()

    def _alarms_now(self) -> list[Sample]:
        if time.monotonic() >= self._alarms_until:
            counts = Counter(
                (
                    alarm.subject.name.lower(),
                    "ends" if alarm.fault is None else alarm.fault.name.lower(),
                    str(alarm.urgent).lower(),
                )
                for alarm in self._around.alarms()
            )
            self._alarms = [(catalogue.ALARMS, labels, float(count)) for labels, count in counts.items()]
            self._alarms_until = time.monotonic() + _ALARMS_SECONDS
        return self._alarms


def _seconds(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _queue(session: Session, now: datetime) -> Iterator[Sample]:
    sign = signs.last_sign(session)
    yield catalogue.QUEUE_UP, (), float(signs.serves(session, now))
    if sign is not None:
        seen_at, waiting, workers = sign
        yield catalogue.RELAY_AGE, (), _seconds(now, seen_at)
        yield catalogue.QUEUE_JOBS, (), float(waiting)
        yield catalogue.WORKERS, (), float(workers)
    for line in owing.owed(session, now):
        labels = (line.nature.value,)
        yield catalogue.OWED, labels, float(line.owed)
        yield catalogue.HELD, labels, float(line.held)
        yield catalogue.TRIED_AGAIN, labels, float(line.tried_again)
        yield catalogue.OLDEST_OWED, labels, _seconds(now, line.oldest)
    count, oldest = owing.untreated(session)
    yield catalogue.UNTREATED, (), float(count)
    yield catalogue.OLDEST_UNTREATED, (), _seconds(now, oldest)
    yield catalogue.LOTS, (), float(owing.lots_in_progress(session))


def _lists(session: Session, now: datetime) -> Iterator[Sample]:
    crl = tables.Crl
    rows = session.execute(select(crl.autorite, crl.this_update, crl.next_update, crl.delta_fin))
    for autorite, begins, ends, delta_ends in rows:
        yield catalogue.CRL_AGE, (autorite,), (now - begins).total_seconds()
        yield catalogue.CRL_LEFT, (autorite, "complete"), (ends - now).total_seconds()
        if delta_ends is not None:
            yield catalogue.CRL_LEFT, (autorite, "delta"), (delta_ends - now).total_seconds()


def _trail(session: Session, now: datetime) -> Iterator[Sample]:
    line, checkpoint = tables.PisteAudit, tables.Scellement
    yield catalogue.TRAIL_LINES, (), float(session.scalar(select(func.max(line.numero))) or 0)
    last = session.execute(
        select(checkpoint.numero, checkpoint.date).order_by(checkpoint.numero.desc()).limit(1)
    ).one_or_none()
    sealed = 0
    if last is not None:
        sealed = last.numero
        yield catalogue.CHECKPOINT_AGE, (), _seconds(now, last.date)
    first = session.scalar(select(line.date).where(line.numero > sealed).order_by(line.numero).limit(1))
    yield catalogue.UNSEALED, (), _seconds(now, first)


def _delegates(session: Session, now: datetime) -> Iterator[Sample]:
    responder, certificat, checkpoint = tables.RepondeurOcsp, tables.Certificat, tables.Scellement
    for autorite, ends in session.execute(select(responder.autorite, responder.not_after)):
        yield catalogue.CERTIFICATE_LEFT, ("ocsp", autorite), (ends - now).total_seconds()
    last = session.execute(
        select(checkpoint.autorite, checkpoint.serial).order_by(checkpoint.numero.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return
    sealer_ends = session.scalar(
        select(certificat.not_after).where(certificat.autorite == last.autorite, certificat.serial == last.serial)
    )
    if sealer_ends is not None:
        yield catalogue.CERTIFICATE_LEFT, ("sceau", last.autorite), (sealer_ends - now).total_seconds()


def _notices(session: Session, plateforme: Plateforme) -> Iterator[Sample]:
    avis = tables.Avis
    etats = [EtatAvis.TO_SEND.value, EtatAvis.REFUSED.value]
    counts = dict.fromkeys(etats, 0)
    rows = session.execute(
        select(avis.etat, func.count())
        .where(avis.plateforme == plateforme.value, avis.destinataire.is_not(None), avis.etat.in_(etats))
        .group_by(avis.etat)
    )
    for etat, count in rows:
        counts[str(etat)] = count
    for etat, number in counts.items():
        yield catalogue.NOTICES, (etat,), float(number)
