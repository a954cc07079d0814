"""The two forms of a revocation with login (guide §11.1, figures 169 and 174)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.datastructures import FormData
from wtforms import RadioField
from wtforms.validators import DataRequired, Optional

from portal_ihm.shell.fields import JourField, NumeroField, choices
from portal_ihm.shell.labels import ROLE_TEXTS
from portal_ihm.shell.revoking import WishFields
from portal_ihm.shell.searching.forms import Criteres, Intervalle
from portal_ihm.shell.searching.periods import PERIODE_TEXTS
from portal_ihm.shell.writing import FormThatWrites
from registration.rules.asked_revocation import ROLES
from registration.vocabulary import LABELS, Motif, Role

if TYPE_CHECKING:
    from starlette.requests import Request

_NAMES = {role: name for name, role in ROLES.items()}


class ActifsForm(Criteres):
    """Which active certificate (figures 169 to 173)."""

    intervalles = (Intervalle("periode", "apres_le", "avant_le"),)

    numero = NumeroField("Numéro de produit", [Optional()])
    periode = RadioField("Date d'émission", choices=choices("Toutes les dates", PERIODE_TEXTS), default="")
    apres_le = JourField("Après le")
    avant_le = JourField("Avant le")


class RevoquerForm(WishFields, FormThatWrites):
    """Why and when, and in which role where one has two."""

    en_tant_que = RadioField("Agir en tant que", [DataRequired("Choisissez à quel titre vous révoquez.")])

    def __init__(
        self, request: Request, formdata: FormData | None, roles: Sequence[Role], motifs: Sequence[Motif]
    ) -> None:
        """``roles`` are those of the acteur, ``motifs`` those that change something."""
        super().__init__(request, formdata)
        self.motif.choices = [(motif.value, LABELS[motif]) for motif in motifs]
        if len(roles) > 1:
            self.en_tant_que.choices = [(_NAMES[role], ROLE_TEXTS[role]) for role in roles]
        else:
            del self.en_tant_que

    @property
    def role(self) -> str | None:
        """The role chosen, None where there was nothing to choose."""
        return self["en_tant_que"].data if "en_tant_que" in self else None
