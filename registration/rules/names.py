"""Names as they are looked for: without case, accents, hyphens or apostrophes; ``LER*`` is a beginning."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from registration.errors import Code, IgcError

# What the Unicode decomposition leaves whole, and people write both ways.
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ð": "d", "þ": "th"})
_AFTER_EVERY_LETTER = "\U0010ffff"
_FEWEST_LETTERS = 2


def fold(text: str) -> str:
    """The form in which two spellings of a name are the same: letters and digits, one space between words."""
    lowered = text.casefold()
    if not lowered.isascii():
        # Some signs hold a capital: « 🄐 » becomes (A) only here.
        decomposed = unicodedata.normalize("NFKD", lowered.translate(_LETTERS)).casefold()
        lowered = "".join(sign for sign in decomposed if not unicodedata.combining(sign)).translate(_LETTERS)
    return " ".join("".join(sign if sign.isalnum() else " " for sign in lowered).split())


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for: a whole folded name, or one that begins so."""

    folded: str
    is_prefix: bool

    @property
    def bounds(self) -> tuple[str, str]:
        """The first text that begins so, and one after every such text, in the order of code points."""
        return self.folded, self.folded + _AFTER_EVERY_LETTER

    def matches(self, name: str) -> bool:
        """Whether a name, as it is written, is one that is looked for."""
        found = fold(name)
        return found.startswith(self.folded) if self.is_prefix else found == self.folded


def read_pattern(text: str, champ: str) -> Pattern:
    """What a person typed into the field ``champ``; the star may only be its last sign.

    ERR_WS_038 for a star elsewhere, for what has no letter, and for fewer than two letters before the star: that would
    go through half of the directory (ours, guide-coverage B8).
    """
    is_prefix = text.rstrip().endswith("*")
    name = text.rstrip().removesuffix("*")
    folded = fold(name)
    if "*" in name:
        raise IgcError(Code.CRITERIA_INVALID, champ=champ, raison="l'étoile ne se met qu'à la fin d'un nom.")
    if is_prefix and len(folded.replace(" ", "")) < _FEWEST_LETTERS:
        raise IgcError(
            Code.CRITERIA_INVALID, champ=champ, raison="deux lettres ou chiffres au moins sont attendus avant l'étoile."
        )
    if not folded:
        raise IgcError(Code.CRITERIA_INVALID, champ=champ, raison="un nom sans lettre ni chiffre ne se cherche pas.")
    return Pattern(folded, is_prefix)
