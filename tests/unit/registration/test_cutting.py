"""Pages and chunks of a lot: nothing is lost, nothing is larger than it may be, both ends are small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.rules.cutting import chunk_sizes, page_sizes

_POLICIES = st.builds(
    LotPolicy,
    page_size=st.integers(1, 600),
    first_page=st.integers(1, 100),
    chunk_size=st.integers(1, 300),
    at_once=st.integers(0, 50),
)


@given(st.integers(0, 10_000), _POLICIES)
def test_pages_hold_every_item_once_and_grow(count: int, policy: LotPolicy) -> None:
    sizes = page_sizes(count, policy)
    assert sum(sizes) == count
    assert all(1 <= size <= policy.page_size for size in sizes)
    assert sizes[:-1] == sorted(sizes[:-1])


@given(st.integers(0, 600), st.integers(0, 10_000), _POLICIES)
def test_chunks_hold_every_demande_once_and_shrink(count: int, after: int, policy: LotPolicy) -> None:
    sizes = chunk_sizes(count, after, policy)
    assert sum(sizes) == count
    assert all(1 <= size <= policy.chunk_size for size in sizes)
    assert sizes == sorted(sizes, reverse=True)


def test_a_large_lot_begins_and_ends_with_little() -> None:
    pages = page_sizes(10_000, DEFAULT_POLICY)
    assert pages[:5] == [60, 120, 240, 480, 500]
    assert chunk_sizes(60, 9_940, DEFAULT_POLICY) == [60]
    assert chunk_sizes(500, 5_000, DEFAULT_POLICY) == [250, 250]
    last = chunk_sizes(500, 0, DEFAULT_POLICY)
    assert last[0] == 83
    assert last[-1] <= 25


def test_what_is_registered_at_once_is_one_chunk() -> None:
    assert chunk_sizes(20, 0, DEFAULT_POLICY) == [20]
    assert chunk_sizes(21, 0, DEFAULT_POLICY) == [21]
    assert chunk_sizes(60, 0, DEFAULT_POLICY) == [25, 25, 10]
