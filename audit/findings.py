"""What the auditor finds: one finding names one thing that is wrong, so that somebody can go and look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a finding is about; the value is what reports print and monitors filter on."""

    CERTIFICATE = "CERTIFICAT"
    LINT = "LINT"
    KEY = "CLE"
    UNIQUENESS = "UNICITE"
    CRL = "CRL"
    OCSP = "OCSP"
    HISTORY = "HISTORIQUE"
    LOT = "LOT"
    TRAIL = "PISTE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: ``subject`` names the object (authority and serial, numero, line), ``text`` says it in French.

    Neither ever holds a secret or a key; personal values only as far as an operator needs them to find the row.
    """

    topic: Topic
    subject: str
    text: str
