"""Answers as text, by writers made once from the types of the contract.

spyne declares the types; its serialiser asks them again for every member of every value, which costs more than all
the rest of an answer. What is written here for a type is what spyne writes for it: tests hold the two together.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from spyne import Boolean, ByteArray, ComplexModelBase, DateTime, Integer, Unicode

Pieces = list[str]
Writer = Callable[[Any, Pieces], None]

# Replaced in a text: mark-up, the line end that a parser would change, what XML 1.0 §2.2 has no place for.
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REPLACED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def writer_of(name: str, kind: type[Any]) -> Writer:
    """The writer of an element ``name`` of this type; None writes nothing. TypeError for a type that no answer has."""
    start, end = f"<{name}>", f"</{name}>"
    write_one = _of_members(start, end, kind) if issubclass(kind, ComplexModelBase) else _of_text(start, end, kind)
    if kind.Attributes.max_occurs <= 1:
        return write_one

    def write_each(values: Any, pieces: Pieces) -> None:  # noqa: ANN401 -- as the type of the contract says
        for value in values or ():
            write_one(value, pieces)

    return write_each


def _of_text(start: str, end: str, kind: type[Any]) -> Writer:
    text = _text_of(kind)

    def write(value: Any, pieces: Pieces) -> None:  # noqa: ANN401 -- as above
        if value is not None:
            pieces.append(f"{start}{text(value)}{end}")

    return write


def _of_members(start: str, end: str, kind: type[Any]) -> Writer:
    members = tuple((name, writer_of(name, member)) for name, member in kind.get_flat_type_info(kind).items())

    def write(value: Any, pieces: Pieces) -> None:  # noqa: ANN401 -- an instance of kind
        if value is None:
            return
        pieces.append(start)
        values = vars(value)
        for name, writer in members:
            if (member := values.get(name)) is not None:
                writer(member, pieces)
        pieces.append(end)

    return write


def _text_of(kind: type[Any]) -> Callable[[Any], str]:
    for base, text in _TEXTS:
        if issubclass(kind, base):
            return text
    raise TypeError(kind)


def _escaped(text: str) -> str:
    return text if _SPECIAL.search(text) is None else _SPECIAL.sub(_replaced, text)


def _replaced(found: re.Match[str]) -> str:
    return _REPLACED.get(found[0], "\ufffd")


# Integer is a kind of Decimal in spyne, ByteArray comes in pieces.
_TEXTS: tuple[tuple[type[Any], Callable[[Any], str]], ...] = (
    (Unicode, _escaped),
    (Integer, str),
    (Boolean, lambda value: "true" if value else "false"),
    (DateTime, lambda value: value.isoformat()),
    (ByteArray, lambda pieces: base64.b64encode(b"".join(pieces)).decode("ascii")),
)
