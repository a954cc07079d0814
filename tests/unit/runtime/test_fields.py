"""Media types and dates as strangers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.listening.fields import MediaType, read_http_date, read_media_type
from tests.support.growth import by_four, grows_too_fast

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "essence", "parameters"),
    [
        ("text/xml", "text/xml", {}),
        (" Text/XML ; Charset=UTF-8 ", "text/xml", {"charset": "UTF-8"}),
        ('text/xml;charset="utf-8";', "text/xml", {"charset": "utf-8"}),
        ("text/xml; charset=", "text/xml", {"charset": ""}),
        ("text/xml;;; a=b", "text/xml", {"a": "b"}),
        ('a/b; c="d;e=\\"f\\"\\\\"; g=h', "a/b", {"c": 'd;e="f"\\', "g": "h"}),
        ("application/soap+xml; action=urn:x", "", {}),  # a colon is no token: it has to be quoted
        ('application/soap+xml; action="urn:x/y"', "application/soap+xml", {"action": "urn:x/y"}),
        ("text/xml, text/html", "", {}),
        ("text/xml; charset=utf-8; charset=utf-16", "", {}),
        ('text/xml; charset="utf-8', "", {}),
        ("text/xml charset=utf-8", "", {}),
        ("text", "", {}),
        ("", "", {}),
        ("text/xml; a=" + "b" * 2000, "", {}),
    ],
)
def test_media_types(text: str, essence: str, parameters: dict[str, str]) -> None:
    assert read_media_type(text) == MediaType(essence, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "SUN, 06 NOV 1994 08:49:37 gmt",
    ],
)
def test_the_three_forms_of_a_date(text: str) -> None:
    assert read_http_date(text, NOW) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


def test_two_figures_are_of_the_nearer_century() -> None:
    assert read_http_date("Monday, 30-Nov-76 00:00:00 GMT", NOW) == datetime(2076, 11, 30, tzinfo=UTC)
    assert read_http_date("Monday, 30-Nov-77 00:00:00 GMT", NOW) == datetime(1977, 11, 30, tzinfo=UTC)


def test_a_leap_second() -> None:
    assert read_http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


NO_DATES = (
    "", "0", "-1", "Thu, 01 Jan 0000 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 +9999",
    "Thu, 01 Jan 0001 00:00:00 +2359", "Thu, 01 Jan 9999 00:00:00 -2359", "Thu, 31 Feb 2026 00:00:00 GMT",
    "Thu, 01 Jan 2026 24:00:00 GMT", "Thu, 01 Jan 2026 00:60:00 GMT", "Thu, 01 Jan 2026 00:00:61 GMT",
    "Thu, 01 Jan 2026 00:00:00 EST", "Thu, 01 Jan 2026 00:00:00", "Thu, 0\u0661 Jan 2026 00:00:00 GMT",
    "Thu, 01 Jan 2026 00:00:00 GMT ", "Thu, 1 Jan 2026 00:00:00 GMT", "Thu Jan 1 00:00:00 2026", "9" * 30_000,
    "Thu, 01 Jan 2026 00:00:00 GMT" * 1000, "Thu, 00 Jan 2026 00:00:00 GMT",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date(text: str) -> None:
    assert read_http_date(text, NOW) is None


@given(st.text(max_size=60))
def test_nothing_is_raised(text: str) -> None:
    read_http_date(text, NOW)
    read_media_type(text)
    read_media_type(f"a/b;{text}")


def read_long(head: str, unit: str, size: int) -> None:
    read_media_type(head + unit * size)


@pytest.mark.parametrize("unit", [";", '"', '\\"', ' ;"', "a=", ";a=", ";a=b", " ", 'a="', "/", '; a="\\'])
def test_a_media_type_costs_its_length(unit: str) -> None:
    for head in ("", "a/b", 'a/b; c="'):
        assert grows_too_fast(partial(read_long, head, unit), by_four(100, 32_000)) is None
