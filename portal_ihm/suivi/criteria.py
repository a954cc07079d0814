"""From the form of the follow-up to the criteria of the registration authority, and back to words and to a query."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from portal_ihm.shell.labels import label
from portal_ihm.suivi.forms import CriteresForm
from portal_ihm.suivi.periods import PERIODE_TEXTS, Periode, days_of, midnight
from registration.views import SearchCriteria
from registration.vocabulary import ALL_OFFRES, EtatDemande, Offre, Usage

_DAY = "%d/%m/%Y"


def criteria_of(form: CriteresForm, now: datetime) -> SearchCriteria:
    """What a valid form asks for; days are those of Paris at ``now``."""
    first, last = _days(form, now)
    offre = form.offre.data
    return SearchCriteria(
        numero=form.numero.data,
        index_lot=form.index_lot.data,
        offre=Offre(offre) if offre and offre != ALL_OFFRES else None,
        all_offres=offre == ALL_OFFRES,
        usage=Usage(form.usage.data) if form.usage.data else None,
        etat=EtatDemande(form.etat.data) if form.etat.data else None,
        structure=form.structure.data,
        service_applicatif=form.service_applicatif.data,
        adresse_email=form.adresse_email.data,
        fqdn=form.fqdn.data,
        since=midnight(first) if first else None,
        until=midnight(last + timedelta(days=1)) if last else None,
    )


def summary_of(form: CriteresForm, now: datetime) -> list[tuple[str, str]]:
    """The recapitulation: each criterion in use, as label and words."""
    pairs = [
        (field.label.text, "" if field.data is None else str(field.data))
        for field in (form.numero, form.index_lot, form.offre, form.usage)
    ]
    pairs.append((form.etat.label.text, label(EtatDemande(form.etat.data)) if form.etat.data else ""))
    pairs.append((form.periode.label.text, _period_text(form, now)))
    pairs.extend(
        (field.label.text, field.data or "")
        for field in (form.structure, form.service_applicatif, form.adresse_email, form.fqdn)
    )
    return [(name, value) for name, value in pairs if value]


def query_of(form: CriteresForm) -> str:
    """The criteria in use as a query string: what links of the results carry along."""
    return urlencode([(field.name, str(field.data)) for field in form if field.data])


def _chosen_period(form: CriteresForm) -> Periode | None:
    if form.periode.data:
        return Periode(form.periode.data)
    # A date without the choice of the interval can only mean the interval.
    return Periode.INTERVALLE if form.apres_le.data or form.avant_le.data else None


def _days(form: CriteresForm, now: datetime) -> tuple[date | None, date | None]:
    periode = _chosen_period(form)
    return (None, None) if periode is None else days_of(periode, now, form.apres_le.data, form.avant_le.data)


def _period_text(form: CriteresForm, now: datetime) -> str:
    periode = _chosen_period(form)
    if periode is None:
        return ""
    first, last = _days(form, now)
    if first and last:
        span = f"le {first.strftime(_DAY)}" if first == last else f"du {first.strftime(_DAY)} au {last.strftime(_DAY)}"
    elif first:
        span = f"à partir du {first.strftime(_DAY)}"
    else:
        span = f"jusqu'au {last.strftime(_DAY)}" if last else ""
    return span if periode is Periode.INTERVALLE else f"{PERIODE_TEXTS[periode]}, {span}"
