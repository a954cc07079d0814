"""Days as a person in France means them, turned into instants: bounds of a search by date."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from portal_ihm.shell.labels import PARIS


class Periode(StrEnum):
    """The choices of the guide, figures 140, 150 and 159."""

    JOUR = "jour"
    SEMAINE = "semaine"
    MOIS = "mois"
    INTERVALLE = "intervalle"


PERIODE_TEXTS = {
    Periode.JOUR: "Aujourd'hui",
    Periode.SEMAINE: "Cette semaine",
    Periode.MOIS: "Ce mois",
    Periode.INTERVALLE: "Dans cet intervalle",
}


def days_of(
    periode: Periode, now: datetime, after: date | None, before: date | None, *, ahead: bool = False
) -> tuple[date | None, date | None]:
    """First and last day, both included; weeks begin on Monday. ``after`` and ``before`` count for INTERVALLE only.

    A week or a month goes on to its own last day where what is looked for may lie ``ahead``, and else to today.
    """
    today = now.astimezone(PARIS).date()
    if periode is Periode.INTERVALLE:
        return after, before
    if periode is Periode.JOUR:
        return today, today
    if periode is Periode.SEMAINE:
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=6) if ahead else today
    first = today.replace(day=1)
    # The 28th and four days more are always in the month that follows.
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, following - timedelta(days=1) if ahead else today


def midnight(day: date) -> datetime:
    """The instant at which a day begins in Paris, UTC; right on the two days a year that have 23 or 25 hours."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC)
