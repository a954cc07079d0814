"""The search of products to renew, as step 2 of demander and the list of renewals have it (guide figures 40, 109)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData
from wtforms import Form, SelectField

from portal_ihm.shell.fields import choices
from portal_ihm.shell.labels import OFFRE_TEXTS, USAGE_TEXTS
from registration.views import RenewalCriteria
from registration.vocabulary import USAGES_BY_OFFRE, Offre, offre_of, usage_of

_DELAIS = {
    "": "Toute la fenêtre de renouvellement",
    "0": "Certificats déjà échus",
    "7": "Dans les 7 jours",
    "15": "Dans les 15 jours",
    "30": "Dans les 30 jours",
}


class RenouvelablesForm(Form):
    """Criteria of what is to renew; they stand in the address and hold nothing that is secret."""

    offre = SelectField("Offre", choices=choices("Toutes les offres", OFFRE_TEXTS), default="")
    usage = SelectField("Usage", choices=choices("Tous les usages", USAGE_TEXTS), default="")
    jours = SelectField("Fin de validité", choices=_DELAIS, default="")

    def __init__(self, params: Mapping[str, str]) -> None:
        """As the address says."""
        super().__init__(FormData(list(params.items())))

    def narrow(self, offre: Offre | None) -> None:
        """Search in this offre alone."""
        if offre is not None:
            texts = {usage: USAGE_TEXTS[usage] for usage in USAGES_BY_OFFRE[offre]}
            self.usage.choices = choices("Tous les usages", texts)
            self.offre.data = offre.value


def renewal_criteria(form: RenouvelablesForm, **fixed: Any) -> RenewalCriteria:  # noqa: ANN401 -- fields of the criteria
    """What the form asks for; ``fixed`` goes before it."""
    typed = {
        "offre": offre_of(form.offre.data),
        "usage": usage_of(form.usage.data),
        "jours": int(form.jours.data) if form.jours.data else None,
    }
    return RenewalCriteria(**typed | fixed)
