"""The one door of who may act for others (agir pour un tiers): operators name them, and end it."""

from __future__ import annotations

from registration.acteurs.naming import NamedLine, Naming
from registration.vocabulary import Acte
from storage import tables

AdministrateurLine = NamedLine

_naming = Naming(
    tables.Administrateur,
    (Acte.APPOINTED, Acte.DISMISSED),
    "est une application : seule une personne agit pour un tiers",
)
is_administrateur = _naming.holds
appoint = _naming.name
dismiss = _naming.dismiss
list_administrateurs = _naming.list_all
