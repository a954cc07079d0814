"""A bare parse of a message, validated with the published schema."""

from __future__ import annotations

import time
from pathlib import Path

from lxml import etree

_SCHEMA = Path(__file__).parents[2] / "schemas" / "igc-lots-1.0.xsd"
_TURNS = 3


def bare_parse_seconds(body: bytes) -> float:
    """The least time, of a few, to parse the message and validate its body, nothing else; ValueError for a bad one."""
    schema = etree.XMLSchema(etree.parse(_SCHEMA))
    times = []
    for _ in range(_TURNS):
        start = time.perf_counter()
        envelope = etree.fromstring(body)
        if not schema.validate(etree.ElementTree(envelope[-1][0])):
            raise ValueError("the message of the bench does not follow the schema")
        times.append(time.perf_counter() - start)
    return min(times)
