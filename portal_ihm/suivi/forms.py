"""The criteria of the follow-up as a form."""

from __future__ import annotations

from wtforms import Form, RadioField, SelectField, StringField
from wtforms.validators import Length, Optional, Regexp, ValidationError

from portal_ihm.shell.fields import JourField, NumeroField, check_readable, choices, strip, upper
from portal_ihm.shell.labels import OFFRE_TEXTS, USAGE_TEXTS, label
from portal_ihm.suivi.periods import PERIODE_TEXTS, Periode
from registration.rules.limits import EMAIL_LENGTH, FQDN_LENGTH, STRUCTURE_PATTERN
from registration.vocabulary import ALL_OFFRES, EtatDemande


class CriteresForm(Form):
    """Criteria of the follow-up of demandes (guide §10.1.1, figure 140); sent by GET, so without token."""

    class Meta:
        """Messages of the library in French."""

        locales = ("fr",)

    numero = NumeroField("Numéro de demande", [Optional()])
    index_lot = NumeroField("Index de lot", [Optional()])
    offre = SelectField(
        "Offre",
        choices=choices("Choisir une offre", OFFRE_TEXTS) | {ALL_OFFRES: "TOUTES – toutes les offres"},
        default="",
    )
    usage = SelectField("Usage du produit", choices=choices("Tous les usages", USAGE_TEXTS), default="")
    etat = SelectField(
        "État de la demande",
        choices=choices("Tous les états", {etat: label(etat) for etat in EtatDemande}),
        default="",
    )
    periode = RadioField("Date de la demande", choices=choices("Toutes les dates", PERIODE_TEXTS), default="")
    apres_le = JourField("Après le")
    avant_le = JourField("Avant le")
    structure = StringField(
        "Identifiant national de la structure",
        [
            Optional(),
            Regexp(f"^{STRUCTURE_PATTERN}\\Z", message="Saisissez un identifiant national, par exemple 10B0039137."),
        ],
        filters=[strip, upper],
    )
    service_applicatif = StringField("Nom applicatif", [Optional(), check_readable, Length(max=65)], filters=[strip])
    adresse_email = StringField(
        "Adresse email protégée", [Optional(), check_readable, Length(max=EMAIL_LENGTH)], filters=[strip]
    )
    fqdn = StringField("FQDN", [Optional(), check_readable, Length(max=FQDN_LENGTH)], filters=[strip])

    def validate_periode(self, field: RadioField) -> None:
        """An interval needs one end at least, in the right order."""
        after, before = self.apres_le, self.avant_le
        if field.data != Periode.INTERVALLE or after.process_errors or before.process_errors:
            return
        if not (after.data or before.data):
            raise ValidationError("Saisissez au moins l'une des deux dates de l'intervalle.")
        if after.data and before.data and before.data < after.data:
            raise ValidationError("La date « Avant le » précède la date « Après le ».")
