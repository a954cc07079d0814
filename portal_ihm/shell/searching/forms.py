"""The criteria that every follow-up shares, as a form sent by GET (guide §10.1.1, 10.2.1, 10.3.1, 11.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from wtforms import Field, Form, SelectField, StringField
from wtforms.validators import Length, Optional, Regexp, ValidationError

from portal_ihm.shell.fields import NumeroField, check_readable, choices, strip, upper
from portal_ihm.shell.labels import OFFRE_TEXTS, USAGE_TEXTS, refusal_text
from portal_ihm.shell.searching.periods import Periode, days_of, midnight
from registration.errors import Code, IgcError
from registration.rules.limits import EMAIL_LENGTH, FQDN_LENGTH, SERVICE_LENGTH, STRUCTURE_PATTERN
from registration.rules.names import read_pattern
from registration.views import PersonneCriteria
from registration.vocabulary import ALL_OFFRES, USAGES_BY_OFFRE, Offre, Usage

_LONGEST_NAME = 120
_LONGEST_ID = 64
_NO_BOUND = "Saisissez au moins l'une des deux dates de l'intervalle."
_WRONG_ORDER = "La date « Avant le » précède la date « Après le »."

_IN_STRUCTURE = frozenset({Offre.PRO, Offre.ORG, Offre.SERV})
_OF_PERSONS = frozenset({Offre.PS, Offre.PRO})
OFFRES_OF_CRITERIA: Mapping[str, frozenset[Offre]] = {
    "structure": _IN_STRUCTURE,
    "raison_sociale": _IN_STRUCTURE,
    "beneficiaire": _OF_PERSONS,
    "beneficiaire_nom": _OF_PERSONS,
    "beneficiaire_prenom": _OF_PERSONS,
    "service_applicatif": frozenset({Offre.ORG, Offre.SERV}),
    # The guide has it for PRO and SERV; a certificate PS may bear an address too (table 8).
    "adresse_email": frozenset({Offre.PS, Offre.PRO, Offre.SERV}),
    "fqdn": frozenset({Offre.SERV}),
}
"""To which offres a criterion applies; the others, to all."""

_PLACES = {
    "structure": "structure",
    "raisonSociale": "raison_sociale",
    "nomBeneficiaire": "beneficiaire_nom",
    "prenomBeneficiaire": "beneficiaire_prenom",
    "nomDemandeur": "demandeur_nom",
    "prenomDemandeur": "demandeur_prenom",
}
"""Field of the contract to field of the form."""
_WIDE = ("numero", "index_lot", "offre")


@dataclass(frozen=True, slots=True)
class Intervalle:
    """Three fields that say which days; ``ahead`` where what they bound may lie in the future."""

    periode: str
    apres_le: str
    avant_le: str
    ahead: bool = False


def _text(label: str, *validators: Any, longest: int) -> StringField:  # noqa: ANN401 -- validators of WTForms
    limit = Length(max=longest, message=f"{longest} caractères au plus.")
    return StringField(label, [Optional(), check_readable, limit, *validators], filters=[strip])


def _name(label: str, champ: str) -> StringField:
    return _text(label, _check_name(champ), longest=_LONGEST_NAME)


def _check_name(champ: str) -> Callable[[Form, Field], None]:
    def check(_form: Form, field: Field) -> None:
        try:
            read_pattern(field.data, champ)
        except IgcError as refusal:
            raise ValidationError(_told(refusal)) from None

    return check


def _told(refusal: IgcError) -> str:
    if refusal.code is not Code.CRITERIA_INVALID:
        return f"{refusal_text(refusal)} ({refusal.code.value})"
    raison = str(refusal.data["raison"])
    return f"{raison[:1].upper()}{raison[1:]} ({refusal.code.value})"


def _identifier(label: str) -> StringField:
    limit = Length(max=_LONGEST_ID, message=f"{_LONGEST_ID} caractères au plus.")
    return StringField(label, [Optional(), check_readable, limit], filters=[strip, upper])


class Criteres(Form):
    """What all have in common; a follow-up adds its own fields and names its intervals in ``intervalles``."""

    class Meta:
        """Messages of the library in French; nothing is written, so there is no token."""

        locales = ("fr",)

    intervalles: ClassVar[Sequence[Intervalle]] = ()

    numero = NumeroField("Numéro de demande", [Optional()])
    index_lot = NumeroField("Index de lot", [Optional()])
    offre = SelectField(
        "Offre",
        choices=choices("Choisir une offre", OFFRE_TEXTS) | {ALL_OFFRES: "TOUTES – toutes les offres"},
        default="",
    )
    usage = SelectField("Usage", choices=choices("Tous les usages", USAGE_TEXTS), default="")
    structure = StringField(
        "Identifiant national de la structure",
        [
            Optional(),
            Regexp(f"^{STRUCTURE_PATTERN}\\Z", message="Saisissez un identifiant national, par exemple 10B0039137."),
        ],
        filters=[strip, upper],
    )
    raison_sociale = _name("Raison sociale", "raisonSociale")
    service_applicatif = _text("Service applicatif", longest=SERVICE_LENGTH + 1)
    fqdn = _text("FQDN", longest=FQDN_LENGTH)
    adresse_email = _text("Adresse email protégée", longest=EMAIL_LENGTH)
    beneficiaire = _identifier("Identifiant du bénéficiaire")
    beneficiaire_nom = _name("Nom du bénéficiaire", "nomBeneficiaire")
    beneficiaire_prenom = _name("Prénom du bénéficiaire", "prenomBeneficiaire")
    demandeur = _identifier("Identifiant du demandeur")
    demandeur_nom = _name("Nom du demandeur", "nomDemandeur")
    demandeur_prenom = _name("Prénom du demandeur", "prenomDemandeur")

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is asked for."""
        return not any(field.data for field in self)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Besides each field: what the offre does not have is said, for it would find nothing without a word."""
        super().validate(extra_validators)
        self._check_offre()
        for intervalle in self.intervalles:
            self._check_interval(intervalle)
        return not self.errors

    def common(self) -> dict[str, Any]:
        """The arguments of ``CommonCriteria``; where nothing is asked for, what there is of all offres."""
        offre, usage = self.offre.data, self.usage.data
        return {
            "numero": self.numero.data,
            "index_lot": self.index_lot.data,
            "offre": Offre(offre) if offre and offre != ALL_OFFRES else None,
            "all_offres": offre == ALL_OFFRES or self.is_empty,
            "usage": Usage(usage) if usage else None,
            "structure": self.structure.data,
            "raison_sociale": self.raison_sociale.data,
            "service_applicatif": self.service_applicatif.data,
            "fqdn": self.fqdn.data,
            "adresse_email": self.adresse_email.data,
            "beneficiaire": self._person("beneficiaire"),
            "demandeur": self._person("demandeur"),
        }

    def bounds(self, intervalle: Intervalle, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The instants between which the chosen days lie, the second one exclusive; days are those of Paris."""
        periode = self.periode_of(intervalle)
        if periode is None:
            return None, None
        after, before = self[intervalle.apres_le].data, self[intervalle.avant_le].data
        first, last = days_of(periode, now, after, before, ahead=intervalle.ahead)
        return midnight(first) if first else None, midnight(last + timedelta(days=1)) if last else None

    def periode_of(self, intervalle: Intervalle) -> Periode | None:
        """Which days are meant; a date without the choice of the interval can only mean the interval."""
        chosen = self[intervalle.periode].data
        if chosen:
            return Periode(chosen)
        return Periode.INTERVALLE if self[intervalle.apres_le].data or self[intervalle.avant_le].data else None

    def place(self, refusal: IgcError) -> None:
        """A refusal of the search at its field, or at those of which one is missing."""
        text = _told(refusal)
        if refusal.code is Code.SEARCH_TOO_WIDE:
            for name in _WIDE:
                if name in self:
                    self[name].errors = [text]
        else:
            _add(self[_PLACES.get(refusal.champ or "", "offre")], text)

    def _person(self, who: str) -> PersonneCriteria:
        return PersonneCriteria(
            id_national=self[who].data, nom=self[f"{who}_nom"].data, prenom=self[f"{who}_prenom"].data
        )

    def _check_offre(self) -> None:
        if self.offre.errors or not self.offre.data or self.offre.data == ALL_OFFRES:
            return
        offre = Offre(self.offre.data)
        if self.usage.data and not self.usage.errors and Usage(self.usage.data) not in USAGES_BY_OFFRE[offre]:
            has = ", ".join(USAGES_BY_OFFRE[offre])
            _add(self.usage, f"L'offre {offre} n'a pas cet usage : choisissez parmi {has}.")
        for name, offres in OFFRES_OF_CRITERIA.items():
            if name in self and self[name].data and offre not in offres:
                _add(self[name], f"L'offre {offre} n'a pas ce critère : effacez-le, ou changez d'offre.")

    def _check_interval(self, intervalle: Intervalle) -> None:
        periode, after, before = (self[name] for name in (intervalle.periode, intervalle.apres_le, intervalle.avant_le))
        if periode.errors or after.errors or before.errors:
            return
        if periode.data == Periode.INTERVALLE and not (after.data or before.data):
            _add(periode, _NO_BOUND)
        if after.data and before.data and before.data < after.data and periode.data in {"", Periode.INTERVALLE}:
            _add(periode, _WRONG_ORDER)


def _add(field: Field, text: str) -> None:
    field.errors = [*field.errors, text]
