"""The token bucket on a clock that the test turns."""

from __future__ import annotations

import pytest

from runtime.throttle import TokenBucket


class Time:
    """Goes on only while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_blocks_come_as_fast_as_allowed_and_no_faster() -> None:
    time = Time()
    bucket = TokenBucket(200, 50, clock=time, wait=time.wait)
    taken = []
    for _ in range(9):
        assert bucket.take(50)
        taken.append(time.now - 100)
    assert taken == pytest.approx([rank * 0.25 for rank in range(9)])
    # In no second more than what it allows, the block at its beginning aside.
    assert all(sum(start < at <= start + 1 for at in taken) * 50 <= 200 for start in taken)


def test_time_that_passes_by_itself_is_not_waited_for_again_nor_saved_up() -> None:
    time = Time()
    bucket = TokenBucket(10, 10, clock=time, wait=time.wait)
    bucket.take(10)
    time.now += 0.5
    bucket.take(10)
    assert time.waits == pytest.approx([0.5])
    time.now += 3_600
    bucket.take(10)
    bucket.take(10)
    assert time.waits == pytest.approx([0.5, 1.0])


def test_less_than_a_token_a_second() -> None:
    time = Time()
    bucket = TokenBucket(0.5, 1, clock=time, wait=time.wait)
    bucket.take(1)
    bucket.take(1)
    assert time.now == pytest.approx(102.0)


def test_who_ends_the_waiting_takes_nothing() -> None:
    time = Time()
    bucket = TokenBucket(1, 5, clock=time, wait=lambda _seconds: True)
    assert bucket.take(5)
    assert not bucket.take(3)
    time.now += 3
    assert bucket.take(3)


def test_a_wait_that_comes_back_early_is_gone_on_with() -> None:
    time = Time()

    def shortly(seconds: float) -> None:
        time.wait(seconds / 2 if len(time.waits) < 3 else seconds)

    bucket = TokenBucket(1, 1, clock=time, wait=shortly)
    bucket.take(1)
    bucket.take(1)
    assert time.now == pytest.approx(101.0)
    assert len(time.waits) == 4


def test_what_could_never_be_taken_is_refused() -> None:
    for rate, burst in ((0, 1), (-1, 1), (1, 0)):
        with pytest.raises(ValueError):
            TokenBucket(rate, burst)
    with pytest.raises(ValueError):
        TokenBucket(1, 5).take(6)
