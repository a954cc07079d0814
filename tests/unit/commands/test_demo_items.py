"""The lot of the demo at any size: every product and every fault where there is room, as many as fit elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.demo.items import PRODUCTS, build_lot, faults_in


@pytest.mark.parametrize(
    ("size", "faults"), [(1, 0), (2, 0), (3, 1), (5, 2), (12, 5), (22, 9), (23, 10), (24, 10), (60, 10), (10_000, 10)]
)
def test_a_part_of_every_lot_is_bad_and_ten_at_most(size: int, faults: int) -> None:
    assert faults_in(size) == faults
    if size >= 23:
        assert size - faults >= len(PRODUCTS)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_small_lot_has_its_size_and_its_faults_at_the_end(tmp_path: Path, size: int) -> None:
    demo = build_lot("essai", size, tmp_path, lambda _done: None)
    assert len(demo.lot.demande) == size
    assert list(demo.bad) == list(range(size - faults_in(size) + 1, size + 1))
