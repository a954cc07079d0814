"""What is written for a type is what spyne writes for it, and what the published schema accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from spyne import AnyXml, Boolean, ByteArray, DateTime, Integer, Unicode
from spyne.protocol.xml import XmlDocument

from ws.contract.kinds import Contract
from ws.contract.names import CONTRACT_NS, contract_tag
from ws.contract.writing import writer_of
from ws.serving.operations import AREAS

ANSWERS = {
    name: next(iter(method.out_message.get_flat_type_info(method.out_message).values()))
    for area in AREAS
    for name, method in area.public_methods.items()
}
# What XML can carry; what it cannot is a test of its own, because spyne gives up there.
TEXTS = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
) | st.sampled_from(["a & b", "<b/>", "]]>", "\t", "a\nb", "a\rb", "é", "\U0001f600", "&amp;"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- given with a zone


def values_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a type of the contract, every optional member there or absent."""
    if issubclass(kind, Contract):
        members = {name: one_or_several(member) for name, member in kind.get_flat_type_info(kind).items()}
        return st.fixed_dictionaries(members).map(lambda given: kind(**given))
    for base, strategy in (
        (Unicode, TEXTS),
        (Integer, st.integers(-(2**31), 2**31 - 1)),
        (Boolean, st.booleans()),
        (DateTime, MOMENTS),
        (ByteArray, st.binary(max_size=100).map(lambda octets: (octets,))),
    ):
        if issubclass(kind, base):
            return strategy
    raise TypeError(kind)


def one_or_several(kind: type[Any]) -> st.SearchStrategy[Any]:
    if kind.Attributes.max_occurs > 1:
        return st.lists(values_of(kind), max_size=3)
    return values_of(kind) if kind.Attributes.min_occurs else st.none() | values_of(kind)


def written(name: str, kind: type[Any], value: object) -> etree._Element:
    pieces = [f'<r xmlns="{CONTRACT_NS}">']
    writer_of(name, kind)(value, pieces)
    return etree.fromstring("".join([*pieces, "</r>"]).encode())[0]


def by_spyne(name: str, kind: type[Any], value: object) -> etree._Element:
    parent = etree.Element(contract_tag("r"))
    XmlDocument().to_parent(None, kind, value, parent, CONTRACT_NS, name)
    # As it would be read: libxml2 keeps a carriage return that a parser would take for a line end.
    return etree.fromstring(etree.tostring(parent))[0]


def shape(element: etree._Element) -> tuple[Any, ...]:
    return element.tag, element.text or "", tuple(shape(child) for child in element)


@pytest.mark.parametrize("operation", ANSWERS)
@given(data=st.data())
def test_it_is_what_spyne_writes(operation: str, data: st.DataObject) -> None:
    kind = ANSWERS[operation]
    value = data.draw(values_of(kind))
    assert shape(written("valeur", kind, value)) == shape(by_spyne("valeur", kind, value))


@pytest.mark.parametrize("text", ["\0", "\x1b[31m", "\ud800", "\uffff"])
def test_what_xml_cannot_carry_is_marked_and_breaks_no_answer(text: str) -> None:
    assert written("t", Unicode, f"a{text}b").text in {"a\ufffdb", "a\ufffd[31mb"}


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    moment = datetime(2026, 11, 30, 8, tzinfo=timezone(timedelta(hours=1)))
    assert datetime.fromisoformat(written("d", DateTime, moment).text or "") == moment


def test_a_type_that_nothing_is_known_of_stops_at_start() -> None:
    with pytest.raises(TypeError):
        writer_of("x", AnyXml)
