"""What is wrong with the settings, in French, key by key. A refused value is never shown: it may be a secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.errors import OperatorError

if TYPE_CHECKING:
    from pydantic import ValidationError

_TEXTS = {
    "extra_forbidden": "réglage inconnu",
    "missing": "réglage obligatoire absent",
    "int_parsing": "nombre entier attendu",
    "int_type": "nombre entier attendu",
    "int_from_float": "nombre entier attendu",
    "float_parsing": "nombre attendu",
    "float_type": "nombre attendu",
    "bool_parsing": "true ou false attendu",
    "string_type": "texte attendu (entre guillemets)",
    "string_too_short": "texte trop court",
    "string_pattern_mismatch": "forme refusée",
    "path_type": "chemin attendu",
    "is_instance_of": "chemin attendu",
    "model_type": "section attendue",
    "model_attributes_type": "section attendue",
    "dict_type": "section attendue",
    "greater_than": "la valeur doit être supérieure à {gt}",
    "greater_than_equal": "la valeur minimale est {ge}",
    "less_than_equal": "la valeur maximale est {le}",
    "literal_error": "valeurs possibles : {expected}",
    "value_error": "{error}",
}


@dataclass(frozen=True)
class SettingsProblem:
    """One problem: the dotted key as written in the TOML file (empty for the file itself) and the French text."""

    cle: str
    texte: str

    def __str__(self) -> str:
        return f"{self.cle} : {self.texte}" if self.cle else self.texte


class SettingsError(OperatorError):
    """The settings cannot be used. ``problems`` lists everything that is wrong, not only the first."""

    def __init__(self, problems: Iterable[SettingsProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def problems_of(error: ValidationError) -> tuple[SettingsProblem, ...]:
    """The problems of a refused model, one per key: a key whose alternatives all fail is told once."""
    found: dict[str, SettingsProblem] = {}
    for detail in error.errors(include_url=False, include_input=False):
        cle = ".".join(str(part) for part in detail["loc"] if _is_key(part))
        found.setdefault(cle, SettingsProblem(cle, _text(detail["type"], detail.get("ctx", {}))))
    return tuple(found.values())


def _is_key(part: int | str) -> bool:
    # pydantic adds the names of a union's alternatives, such as "is-instance[SecretFile]", to the place.
    return isinstance(part, int) or part.replace("_", "").replace("-", "").isalnum()


def _text(kind: str, context: Mapping[str, Any]) -> str:
    texte = _TEXTS.get(kind, "valeur refusée").format_map({key: str(value) for key, value in context.items()})
    return texte.replace(" or ", " ou ")
