"""What somebody shows who has a certificate revoked by its code, without login (guide §11.2), and what it proves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from registration.rules.asked_revocation import read_serial
from registration.rules.rights import Standing
from registration.vocabulary import EtatProduit, Offre, TypeActeur, Usage

BY_CODE = Standing(TypeActeur.PORTEUR_DU_CODE, "Code de révocation")
"""How the history states who had no login (domain.md, decision 20)."""

_NO_SERIAL = "-"


@dataclass(frozen=True, slots=True)
class SolvedCaptcha:
    """What a canal says of its captcha: the name of this one, until when it would serve, whether the answer is right.

    One serves once, right or wrong.
    """

    jeton: str
    fin_le: datetime
    juste: bool


@dataclass(frozen=True, slots=True)
class CodeTry:
    """The form of the first step as it was typed. ``adresse`` is the canal's name of who asks (IPv6: of his /64)."""

    autorite: str
    serie: str
    code: str = field(repr=False)
    adresse: str
    captcha: SolvedCaptcha

    @property
    def serial(self) -> str:
        """The serial as rows have it, or what is none of any."""
        return read_serial(self.serie) or _NO_SERIAL


@dataclass(frozen=True, slots=True)
class ProvedCertificat:
    """A certificate in use whose code was right, as who has the code may recognise it. ``porteur`` is its CN.

    ``empreinte`` is SHA-256 (hexadecimal) of the kept hash that the code was right for. ``prevue_le`` is the day of a
    revocation that waits already.
    """

    numero: int
    empreinte: str
    autorite: str
    serial: str
    porteur: str
    organisation: str | None
    offre: Offre | None
    usage: Usage | None
    not_before: datetime
    not_after: datetime
    prevue_le: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a canal kept of a ``ProvedCertificat`` between two steps, in a form that nobody else can make.

    ``jeton`` names this one proof, which serves once, before ``fin_le``.
    """

    jeton: str
    fin_le: datetime
    numero: int
    empreinte: str


def is_revocable_by_code(
    produit: EtatProduit | None,
    retire_le: datetime | None,
    revoque_le: datetime | None,
    not_after: datetime,
    now: datetime,
) -> bool:
    """Whether a certificate is in use: withdrawn, neither revoked nor expired (guide §11.2)."""
    is_withdrawn = produit is EtatProduit.ACTIF and retire_le is not None
    return is_withdrawn and revoque_le is None and now < not_after
