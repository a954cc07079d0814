"""What the published schema allows as a value: judged again to say what is wrong, and told in French.

The schema decides (``ws.gates.schema``); this is asked only of what it refused, and tests hold the two together.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from lxml import etree


class Value(Enum):
    """The kinds of simple values, by the type of XML Schema that they come from."""

    TEXT = "string"
    INTEGER = "long"
    BOOLEAN = "boolean"
    DATE_TIME = "dateTime"
    BASE64 = "base64Binary"


SPACES = " \t\r\n"
"""White space of XML, which the types other than xs:string collapse (XML Schema part 2 §4.3.6)."""

_RANGES = {"long": (-(2**63), 2**63 - 1), "int": (-(2**31), 2**31 - 1)}
_KINDS = {**{value.value: value for value in Value}, "int": Value.INTEGER}
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_MOST_DIGITS = 20  # more, without the zeros in front, than any integer of ours; ``int`` refuses the 4 301st
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class Form:
    """The facets of a simple type, those of the types below it included, and what its documentation says."""

    kind: Value
    documentation: str = ""
    words: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    shortest: int | None = None
    longest: int | None = None
    least: int | None = None
    most: int | None = None

    def fault_of(self, text: str) -> str | None:
        """What is wrong with a value, in French; None when the schema lets it through and it has a meaning."""
        return _JUDGES[self.kind](self, text)

    @property
    def told(self) -> str:
        """The form that is allowed, in French; empty where any text is."""
        if self.words:
            return " ou ".join(filter(None, (", ".join(self.words[:-1]), self.words[-1])))
        if self.pattern is not None:
            return f"{self.documentation} Expression : {self.pattern.pattern}".strip()
        return _TOLD[self.kind](self)


def built_in(name: str) -> Form:
    """The form of a type of XML Schema itself; KeyError for one that the contract does not use."""
    least, most = _RANGES.get(name, (None, None))
    return Form(_KINDS[name], least=least, most=most)


def restricted(base: Form, facets: Iterable[etree._Element], documentation: str) -> Form:
    """``base`` with these facets; ValueError for one that is not known here."""
    found: dict[str, Any] = {"documentation": documentation}
    words: list[str] = []
    for facet in facets:
        name, value = etree.QName(facet).localname, facet.get("value", "")
        if name == "enumeration":
            words.append(value)
        elif name == "pattern" and "pattern" not in found:
            found["pattern"] = re.compile(value, re.ASCII)
        elif name in _BOUNDS:
            found[_BOUNDS[name]] = int(value)
        elif name != "annotation":
            raise ValueError(f"{name}: not a facet that is known")
    return replace(base, words=tuple(words) or base.words, **found)


_BOUNDS = {"minLength": "shortest", "maxLength": "longest", "minInclusive": "least", "maxInclusive": "most"}


def read_date_time(text: str) -> datetime | None:
    """A dateTime with its zone; None for what no calendar knows: no zone, 24:00:00, an instant beyond UTC."""
    if _DATE_TIME.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)  # OverflowError beyond the years of UTC
    except (ValueError, OverflowError):
        return None
    return moment


def read_base64(text: str) -> bytes | None:
    """Strict base64, lines and blanks apart; None for anything else.

    libxml2, like Python by default, would pass over stray characters and shorten the value.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is a ValueError, and so is text that is not ASCII
        compact = "".join(text.split()) if text.isascii() else text
    try:
        return binascii.a2b_base64(compact, strict_mode=True)
    except ValueError:
        return None


def _text_fault(form: Form, text: str) -> str | None:
    if form.words and text not in form.words:
        return "valeur hors de la liste permise."
    if form.pattern is not None and form.pattern.fullmatch(text) is None:
        return "valeur mal formée."
    if form.shortest is not None and len(text) < form.shortest:
        return "valeur trop courte."
    if form.longest is not None and len(text) > form.longest:
        return f"valeur trop longue ({len(text)} caractères)."
    return None


def _integer_fault(form: Form, text: str) -> str | None:
    text = text.strip(SPACES)
    if _INTEGER.fullmatch(text) is None:
        return "ce n'est pas un nombre entier."
    digits = text.lstrip("+-").lstrip("0")
    number = int(digits[:_MOST_DIGITS] or "0") * (-1 if text.startswith("-") else 1)
    if form.least is not None and number < form.least:
        return "valeur trop petite."
    return "valeur trop grande." if form.most is not None and number > form.most else None


def _boolean_fault(_: Form, text: str) -> str | None:
    return None if text.strip(SPACES) in ("true", "false", "1", "0") else "ce n'est ni true ni false."


def _date_time_fault(_: Form, text: str) -> str | None:
    return None if read_date_time(text.strip(SPACES)) else "date-heure sans fuseau horaire ou impossible."


def _base64_fault(_: Form, text: str) -> str | None:
    return "base64 mal formé." if read_base64(text) is None else None


_JUDGES: Mapping[Value, Callable[[Form, str], str | None]] = {
    Value.TEXT: _text_fault,
    Value.INTEGER: _integer_fault,
    Value.BOOLEAN: _boolean_fault,
    Value.DATE_TIME: _date_time_fault,
    Value.BASE64: _base64_fault,
}


def _told_text(form: Form) -> str:
    if form.longest is None:
        return ""
    return f"de {form.shortest} à {form.longest} caractères" if form.shortest else f"{form.longest} caractères au plus"


def _told_integer(form: Form) -> str:
    """The limits of the types themselves go without saying."""
    widest = {bound for bounds in _RANGES.values() for bound in bounds}
    least = None if form.least in widest else form.least
    most = None if form.most in widest else form.most
    if least is None:
        return "un nombre entier"
    return f"un nombre entier, {least} au moins" if most is None else f"un nombre entier de {least} à {most}"


_TOLD: Mapping[Value, Callable[[Form], str]] = {
    Value.TEXT: _told_text,
    Value.INTEGER: _told_integer,
    Value.BOOLEAN: lambda _: "true ou false",
    Value.DATE_TIME: lambda _: "une date-heure avec son fuseau, par exemple 2026-11-23T08:00:00Z",
    Value.BASE64: lambda _: "des octets encodés en base64",
}
