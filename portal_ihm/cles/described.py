"""What a form under way says of the product that its key is for: a label, and the subject of its CSR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LONGEST_LABEL = 150
_LONGEST_VALUE = 64
"""Of an attribute of a subject (RFC 5280, appendix A.1)."""


def label_of(donnees: Mapping[str, Any]) -> str:
    """Offre, usage and name, as far as they are known."""
    offre, usage = _text(donnees, "etape1", "offre"), _text(donnees, "etape3", "usage")
    renewed = donnees.get("etape2")
    numero = renewed.get("renouvelle") if isinstance(renewed, dict) else None
    again = f"renouvellement du produit n° {numero}" if isinstance(numero, int) else ""
    product = " ".join(word for word in (offre, usage) if word)
    parts = (product, _name(donnees), again)
    return " – ".join(part for part in parts if part)[:_LONGEST_LABEL] or "Produit à préciser"


def subject_of(donnees: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of attribute and value. The plateforme composes the certificate's subject itself and reads none of them."""
    structure = _text(donnees, "etape1", "structure")
    name = _name(donnees) or _text(donnees, "etape1", "beneficiaire") or label_of(donnees)
    pairs = [("C", "FR"), ("O", structure), ("CN", name)]
    return [(kind, value[:_LONGEST_VALUE]) for kind, value in pairs if value]


def _name(donnees: Mapping[str, Any]) -> str:
    step = donnees.get("etape3")
    fqdns = step.get("fqdns") if isinstance(step, dict) else None
    row = fqdns[0] if isinstance(fqdns, list) and fqdns and isinstance(fqdns[0], dict) else {}
    first = ".".join(part for part in (row.get("texte"), row.get("domaine")) if isinstance(part, str) and part)
    return _text(donnees, "etape3", "service_applicatif") or first


def _text(donnees: Mapping[str, Any], step: str, name: str) -> str:
    values = donnees.get(step)
    value = values.get(name) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""
