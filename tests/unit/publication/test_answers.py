"""Which answers are kept when there is not room for all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from publication.answers import Kept, KeptAnswers, OcspAnswer

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def kept(name: bytes) -> Kept:
    return Kept(OcspAnswer(name), "AC", 1, None, cast("Any", None), NOW, NOW, NOW)


def issue(place: KeptAnswers, number: int) -> bool:
    """Both forms of a certificate."""
    taken = place.takes(number)
    place.put_issued(number, {form + b"%d" % number: kept(b"") for form in (b"1-", b"256-")})
    return taken


def held(place: KeptAnswers) -> set[bytes]:
    return set(place.requests())


def test_the_newest_are_kept_in_whatever_order_they_come() -> None:
    place = KeptAnswers(12)
    assert [issue(place, number) for number in (5, 9, 7, 4, 8, 6)] == [True, True, True, False, True, False]
    assert held(place) == {b"1-7", b"256-7", b"1-8", b"256-8", b"1-9", b"256-9"}


def test_what_was_asked_for_last_is_kept() -> None:
    place = KeptAnswers(6)
    for name in (b"a", b"b", b"c"):
        place.put_asked(name, kept(name))
    assert place.ask(b"a") == kept(b"a")
    place.put_asked(b"d", kept(b"d"))
    assert held(place) == {b"a", b"c", b"d"}
    assert place.ask(b"b") is None


def test_neither_half_pushes_the_other_out() -> None:
    place = KeptAnswers(8)
    issue(place, 1)
    assert place.ask(b"1-1") is not None
    for number in range(2, 100):
        issue(place, number)
    assert held(place) == {b"1-1", *(form + number for form in (b"1-", b"256-") for number in (b"98", b"99"))}
    for number in range(100):
        place.put_asked(b"%d" % number, kept(b""))
    assert held(place) == {b"96", b"97", b"98", b"99", b"1-98", b"256-98", b"1-99", b"256-99"}


def test_an_answer_that_was_asked_for_is_not_prepared_over() -> None:
    place = KeptAnswers(8)
    place.put_asked(b"1-1", kept(b"asked"))
    issue(place, 1)
    assert sorted(place.requests()) == [b"1-1", b"256-1"]
    assert place.peek(b"1-1") == kept(b"asked")


def test_only_the_former_answer_is_replaced() -> None:
    place = KeptAnswers(8)
    former, latter, late = kept(b"former"), kept(b"latter"), kept(b"late")
    place.put_asked(b"a", former)
    place.replace(b"a", former, latter)
    place.replace(b"a", former, late)
    place.replace(b"b", former, late)
    assert place.peek(b"a") is latter
    assert place.peek(b"b") is None
    place.replace(b"a", latter, None)
    assert place.requests() == []


def test_a_certificate_that_was_asked_for_leaves_its_room_to_others_in_time() -> None:
    """However many are issued and asked for, the memory of their numbers is bounded as well."""
    place = KeptAnswers(8)
    for number in range(50):
        issue(place, number)
        place.ask(b"1-%d" % number)
        place.ask(b"256-%d" % number)
    assert len(place._newest) == 2
    assert held(place) == {form + number for form in (b"1-", b"256-") for number in (b"48", b"49")}
