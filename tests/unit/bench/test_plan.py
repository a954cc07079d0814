"""How much a run measures, by its options."""

from __future__ import annotations

from pathlib import Path

from bench.plan import ALL_HERE, Part, Plan


def plan(items: int = 10_000, *, whole_campaign: bool = False, parts: frozenset[Part] = ALL_HERE) -> Plan:
    return Plan(items, Path("w"), Path("r"), [1, 2, 3], 3, parts=parts, whole_campaign=whole_campaign)


def test_a_whole_campaign_is_ten_lots_of_ten_thousand_with_a_key_each() -> None:
    found = plan(whole_campaign=True)
    assert (found.campaign.lots, found.campaign.items) == (10, 10_000)
    assert found.requests == 100_000
    assert plan(whole_campaign=True, parts=frozenset({Part.KEYS})).requests < 100_000


def test_there_are_requests_for_every_measure_of_one_plateforme() -> None:
    full = plan().full
    assert full.items == 10_000
    assert plan().requests >= full.rounds * full.items + full.items + full.mixed_singles


def test_what_needs_root_is_asked_for() -> None:
    assert Part.NAMESPACES not in ALL_HERE
    assert ALL_HERE | {Part.NAMESPACES} == frozenset(Part)
