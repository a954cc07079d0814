"""What the published schema says of each element, read from the file itself: members in order, or the kind of value.

The schema stays the judge (``ws.gates.schema``). This says what its verdicts do not: which member is missing, which
reading a value has. Only the constructs that our schema uses are known; any other stops the service at its start, so
that no message is ever read by a rule known in half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from lxml import etree

from ws.contract.files import SCHEMA_FILE
from ws.contract.forms import Form, Value, built_in, restricted
from ws.contract.names import contract_tag

XS_NS = "http://www.w3.org/2001/XMLSchema"
_XS = f"{{{XS_NS}}}"


@dataclass(frozen=True)
class Member:
    """One member of a sequence; ``most`` is None when there is no limit, ``form`` where it has members itself."""

    name: str
    kind: Value | Shape
    form: Form | None
    least: int
    most: int | None


@dataclass(frozen=True)
class Shape:
    """A sequence of members."""

    members: tuple[Member, ...]

    @cached_property
    def by_tag(self) -> Mapping[str, tuple[int, Member]]:
        """Place in the sequence and member, by qualified name."""
        return {contract_tag(member.name): (place, member) for place, member in enumerate(self.members)}


@lru_cache(maxsize=1)
def elements() -> Mapping[str, Value | Shape]:
    """What each global element of the published schema holds, by qualified name.

    ValueError or KeyError for a construct that is not known here.
    """
    return _Reader(etree.parse(SCHEMA_FILE).getroot()).elements()


class _Reader:
    def __init__(self, schema: etree._Element) -> None:
        self._schema = schema
        self._types = {child.get("name", ""): child for child in schema if child.tag != f"{_XS}element"}
        self._known: dict[str, Form | Shape] = {}

    def elements(self) -> dict[str, Value | Shape]:
        return {
            contract_tag(element.get("name", "")): _kind(self._of_element(element))
            for element in self._schema.iterchildren(f"{_XS}element")
        }

    def _of_element(self, element: etree._Element) -> Form | Shape:
        name = element.get("type")
        if name is not None:
            return self._of_type(element, name)
        (inline,) = element.iterchildren(f"{_XS}complexType")
        return self._shape(inline)

    def _of_type(self, element: etree._Element, name: str) -> Form | Shape:
        prefix, _, local = name.rpartition(":")
        if element.nsmap[prefix or None] == XS_NS:
            return built_in(local)
        if local not in self._known:
            declared = self._types[local]
            simple = declared.tag == f"{_XS}simpleType"
            self._known[local] = self._form(declared) if simple else self._shape(declared)
        return self._known[local]

    def _form(self, declared: etree._Element) -> Form:
        (restriction,) = declared.iterchildren(f"{_XS}restriction")
        base = self._of_type(restriction, restriction.get("base", ""))
        if isinstance(base, Shape):
            raise ValueError(f"simpleType {declared.get('name')}: base")  # noqa: TRY004 -- of the schema, not of a value
        said = declared.findtext(f"{_XS}annotation/{_XS}documentation", "")
        return restricted(base, restriction.iterchildren("*"), " ".join(said.split()))

    def _shape(self, declared: etree._Element) -> Shape:
        parts = [part for part in declared.iterchildren("*") if part.tag != f"{_XS}annotation"]
        if [part.tag for part in parts] != [f"{_XS}sequence"]:
            raise ValueError(f"complexType {declared.get('name')}: not one sequence")
        return Shape(tuple(self._member(part) for part in parts[0].iterchildren("*")))

    def _member(self, part: etree._Element) -> Member:
        if part.tag != f"{_XS}element" or part.get("name") is None:
            raise ValueError(f"{part.tag}: not a local element")
        most, content = part.get("maxOccurs", "1"), self._of_element(part)
        return Member(
            name=part.get("name", ""),
            kind=_kind(content),
            form=content if isinstance(content, Form) else None,
            least=int(part.get("minOccurs", "1")),
            most=None if most == "unbounded" else int(most),
        )


def _kind(content: Form | Shape) -> Value | Shape:
    return content.kind if isinstance(content, Form) else content
