"""The pure rules of tries, whatever comes in whatever order: the pace is kept, and nobody waits beyond his hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from registration.rules.code_tries import Count, Counts, TryPolicy, give_back, is_flooded, judge_try

POLICY = TryPolicy(per_second=2, burst=6)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
ATTACKERS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 900)), max_size=120)
"""Who asks, and so many milliseconds after the one before."""


@dataclass
class Desk:
    """The rows of all addresses for one certificate, as ``registration.revocation.tries`` keeps them."""

    now: datetime = START
    rows: dict[tuple[str, object], Count] = field(default_factory=dict)
    done: list[datetime] = field(default_factory=list)

    def ask(self, address: object) -> datetime | None:
        """When to come again; None when it was taken."""
        names = {kind: (kind, address if kind in {"address", "pair", "place"} else "") for kind in Counts.__slots__}
        nothing = Count(0, self.now, self.now)
        counts = Counts(**{kind: self.rows.get(name, nothing) for kind, name in names.items()})
        flooded = is_flooded(counts.overall, self.now, POLICY)
        judgement = judge_try(counts, self.kept() if flooded else 0, self.now, POLICY)
        self.rows |= {name: getattr(judgement.counts, kind) for kind, name in names.items()}
        if judgement.later is None:
            self.done.append(self.now)
        return judgement.later

    def kept(self) -> int:
        return sum(
            1 for (kind, _), row in self.rows.items() if kind == "place" and row.nombre and row.fin_le > self.now
        )

    def wait(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def attack(desk: Desk, attackers: list[tuple[int, int]]) -> None:
    for attacker, pause in attackers:
        desk.ask(attacker)
        desk.wait(milliseconds=pause)


@given(ATTACKERS, ATTACKERS)
def test_the_owner_is_heard_at_once_or_at_the_hour_that_he_is_told(
    before: list[tuple[int, int]], meanwhile: list[tuple[int, int]]
) -> None:
    desk = Desk()
    attack(desk, before)
    others, asked = desk.kept(), desk.now
    hour = desk.ask("owner")
    if hour is None:
        return
    assert hour <= asked + POLICY.interval * (others + 1)
    attack(desk, meanwhile)
    if hour <= desk.now < hour + POLICY.kept_place:
        assert desk.ask("owner") is None
    elif desk.now < hour:
        assert desk.ask("owner") == hour
        desk.now = hour
        assert desk.ask("owner") is None


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), max_size=200))
def test_no_more_is_compared_than_the_pace_allows(attackers: list[tuple[int, int]]) -> None:
    """Counted from the beginning: a place may be used later than at its hour, never before."""
    desk = Desk()
    attack(desk, attackers)
    for rank, moment in enumerate(desk.done, 1):
        assert rank <= POLICY.burst + 1 + (moment - START).total_seconds() * POLICY.per_second + 1e-6


@given(ATTACKERS)
def test_nobody_else_uses_up_the_tries_of_an_address(attackers: list[tuple[int, int]]) -> None:
    desk = Desk()
    attack(desk, attackers)
    row = desk.rows.get(("pair", "owner"))
    assert row is None
    desk.wait(hours=1)
    assert desk.ask("owner") is None
    assert desk.ask("owner") is None  # two at least, attacked or not


@given(st.integers(1, 30), st.integers(-10_000, 10_000))
def test_wherever_the_clock_is_set_an_hour_is_the_longest_wait(tries: int, seconds: int) -> None:
    desk = Desk()
    for _ in range(tries):
        desk.ask("somebody")
    desk.wait(seconds=seconds)
    later = desk.ask("somebody")
    if later is not None:
        assert later <= desk.now + POLICY.window
        desk.now = later
        assert desk.ask("somebody") is None


def test_what_is_given_back_counts_no_more_and_never_below_nothing() -> None:
    nothing = Count(0, START, START)
    counts = Counts(*[nothing] * 6)
    taken = judge_try(counts, 0, START, POLICY).counts
    assert taken.address.nombre == taken.pair.nombre == taken.certificate.nombre == taken.told.nombre == 1
    assert give_back(taken).address.nombre == 0
    assert give_back(give_back(taken)).pair.nombre == 0
    assert give_back(taken).overall == taken.overall  # what was compared has cost what it costs
