"""How often a revocation code may be tried without login: what each try is counted by, and when the next one is taken.

Decisions (ours; the guide is silent). A code has at least twelve characters, each try costs a fresh captcha, and a
certificate names its own serial to everybody: whoever wants to guess knows where, and whoever wants to lock the owner
out only has to fail often. So nothing that others do is ever counted against the owner:

- by address: so many failures an hour, whatever was tried. IPv6 is counted by /64, which one line owns.
- by (address, certificate): fewer. Each address has tries of its own for each certificate.
- by certificate, over all addresses: this count refuses nobody. Above a mark the certificate counts as attacked, and
  each address has fewer tries an hour for it. The owner still has these, however many others fail.
- overall: so many comparisons a second, since each costs a processor 50 ms and 16 MB. Above that nobody is turned away
  for good: each address is told an hour at which a place is kept for it, one at a time, in the order of their coming.

So who comes with the right code from an address of his own is heard at once or, while the plateforme is flooded, at
the hour that he is told: at most one interval (a tenth of a second) for each other address that has a place. Behind an
address shared with an attacker the wait is one window at most; any other connection has its own tries. What was right
is given back. Whether the certificate exists or the code was right changes none of this: it is decided before.

A clock that is set back does not keep anybody out for longer: what lies further ahead than it could is drawn back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TryPolicy:
    """The numbers. ``burst`` is how many comparisons may be asked for at once before hours are given."""

    per_address: int = 20
    per_certificate: int = 5
    while_attacked: int = 2
    attacked_from: int = 20
    window: timedelta = timedelta(hours=1)
    attacked_for: timedelta = timedelta(hours=24)
    per_second: int = 10
    burst: int = 300
    kept_place: timedelta = timedelta(minutes=10)

    @property
    def interval(self) -> timedelta:
        """Between two comparisons when everybody waits."""
        return timedelta(seconds=1) / self.per_second


@dataclass(frozen=True, slots=True)
class Count:
    """A number that was begun at ``debut_le`` and says nothing any more from ``fin_le`` on."""

    nombre: int
    debut_le: datetime
    fin_le: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """All that a try is judged by. ``overall.fin_le`` is when everything that was asked for so far will be done.

    ``place`` is kept for this address from its ``debut_le`` to its ``fin_le``. ``told`` counts what was refused since
    the audit trail told it last.
    """

    address: Count
    certificate: Count
    pair: Count
    overall: Count
    place: Count
    told: Count


@dataclass(frozen=True, slots=True)
class Judgement:
    """The counts as they are now, and from when on a next try is taken: None, this one is."""

    counts: Counts
    later: datetime | None


def judge_try(counts: Counts, kept: int, now: datetime, policy: TryPolicy) -> Judgement:
    """Whether a try is taken now. ``kept`` is how many places are kept for addresses, read when they matter.

    A try that is taken counts as failed until it is given back.
    """
    address = _in_force(counts.address, now, policy.window)
    pair = _in_force(counts.pair, now, policy.window)
    certificate = _in_force(counts.certificate, now, policy.attacked_for)
    limit = policy.while_attacked if certificate.nombre >= policy.attacked_from else policy.per_certificate
    full = [
        count.fin_le
        for count, most in ((address, policy.per_address), (pair, min(limit, policy.per_certificate)))
        if count.nombre >= most
    ]
    counts = replace(counts, address=address, certificate=certificate, pair=pair)
    if full:
        return Judgement(counts, max(full))
    overall, place, later = _turn(counts, kept, now, policy)
    counts = replace(counts, overall=overall, place=place)
    if later is not None:
        return Judgement(counts, later)
    told = _in_force(counts.told, now, policy.kept_place, keeps=True)
    counted = Counts(_more(address), _more(certificate), _more(pair), overall, place, _more(told))
    return Judgement(counted, None)


def is_flooded(overall: Count, now: datetime, policy: TryPolicy) -> bool:
    """Whether more was asked for than may be done at once, so that places are given."""
    return overall.fin_le - now > policy.interval * policy.burst


def give_back(counts: Counts) -> Counts:
    """A try that was taken was right: it does not count."""
    return replace(
        counts,
        **{name: _less(getattr(counts, name)) for name in ("address", "certificate", "pair", "told")},
    )


def _turn(counts: Counts, kept: int, now: datetime, policy: TryPolicy) -> tuple[Count, Count, datetime | None]:
    """A leaky bucket as a meter (ITU-T I.371, GCRA), with places kept for who comes too early.

    Gives the count overall, the place of this address, and its hour when it has to come again.
    """
    overall, place, room = counts.overall, counts.place, policy.interval * policy.burst
    if place.nombre and now < place.fin_le:
        start = min(place.debut_le, now + policy.interval * kept)
        if start <= now:
            return overall, Count(0, now, now), None
        return overall, replace(place, debut_le=start, fin_le=start + policy.kept_place), start
    done = max(overall.fin_le, now)
    if done > now + room + policy.interval * (kept + 1):  # further than all that waits: the clock was set back
        done = now
    further = Count(overall.nombre + 1, now, done + policy.interval)
    if done - now <= room:
        return further, place, None
    start = done - room
    return further, Count(1, start, start + policy.kept_place), start


def _in_force(count: Count, now: datetime, window: timedelta, *, keeps: bool = False) -> Count:
    """The count, or a new one; with ``keeps`` what is over goes on, for somebody else ends it."""
    if count.nombre == 0 or (now >= count.fin_le and not keeps):
        return Count(0, now, now + window)
    return replace(count, fin_le=min(count.fin_le, now + window))


def _more(count: Count) -> Count:
    return replace(count, nombre=count.nombre + 1)


def _less(count: Count) -> Count:
    return replace(count, nombre=max(0, count.nombre - 1))
