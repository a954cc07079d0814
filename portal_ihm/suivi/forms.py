"""The criteria of the three follow-ups, each with those that are its own (guide §10.1.1, 10.2.1, 10.3.1)."""

from __future__ import annotations

from typing import ClassVar

from wtforms import RadioField, SelectField
from wtforms.validators import Optional

from portal_ihm.shell.fields import JourField, NumeroField, choices
from portal_ihm.shell.labels import label
from portal_ihm.shell.searching.forms import Criteres, Intervalle
from portal_ihm.shell.searching.periods import PERIODE_TEXTS
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, Motif


def _periode(text: str) -> RadioField:
    return RadioField(text, choices=choices("Toutes les dates", PERIODE_TEXTS), default="")


class DemandesForm(Criteres):
    """Of demandes (figure 140)."""

    intervalles = (Intervalle("periode", "apres_le", "avant_le"),)

    etat = SelectField(
        "État de la demande",
        choices=choices("Tous les états", {etat: label(etat) for etat in EtatDemande}),
        default="",
    )
    etat_produit = SelectField(
        "État du produit",
        choices=choices("Tous, et sans produit", {etat: label(etat) for etat in EtatProduit}),
        default="",
    )
    periode = _periode("Date de la demande")
    apres_le = JourField("Après le")
    avant_le = JourField("Avant le")


class ProduitsForm(Criteres):
    """Of produits (figure 150); the guide's interval is that of the issue, the end of validity is ours."""

    intervalles = (
        Intervalle("periode", "apres_le", "avant_le"),
        Intervalle("fin_periode", "fin_apres_le", "fin_avant_le", ahead=True),
    )

    numero = NumeroField("Numéro de produit", [Optional()])
    etat = SelectField(
        "État du produit",
        choices=choices("Tous : actifs, expirés, révoqués", {etat: label(etat) for etat in EtatProduit}),
        default="",
    )
    periode = _periode("Date d'émission")
    apres_le = JourField("Émis après le")
    avant_le = JourField("Émis avant le")
    fin_periode = _periode("Fin de validité")
    fin_apres_le = JourField("Fin après le")
    fin_avant_le = JourField("Fin avant le")


class RevocationsForm(Criteres):
    """Of demandes de révocation (figure 159); N° de produit, motif and date d'effet are ours."""

    intervalles: ClassVar = (
        Intervalle("periode", "apres_le", "avant_le"),
        Intervalle("effet_periode", "effet_apres_le", "effet_avant_le", ahead=True),
    )

    numero = NumeroField("Numéro de la demande de révocation", [Optional()])
    numero_produit = NumeroField("Numéro de produit", [Optional()])
    etat = SelectField(
        "État de la demande",
        choices=choices("Tous les états", {etat: label(etat) for etat in EtatRevocation}),
        default="",
    )
    motif = SelectField(
        "Motif", choices=choices("Tous les motifs", {motif: label(motif) for motif in Motif}), default=""
    )
    periode = _periode("Date de la demande")
    apres_le = JourField("Après le")
    avant_le = JourField("Avant le")
    effet_periode = _periode("Date d'effet de la révocation")
    effet_apres_le = JourField("Effet après le")
    effet_avant_le = JourField("Effet avant le")
