"""What a form of criteria asks for, in words and as a query."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from wtforms import SelectField

from portal_ihm.shell.labels import PARIS
from portal_ihm.shell.searching.forms import Criteres, Intervalle
from portal_ihm.shell.searching.periods import PERIODE_TEXTS, Periode

if TYPE_CHECKING:
    from wtforms import Field

_DAY = "%d/%m/%Y"


def summary_of(form: Criteres, now: datetime) -> list[tuple[str, str]]:
    """The recapitulation: each criterion in use, as label and words."""
    intervals = {intervalle.periode: intervalle for intervalle in form.intervalles}
    bounds = {name for intervalle in form.intervalles for name in (intervalle.apres_le, intervalle.avant_le)}
    pairs = [
        (
            field.label.text,
            _period_text(form, intervals[field.name], now) if field.name in intervals else _words(field),
        )
        for field in form
        if field.name not in bounds
    ]
    return [(name, text) for name, text in pairs if text]


def query_of(form: Criteres) -> str:
    """The criteria in use as a query string: what links of the results carry along."""
    return urlencode([(field.name, str(field.data)) for field in form if field.data])


def _words(field: Field) -> str:
    data: Any = field.data
    if not data:
        return ""
    # WTForms' own view of its choices, the prompt among them.
    texts = dict(field.choices) if isinstance(field, SelectField) and isinstance(field.choices, dict) else {}
    return str(texts.get(data, data))


def _period_text(form: Criteres, intervalle: Intervalle, now: datetime) -> str:
    periode = form.periode_of(intervalle)
    if periode is None:
        return ""
    since, until = form.bounds(intervalle, now)
    first = since.astimezone(PARIS).date() if since else None
    last = until.astimezone(PARIS).date() - timedelta(days=1) if until else None
    if first and last:
        span = f"le {first.strftime(_DAY)}" if first == last else f"du {first.strftime(_DAY)} au {last.strftime(_DAY)}"
    elif first:
        span = f"à partir du {first.strftime(_DAY)}"
    else:
        span = f"jusqu'au {last.strftime(_DAY)}" if last else ""
    return span if periode is Periode.INTERVALLE else f"{PERIODE_TEXTS[periode]}, {span}"
