"""What an operator asked for and cannot have: one French text, nothing written."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from runtime.errors import OperatorError

_NEAR = 3


class ActeurRefusedError(OperatorError):
    """An application, a person, a certificate or an habilitation is not as it must be; what to do is in the text.

    ``champ`` is what of a form it is about: acteur, offre, structure, domaine, dates, motif, libelle or certificat.
    """

    def __init__(self, text: str, champ: str | None = None) -> None:
        super().__init__(text)
        self.champ = champ


def near(wanted: str, known: Iterable[str]) -> str:
    """What of ``known`` somebody may have meant, to put behind a refusal; empty when nothing is alike."""
    found = get_close_matches(wanted, list(known), n=_NEAR, cutoff=0.7)
    return f" ; proches : {', '.join(found)}" if found else ""


def check_text(text: str, what: str, longest: int) -> str:
    """The text without blanks around it; ActeurRefusedError when it is empty, too long or not to be read."""
    text = text.strip()
    if not text or len(text) > longest or not text.isprintable():
        raise ActeurRefusedError(f"{what} : de 1 à {longest} signes lisibles attendus, sur une ligne")
    return text
