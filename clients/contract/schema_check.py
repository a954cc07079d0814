"""Validates a document against the published XSD and says in French what is wrong, at which demande and field.

libxml2's own texts are English and show the schema's internals; only its error kinds and paths are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from lxml import etree

from clients.contract.content import find_misfit, path_of
from clients.contract.files import allowed_values, field_hint, limits_hint, local_name, qualified, schema
from clients.contract.rules import missing_fields
from clients.errors import IgcClientError

MAX_SHOWN = 20
_MAX_ENTRIES = 500
"""Placing each entry costs a walk over the document, and nobody corrects more than this in one go."""
_LINE_LIMIT = 65_535
"""libxml2 counts lines up to this number; beyond it the position of the demande is the only place we know."""

_FACETS = {"SCHEMAV_CVC_PATTERN_VALID", "SCHEMAV_CVC_MINLENGTH_VALID", "SCHEMAV_CVC_MAXLENGTH_VALID"}
_RANGES = {"SCHEMAV_CVC_MININCLUSIVE_VALID", "SCHEMAV_CVC_MAXINCLUSIVE_VALID"}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to correct: ``ligne`` of the file, ``position`` of the demande and ``champ``, when known."""

    texte: str
    ligne: int | None = None
    position: int | None = None
    champ: str | None = None

    def __str__(self) -> str:
        place = [f"ligne {self.ligne}"] if self.ligne else []
        place += [f"demande {self.position}"] if self.position else []
        place += [f"champ {self.champ}"] if self.champ else []
        return f"{', '.join(place)} : {self.texte}" if place else self.texte


class InvalidMessageError(IgcClientError):
    """What was about to be sent does not respect the contract; nothing was sent. ``problems`` says where."""

    def __init__(self, problems: tuple[Problem, ...], *, subject: str = "Le message") -> None:
        self.problems = problems
        lines = [f"  - {problem}" for problem in problems[:MAX_SHOWN]]
        if len(problems) > MAX_SHOWN:
            lines.append(f"  ... et {len(problems) - MAX_SHOWN} autre(s).")
        super().__init__(f"{subject} ne convient pas :\n" + "\n".join(lines))


def find_problems(root: etree._Element) -> tuple[Problem, ...]:
    """Everything the XSD has against this element, one problem per place, in document order."""
    validator = schema()
    if validator.validate(root):
        return tuple(_missing(root))
    found: dict[str, Problem] = {}
    document = etree.ElementTree(root)
    for entry in list(validator.error_log)[:_MAX_ENTRIES]:  # type: ignore[call-overload]  # iterable, the stubs forget it
        # One wrong value yields two entries, the facet first and then the type: the first says more.
        if entry.path not in found:
            found[str(entry.path)] = _describe(root, entry, _element_at(document, entry.path))
    return tuple(found.values())


def _missing(root: etree._Element) -> Iterator[Problem]:
    """What the XSD cannot say: a demande that renews nothing has the fields that every product has."""
    for position, demande in enumerate(root.iter(qualified("demande")), start=1):
        # The name is also that of what the service answers, which has a number.
        if demande.find(qualified("numeroDemande")) is not None:
            continue
        for champ in missing_fields(local_name(child) for child in demande.iterchildren("*")):
            yield Problem(texte=f"il manque l'élément {champ}.", ligne=line_of(demande), position=position, champ=champ)


def line_of(element: etree._Element | None) -> int | None:
    """The line of an element in its file, None when it comes from no file or stands too far down to be known."""
    line: Any = None if element is None else element.sourceline
    return line if line is not None and 0 < line < _LINE_LIMIT else None


def _element_at(document: etree._ElementTree, path: str | None) -> etree._Element | None:
    # The paths write elements of a default namespace as "*" and prefixed ones with the document's own prefix.
    prefixes = {prefix: uri for prefix, uri in document.getroot().nsmap.items() if prefix}
    try:
        matches = document.xpath(path or "/*", namespaces=prefixes)
    except etree.XPathError:
        return None
    first = matches[0] if isinstance(matches, list) and matches else None
    return first if isinstance(first, etree._Element) else None  # noqa: SLF001 -- lxml has no public name for it


def _describe(root: etree._Element, entry: etree._LogEntry, element: etree._Element | None) -> Problem:
    place = _broken_sequence(root, entry, element)
    misfit = None if place is None else find_misfit(root, place)
    if misfit is None or place is None:
        place = element
    champ = misfit.champ if misfit else None if element is None else local_name(element)
    return Problem(
        texte=misfit.texte if misfit else _wording(root, entry, element),
        ligne=line_of(element),
        position=None if place is None else position_of(place),
        champ=None if champ in ("demande", "lot") else champ,
    )


def _broken_sequence(
    root: etree._Element, entry: etree._LogEntry, element: etree._Element | None
) -> etree._Element | None:
    """Whose members the XSD would have otherwise: the parent of an unexpected element, or the one that ends early."""
    if entry.type_name != "SCHEMAV_ELEMENT_CONTENT" or element is None:
        return None
    parent = element.getparent()
    return element if parent is None or element is root or "Missing child" in entry.message else parent


def position_of(element: etree._Element) -> int | None:
    """The place, from 1, of the demande that is or holds the element; None outside of a demande."""
    for node in (element, *element.iterancestors()):
        if local_name(node) == "demande":
            return 1 + sum(1 for _ in node.itersiblings(node.tag, preceding=True))
    return None


def _wording(root: etree._Element, entry: etree._LogEntry, element: etree._Element | None) -> str:
    champ = "" if element is None else local_name(element)
    place = () if element is None else path_of(root, element)
    if entry.type_name == "SCHEMAV_CVC_ENUMERATION_VALID":
        return f"valeur inconnue ; valeurs permises : {', '.join(allowed_values(place))}."
    if entry.type_name in _FACETS or entry.type_name in _RANGES:
        hints = [hint for hint in (field_hint(place), limits_hint(place)) if hint]
        return " ".join(("valeur non permise.", *hints))
    if entry.type_name == "SCHEMAV_CVC_ELT_1":
        return f"l'élément « {champ} » n'est pas connu du contrat (espace de noms urn:igc-exemple:lots:1.0)."
    wrong_type = entry.type_name == "SCHEMAV_CVC_DATATYPE_VALID_1_2_1"
    return "la valeur n'est pas du type attendu." if wrong_type else "ne respecte pas le schéma publié."
