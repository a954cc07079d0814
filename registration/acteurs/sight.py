"""What an acteur may follow as conditions on values, so that an index finds it among a million demandes.

The same rule as ``visibility.may_follow``, with the rights read first: a condition that looks habilitations up row by
row hides from the database that it selects little. A property test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_perimeter
from registration.rules.rights import may_request_for_self
from registration.values import Acteur
from registration.vocabulary import EtatDemande, Offre, TypeActeurInscrit
from storage import tables
from storage.among import among

_demande = tables.Demande
Parts = tuple[ColumnElement[bool], ...]
"""Conditions of which no demande meets two, each found by one index; together they are a rule."""


class Sight:
    """The rights of one acteur at one moment, for the queries of that moment."""

    def __init__(self, session: Session, acteur: Acteur) -> None:
        """Read the explicit habilitations; bearing follows from the rows themselves."""
        self._acteur = acteur
        self._perimeter = load_perimeter(session, acteur)
        # One part for each set of offres: an administrator of many structures mostly holds the same on all.
        self._within: Parts = tuple(
            and_(among(_demande.id_structure, structures), _demande.offre.in_(sorted(offre.value for offre in offres)))
            for offres, structures in self._perimeter.by_offres.items()
        )

    @property
    def is_administrator(self) -> bool:
        """Whether he has a perimeter: what is left without one is little."""
        return bool(self._perimeter.structures)

    def products(self) -> Parts:
        """Demandes that passed validation: those of his perimeter, and those he is beneficiaire of."""
        return tuple(and_(_demande.contenu.is_not(None), part) for part in self.signed())

    def demandes(self, etat: EtatDemande | None = None) -> Parts:
        """``products``, and what he himself sent that was refused, as far as he has the right on what it names.

        Where only demandes of one ``etat`` are asked for, what cannot be in it is left out: none that is Rejetée ever
        passed validation, so that his own few are looked at and not his whole perimeter.
        """
        refused = and_(
            self._here(),
            _demande.contenu.is_(None),
            _demande.id_acteur == self._acteur.id,
            or_(*self._within, self._borne_refused(), self._names_nobody()),
        )
        return (refused,) if etat is EtatDemande.REJETEE else (*self.products(), refused)

    def askable(self) -> ColumnElement[bool]:
        """As ``visibility.may_act``: what he may ask for now, in his perimeter or for himself on offre PS."""
        own = (
            and_(_demande.offre == Offre.PS.value, _demande.id_beneficiaire == self._acteur.id_national)
            if may_request_for_self(self._acteur)
            else false()
        )
        return and_(self._here(), or_(*self._within, own))

    def signed(self) -> Parts:
        """As ``products``, for conditions that only what passed validation can meet: their indexes need not be told."""
        within = self._within
        borne = self._borne()
        if borne is not None:
            # Of what he both administers and bears one part is enough. Outside any structure, "within" is NULL.
            within += (and_(borne, or_(*within).is_not(True)) if within else borne,)
        return tuple(and_(self._here(), part) for part in within)

    def actionable(self) -> Parts:
        """As ``askable``, each way by an index of its own."""
        own: Parts = ()
        if may_request_for_self(self._acteur):
            own = (and_(_demande.id_beneficiaire == self._acteur.id_national, _demande.offre == Offre.PS.value),)
        return tuple(and_(self._here(), part) for part in (*self._within, *own))

    def _here(self) -> ColumnElement[bool]:
        return _demande.plateforme == self._acteur.plateforme.value

    def _borne(self) -> ColumnElement[bool] | None:
        acteur = self._acteur
        if acteur.type_acteur is not TypeActeurInscrit.PERSONNE or acteur.id_national is None:
            return None
        return _demande.id_beneficiaire == acteur.id_national

    def _borne_refused(self) -> ColumnElement[bool]:
        return and_(
            _demande.offre == Offre.PS.value,
            or_(_demande.id_beneficiaire.is_(None), _demande.id_beneficiaire == self._acteur.id_national),
        )

    def _names_nobody(self) -> ColumnElement[bool]:
        held = self._perimeter.structures
        without_offre = and_(_demande.offre.is_(None), among(_demande.id_structure, held)) if held else false()
        if not held and not may_request_for_self(self._acteur):
            return false()
        return or_(
            without_offre,
            and_(
                _demande.id_structure.is_(None),
                _demande.id_beneficiaire.is_(None),
                _demande.offre.is_distinct_from(Offre.PS.value),
            ),
        )
