"""National identifiers of persons and structures: RPPS, ADELI, SIREN, SIRET, FINESS, and what is made of them.

Forms: PS_IdNat and Struct_IdNat of the CI-SIS annex "Sources des données personnes et structures", §5.4 and §5.5: a
digit that names the kind, then the number. Keys: Luhn (ISO/IEC 7812-1, annex B); of SIREN and SIRET ``python-stdnum``
knows all of the rule, La Poste's included. A FINESS or ADELI with a letter (Corsica, test numbers) has no key that
anybody states.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fr import siren, siret

_RANK_OF_CABINET_RPPS, _RANK_OF_CABINET_ADELI = 3, 2
_LOCAL = re.compile(r"[0-9A-Z]{1,18}")
_KNOWN = 20_000
_WRONG_KEY = "clé de contrôle fausse, un chiffre au moins est faux"
# Every second digit counts double, and two digits count as their sum; one byte in, its worth out.
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))


class IdentifierError(ValueError):
    """A number that is none. ``raison`` is French, without a final stop."""

    def __init__(self, raison: str) -> None:
        super().__init__(raison)
        self.raison = raison


def check_rpps(value: str) -> None:
    """IdentifierError unless it is an RPPS: 11 digits with their Luhn key."""
    _check_digits("RPPS", value, 11)
    _check_key("RPPS", value)


def check_adeli(value: str) -> None:
    """IdentifierError unless it is an ADELI: nine signs; the Luhn key counts where all are digits."""
    _check_signs("ADELI", value, 9)


def check_finess(value: str) -> None:
    """IdentifierError unless it is a FINESS: nine signs; the Luhn key counts where all are digits."""
    _check_signs("FINESS", value, 9)


def check_siren(value: str) -> None:
    """IdentifierError unless it is a SIREN: nine digits with their Luhn key."""
    _check_digits("SIREN", value, 9)
    _check_by("SIREN", value, siren.validate)


def check_siret(value: str) -> None:
    """IdentifierError unless it is a SIRET: a SIREN, five digits more, and a key; La Poste's is a sum of digits."""
    _check_digits("SIRET", value, 14)
    _check_by("SIRET", value, siret.validate)


@lru_cache(maxsize=_KNOWN)
def check_structure(value: str) -> None:
    """IdentifierError unless it is a Struct_IdNat: 0 ADELI and rank, 1 FINESS, 2 SIREN, 3 SIRET, 4 RPPS and rank.

    The forms 5 and 6 (FINESS of a legal entity, of a place) have been given up in 2016.
    """
    check = _STRUCTURES.get(value[:1])
    if check is None:
        raise IdentifierError(
            "identifiant de structure attendu : 0, 1, 2, 3 ou 4, puis ADELI, FINESS, SIREN, SIRET, RPPS"
        )
    check(value[1:])


def check_personne(value: str) -> None:
    """IdentifierError unless it is a PS_IdNat.

    0 ADELI, 8 RPPS; 1 ADELI, 3 FINESS, 4 SIREN, 5 SIRET and 6 RPPS of the structure, a slash and its own number of the
    person. The forms 2 and 9 have been given up in 2020.
    """
    kind, number = value[:1], value[1:]
    if kind in _OF_THEIR_OWN:
        _OF_THEIR_OWN[kind](number)
        return
    check = _IN_A_STRUCTURE.get(kind)
    of_structure, slash, local = number.partition("/")
    if check is None or not slash:
        raise IdentifierError(
            "identifiant de personne attendu : 8 et RPPS, 0 et ADELI, ou 3 et FINESS (1 ADELI, 4 SIREN, 5 SIRET, "
            "6 RPPS), une barre oblique et le numéro de la personne dans la structure"
        )
    check(of_structure)
    if not _LOCAL.fullmatch(local):
        raise IdentifierError("après la barre oblique, 18 chiffres ou majuscules au plus")


def _check_cabinet_adeli(value: str) -> None:
    check_adeli(value[:-_RANK_OF_CABINET_ADELI])
    _check_digits("rang de cabinet ADELI", value[-_RANK_OF_CABINET_ADELI:], _RANK_OF_CABINET_ADELI)


def _check_cabinet_rpps(value: str) -> None:
    check_rpps(value[:-_RANK_OF_CABINET_RPPS])
    _check_digits("rang de cabinet RPPS", value[-_RANK_OF_CABINET_RPPS:], _RANK_OF_CABINET_RPPS)


_Check = Callable[[str], None]
_STRUCTURES: Mapping[str, _Check] = {
    "0": _check_cabinet_adeli,
    "1": check_finess,
    "2": check_siren,
    "3": check_siret,
    "4": _check_cabinet_rpps,
}
_OF_THEIR_OWN: Mapping[str, _Check] = {"0": check_adeli, "8": check_rpps}
_IN_A_STRUCTURE: Mapping[str, _Check] = {
    "1": check_adeli,
    "3": check_finess,
    "4": check_siren,
    "5": check_siret,
    "6": check_rpps,
}


def _check_digits(name: str, value: str, length: int) -> None:
    # ASCII alone: ``isdigit`` would let other digits through.
    if len(value) != length or not (value.isascii() and value.isdigit()):
        raise IdentifierError(f"{name} : {length} chiffres attendus")


def _check_signs(name: str, value: str, length: int) -> None:
    if len(value) != length or not (value.isascii() and value.isalnum() and value == value.upper()):
        raise IdentifierError(f"{name} : {length} chiffres ou majuscules attendus")
    if value.isdigit():
        _check_key(name, value)


def luhn_sum(digits: str) -> int:
    """The sum of ISO/IEC 7812-1 over a number of digits, its key included: a multiple of ten when the key is right."""
    octets = digits.encode("ascii")
    return sum(octets[-1::-2].translate(_PLAIN)) + sum(octets[-2::-2].translate(_DOUBLED))


def _check_key(name: str, value: str) -> None:
    # By the million in an import: here, not in the library, which takes ten times as long.
    if luhn_sum(value) % 10:
        raise IdentifierError(f"{name} : {_WRONG_KEY}")


def _check_by(name: str, value: str, validate: Callable[[str], object]) -> None:
    try:
        validate(value)
    except InvalidChecksum:
        raise IdentifierError(f"{name} : {_WRONG_KEY}") from None
    except ValidationError:
        raise IdentifierError(f"{name} : numéro mal formé") from None
