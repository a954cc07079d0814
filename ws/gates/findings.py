"""What is wrong with a message: every fault is counted, the first few are kept, and one error tells them.

A fault says where it is, what is wrong, what was received (cut, and never a secret) and what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from registration.errors import Code, IgcError
from registration.rules.fields import readable

MOST_TOLD = 20
"""Faults that an answer lists (maxOccurs of ``faute`` in the XSD)."""

_SHOWN = 64
"""Characters of a received value that are repeated to its sender."""

_NEVER_SHOWN = ("PRIVATE KEY",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. ``position`` is the place of the item in its lot, from 1; ``forme`` what is allowed, in French.

    ``ligne`` is the line of the message, where its element is one that the parser has read.
    """

    code: Code
    champ: str
    texte: str
    position: int | None = None
    valeur: str | None = None
    forme: str | None = None
    ligne: int | None = None

    @property
    def reason(self) -> str:
        """Place, fault and form in one sentence, for who sees nothing but the text of an error."""
        item = "" if self.position is None else f"demande {self.position}, "
        wanted = ""
        if self.forme is not None:
            # What says itself that it is expected begins the sentence.
            starts = self.forme.startswith("éléments attendus")
            wanted = f" {self.forme[0].upper()}{self.forme[1:]}." if starts else f" Attendu : {self.forme}."
        return f"{item}champ « {self.champ} » : {self.texte}{wanted}"


class MessageRefusedError(IgcError):
    """A message that breaks the schema: ERR_WS_008 to 010, the code and the place of its first fault.

    ``findings`` are the first MOST_TOLD faults, ``more`` how many came after them.
    """

    def __init__(self, findings: Sequence[Finding], more: int = 0) -> None:
        first, others = findings[0], len(findings) - 1 + more
        raison = first.reason
        if others:
            raison = f"{raison} Et {others} autre{'s' if others > 1 else ''} faute{'s' if others > 1 else ''}."
        super().__init__(first.code, champ=first.champ, position=first.position, raison=raison)
        self.findings = tuple(findings)
        self.more = more


@dataclass(slots=True)
class Findings:
    """The faults of one message, gathered."""

    kept: list[Finding] = field(default_factory=list)
    count: int = 0

    @property
    def is_full(self) -> bool:
        """Whether one more would be counted only: its words need not be made."""
        return self.count >= MOST_TOLD

    def add(
        self,
        champ: str,
        texte: str,
        position: int | None,
        *,
        code: Code = Code.SCHEMA,
        valeur: str | None = None,
        forme: str | None = None,
        ligne: int | None = None,
    ) -> None:
        """Count a fault, and keep it as long as there is room."""
        if not self.is_full:
            self.kept.append(
                Finding(code=code, champ=champ, texte=texte, position=position, valeur=valeur, forme=forme, ligne=ligne)
            )
        self.count += 1

    def tell(self) -> None:
        """Raise MessageRefusedError when there is any."""
        if self.kept:
            raise MessageRefusedError(self.kept, self.count - len(self.kept))


def shown_value(text: str) -> str | None:
    """A value as it is repeated to who sent it: readable, cut; None for what may be a private key."""
    if any(mark in text for mark in _NEVER_SHOWN):
        return None
    return readable(text, _SHOWN) + ("…" if len(text) > _SHOWN else "")


def refuse_at(champ: str, position: int | None, texte: str, *, code: Code = Code.SCHEMA) -> NoReturn:
    """Refuse a message for one fault."""
    raise MessageRefusedError((Finding(code=code, champ=champ, texte=texte, position=position),))
