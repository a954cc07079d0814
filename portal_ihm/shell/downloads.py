"""How files that people keep are called (guide §9.3, figure 131)."""

from __future__ import annotations

from datetime import datetime

from portal_ihm.shell.labels import PARIS
from registration.vocabulary import Offre, Plateforme, Usage


def stem_of(kind: str, plateforme: Plateforme, offre: Offre, usage: Usage) -> str:
    """The name without its moment: ``igc-p12-EL-TEST-PS-AUTH``; a real certificate has no word for it."""
    test = ("TEST",) if plateforme is Plateforme.TEST else ()
    return "-".join(("igc", kind, "EL", *test, offre.value, usage.value.replace("/", "")))


def file_name(stem: str, moment: datetime, suffix: str) -> str:
    """The name of a file made at this moment, told as in Paris."""
    return f"{stem}-{moment.astimezone(PARIS):%Y%m%d-%H%M%S}.{suffix}"


def attachment(name: str) -> dict[str, str]:
    """The field that makes a browser save the file under this name; it has ASCII characters only."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}
