"""The contract is frozen: whatever a client was generated from, the published files of today still hold.

``frozen/`` keeps the three files as 1.0 was frozen. An operation, a type or an optional member may be added; nothing
that is there may change, move or go, nor an enumeration grow: a generated class would not know the new word.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from tests.support.assertions import the
from ws.contract.files import SCHEMA_FILE, WSDL_FILES

FROZEN = Path(__file__).parent / "frozen"
XS, WSDL = "{http://www.w3.org/2001/XMLSchema}", "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = ("{http://schemas.xmlsoap.org/wsdl/soap/}", "{http://schemas.xmlsoap.org/wsdl/soap12/}")
Breaks = list[str]


def bare(element: etree._Element) -> etree._Element:
    """Without what is said for people."""
    copy = deepcopy(element)
    etree.strip_elements(copy, f"{XS}annotation", f"{WSDL}documentation", etree.Comment, with_tail=False)
    for one in copy.iter():
        one.text = (one.text and one.text.strip()) or None
        one.tail = None
    copy.tail = None
    return copy


def same(one: etree._Element, other: etree._Element) -> bool:
    return etree.tostring(bare(one), method="c14n2") == etree.tostring(bare(other), method="c14n2")


def named(parent: etree._Element) -> dict[tuple[str, str], etree._Element]:
    """The children that have a name, by kind and name."""
    return {(str(child.tag), child.get("name", "")): child for child in parent.iterchildren("*") if child.get("name")}


def members(kind: etree._Element) -> list[etree._Element]:
    return list(kind.iterfind(f"{XS}sequence/{XS}element"))


def breaks_of_type(name: str, old: etree._Element, new: etree._Element) -> Breaks:
    """What is no longer as it was in a complex type; only optional members may be new."""
    left = members(old)
    found: Breaks = []
    for member in members(new):
        if left and member.get("name") == left[0].get("name"):
            if not same(member, left.pop(0)):
                found.append(f"{name}/{member.get('name')}: changed")
        elif member.get("minOccurs") != "0":
            found.append(f"{name}/{member.get('name')}: new, and not optional, or moved")
    return found + [f"{name}/{member.get('name')}: gone or moved" for member in left]


def breaks_of_schema(old: etree._Element, new: etree._Element) -> Breaks:
    """What a class generated from the old schema would not read or write any more."""
    found: Breaks = []
    now = named(new)
    for (tag, name), element in named(old).items():
        other = now.get((tag, name))
        if other is None:
            found.append(f"{name}: gone")
            continue
        inside = element.find(f"{XS}complexType")
        kind, other_kind = (element, other) if inside is None else (inside, other.find(f"{XS}complexType"))
        if tag != f"{XS}simpleType" and other_kind is not None and members(kind):
            found += breaks_of_type(name, kind, other_kind)
        elif not same(element, other):
            found.append(f"{name}: changed")
    return found


def breaks_of_wsdl(old: etree._Element, new: etree._Element) -> Breaks:
    """What a stub generated from the old WSDL would not send or understand any more."""
    found: Breaks = []
    now = named(new)
    for (tag, name), element in named(old).items():
        other = now.get((tag, name))
        if other is None:
            found.append(f"{name}: gone")
        elif tag in (f"{WSDL}portType", f"{WSDL}binding"):
            operations = named(other)
            found += [
                f"{name}/{operation}: changed or gone"
                for (kind, operation), each in named(element).items()
                if (kind, operation) not in operations or not same(each, operations[kind, operation])
            ]
        elif tag != f"{WSDL}service" and not same(element, other):
            found.append(f"{name}: changed")
    return found


def root(path: Path) -> etree._Element:
    return etree.parse(path).getroot()


def test_what_was_generated_from_the_frozen_schema_still_works() -> None:
    assert breaks_of_schema(root(FROZEN / SCHEMA_FILE.name), root(SCHEMA_FILE)) == []


@pytest.mark.parametrize("path", WSDL_FILES.values(), ids=lambda path: path.name)
def test_what_was_generated_from_the_frozen_wsdl_still_works(path: Path) -> None:
    old = root(FROZEN / path.name)
    assert len(named(old)) > 10
    assert breaks_of_wsdl(old, root(path)) == []


def member(schema: etree._Element, kind: str, name: str) -> etree._Element:
    (found,) = schema.iterfind(f"{XS}complexType[@name='{kind}']/{XS}sequence/{XS}element[@name='{name}']")
    return found


def add_required(schema: etree._Element) -> None:
    member(schema, "SuiviLot", "etat").addnext(etree.Element(f"{XS}element", name="neuf", type="xs:string"))


def remove(schema: etree._Element) -> None:
    the(member(schema, "SuiviLot", "avancement").getparent()).remove(member(schema, "SuiviLot", "avancement"))


def move(schema: etree._Element) -> None:
    member(schema, "SuiviLot", "version").addnext(member(schema, "SuiviLot", "nombre"))


def retype(schema: etree._Element) -> None:
    member(schema, "DemandeSuivie", "numeroSerie").set("type", "xs:long")


def demand(schema: etree._Element) -> None:
    del member(schema, "DemandeSuivie", "reference").attrib["minOccurs"]


def grow(schema: etree._Element) -> None:
    (words,) = schema.iterfind(f"{XS}simpleType[@name='EtatDemande']/{XS}restriction")
    etree.SubElement(words, f"{XS}enumeration", value="NOUVEAU")


def remove_operation(schema: etree._Element) -> None:
    (element,) = schema.iterfind(f"{XS}element[@name='suivreLot']")
    schema.remove(element)


@pytest.mark.parametrize("change", [add_required, remove, move, retype, demand, grow, remove_operation])
def test_a_change_that_breaks_a_client_is_seen(change: Callable[[etree._Element], None]) -> None:
    changed = root(SCHEMA_FILE)
    change(changed)
    assert breaks_of_schema(root(SCHEMA_FILE), changed) != []


def test_an_optional_member_may_be_added() -> None:
    changed = root(SCHEMA_FILE)
    added = etree.Element(f"{XS}element", name="neuf", type="xs:string", minOccurs="0")
    member(changed, "SuiviLot", "etat").addnext(added)
    assert breaks_of_schema(root(SCHEMA_FILE), changed) == []


def test_a_changed_action_is_seen() -> None:
    path = next(iter(WSDL_FILES.values()))
    changed = root(path)
    (one, *_) = [each for tag in SOAP for each in changed.iter(f"{tag}operation") if each.get("soapAction") is not None]
    one.set("soapAction", "autre")
    assert breaks_of_wsdl(root(path), changed) != []
