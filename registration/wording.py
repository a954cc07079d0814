"""Values inside the French texts of refusals, as people in France read them."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_datetime, get_timezone

_PARIS = get_timezone("Europe/Paris")


def day(instant: datetime) -> str:
    """The day in Paris: 02/03/2026."""
    return format_datetime(instant, "dd/MM/yyyy", tzinfo=_PARIS, locale="fr")


def moment(instant: datetime) -> str:
    """Day and minute in Paris: 02/03/2026 13:00."""
    return format_datetime(instant, "dd/MM/yyyy HH:mm", tzinfo=_PARIS, locale="fr")
