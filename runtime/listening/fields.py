"""Values of HTTP fields as strangers write them: bounded first, then read once from left to right.

In place of the standard library's readers of mail headers, which take quadratic time and raise what nobody foresees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

_MAX_MEDIA_TYPE = 1024
_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TYPE = re.compile(rf"[ \t]*({_TCHAR}+/{_TCHAR}+)[ \t]*")
_PARAMETER = re.compile(rf';[ \t]*(?:({_TCHAR}+)=(?:"((?:[^"\\]|\\.)*+)"|({_TCHAR}*)))?[ \t]*')
_ESCAPED = re.compile(r"\\(.)")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH, _TIME = rf"(?P<month>{'|'.join(_MONTHS)})", r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>[0-5]\d|60)"
_DATES = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"[a-z]{{3}}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} gmt",
        rf"[a-z]{{6,9}}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} gmt",
        rf"[a-z]{{3}} {_MONTH} (?P<day>[\d ]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_LONGEST_DATE = 40
_CENTURY, _HALF = 100, 50
_LAST_SECOND = 59


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type: type and names of parameters in small letters; all empty when it is malformed or too long."""

    essence: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_media_type(text: str) -> MediaType:
    """RFC 9110 §8.3.1. A parameter given twice makes it malformed: two readers could take one each."""
    found = _TYPE.match(text) if len(text) <= _MAX_MEDIA_TYPE else None
    if found is None:
        return MediaType()
    parameters: dict[str, str] = {}
    position = found.end()
    while position < len(text):
        part = _PARAMETER.match(text, position)
        if part is None or (part[1] or "").lower() in parameters:
            return MediaType()
        if part[1]:
            quoted = part[2]
            parameters[part[1].lower()] = part[3] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        position = part.end()
    return MediaType(found[1].lower(), parameters)


def read_http_date(text: str, now: datetime) -> datetime | None:
    """RFC 9110 §5.6.7, all three forms; None for whatever is none, or no day of the calendar.

    ``now`` decides the century of the form with two figures.
    """
    found = next((match for form in _DATES if len(text) <= _LONGEST_DATE and (match := form.fullmatch(text))), None)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) < len("2000"):
        year += now.year // _CENTURY * _CENTURY
        year -= _CENTURY if year > now.year + _HALF else 0
    month = _MONTHS.index(found["month"].lower()) + 1
    second = min(int(found["second"]), _LAST_SECOND)  # 60 is a leap second
    try:
        return datetime(year, month, int(found["day"]), int(found["hour"]), int(found["minute"]), second, tzinfo=UTC)
    except ValueError:
        return None
