"""What the certificate of a demande will say, and what its sender should look at before he asks for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pki.certificates.content import CertificateContent, subject_text
from registration.errors import CAUTIONS, Caution
from registration.rules.names import fold
from registration.rules.validation import Accepted, content_of
from registration.vocabulary import NatureNom, Offre, Usage, offre_of, usage_of

INSI_NAMES = ("INSI-AUTO", "INSI-MANU")
"""The service reads the CN letter by letter; anything else has no access (igc-sante-facts, INSi naming)."""

_FOLDED_INSI = tuple(name.replace("-", "").lower() for name in INSI_NAMES)
_SEEN_AS = str.maketrans("0l1", "oii")
_SHORTEST = len("insi")


@dataclass(frozen=True, slots=True)
class Warned:
    """Something to look at; ``champ`` is the field of the contract."""

    code: Caution
    champ: str
    texte: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Subject in one line, as notices have it; the other names in the order of the certificate; what to look at."""

    subject: str
    alternatives: tuple[tuple[NatureNom, str], ...]
    warnings: tuple[Warned, ...]


def preview(accepted: Accepted, renewed: dict[str, Any] | None = None) -> Preview:
    """What an accepted form will get; ``renewed`` is the stored content of the certificate that it renews, if any."""
    content = content_of(accepted.contenu)
    subject = subject_text(content)
    return Preview(subject, alternatives_of(content), tuple(_warnings(accepted, subject, renewed)))


def alternatives_of(content: CertificateContent) -> tuple[tuple[NatureNom, str], ...]:
    """The names that a certificate bears beside its subject, in its own order."""
    dns = [(NatureNom.DNS, name) for name in content.dns_names]
    others = ((NatureNom.EMAIL, content.email), (NatureNom.UPN, content.upn))
    return (*dns, *((nature, value) for nature, value in others if value is not None))


def _warnings(accepted: Accepted, subject: str, renewed: dict[str, Any] | None) -> Iterator[Warned]:
    form, name = accepted.form, accepted.values.service_applicatif or ""
    if offre_of(form.offre) is Offre.ORG and usage_of(form.usage) is Usage.AUTH_CLI and resembles_insi(name):
        yield _warned(Caution.INSI_NAME, "serviceApplicatif", valeur=name)
    if renewed is not None and (before := subject_text(content_of(renewed))) != subject:
        yield _warned(Caution.SUBJECT_CHANGES, "renouvelle", avant=before)


def _warned(code: Caution, champ: str, **data: str) -> Warned:
    return Warned(code, champ, CAUTIONS[code].format(**data))


def resembles_insi(name: str) -> bool:
    """Whether a service has nearly, but not exactly, one of the two names that the INSi service knows (domain.md).

    Nearly: but for case, accents, signs and blanks, with 0 for O or 1 for I, one sign wrong, missing or too many,
    abbreviated down to INSI, or with something around it.
    """
    if name in INSI_NAMES:
        return False
    folded = fold(name).replace(" ", "").translate(_SEEN_AS)
    return len(folded) >= _SHORTEST and any(
        known in folded or known.startswith(folded) or _differ_by_one(known, folded) for known in _FOLDED_INSI
    )


def _differ_by_one(one: str, other: str) -> bool:
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(other))
    left, right = one[same:], other[same:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:]
