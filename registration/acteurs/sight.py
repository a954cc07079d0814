"""What an acteur may follow as conditions on values, so that an index finds it among a million demandes.

The same rule as ``visibility.may_follow``, with the rights read first: a condition that looks habilitations up row by
row hides from the database that it selects little. A property test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.rules.rights import Rights, may_request_for_self
from registration.values import Acteur
from registration.vocabulary import EtatDemande, Offre, TypeActeurInscrit
from storage import tables
from storage.among import among

_demande = tables.Demande


class Sight:
    """The rights of one acteur at one moment, for the queries of that moment."""

    def __init__(self, session: Session, acteur: Acteur) -> None:
        """Read the explicit habilitations; bearing follows from the rows themselves."""
        self._acteur = acteur
        self._rights = load_rights(session, acteur)

    def products(self) -> ColumnElement[bool]:
        """Demandes that passed validation: those of his perimeter, and those he is beneficiaire of."""
        return and_(
            _demande.plateforme == self._acteur.plateforme.value,
            _demande.contenu.is_not(None),
            or_(_within(self._rights), self._borne()),
        )

    def demandes(self, etat: EtatDemande | None = None) -> ColumnElement[bool]:
        """``products``, and what he himself sent that was refused, as far as he has the right on what it names.

        Where only demandes of one ``etat`` are asked for, what cannot be in it is left out: none that is Rejetée ever
        passed validation, so that his own few are looked at and not his whole perimeter.
        """
        refused = and_(_demande.contenu.is_(None), _demande.id_acteur == self._acteur.id)
        validated = false() if etat is EtatDemande.REJETEE else _demande.contenu.is_not(None)
        return and_(
            _demande.plateforme == self._acteur.plateforme.value,
            or_(
                and_(_within(self._rights), or_(validated, refused)),
                and_(validated, self._borne()),
                and_(refused, or_(self._borne_refused(), self._names_nobody())),
            ),
        )

    def askable(self) -> ColumnElement[bool]:
        """As ``visibility.may_act``: what he may ask for now, in his perimeter or for himself on offre PS."""
        own = (
            and_(_demande.offre == Offre.PS.value, _demande.id_beneficiaire == self._acteur.id_national)
            if may_request_for_self(self._acteur)
            else false()
        )
        return and_(_demande.plateforme == self._acteur.plateforme.value, or_(_within(self._rights), own))

    def structures(self) -> int:
        """How many structures he administers."""
        return len({structure for _, structure in self._rights.patterns})

    def _borne(self) -> ColumnElement[bool]:
        acteur = self._acteur
        if acteur.type_acteur is not TypeActeurInscrit.PERSONNE or acteur.id_national is None:
            return false()
        return _demande.id_beneficiaire == acteur.id_national

    def _borne_refused(self) -> ColumnElement[bool]:
        return and_(
            _demande.offre == Offre.PS.value,
            or_(_demande.id_beneficiaire.is_(None), _demande.id_beneficiaire == self._acteur.id_national),
        )

    def _names_nobody(self) -> ColumnElement[bool]:
        held = sorted({structure for _, structure in self._rights.patterns})
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


def _within(rights: Rights) -> ColumnElement[bool]:
    """One condition for each set of offres: an administrator of many structures mostly holds the same on all."""
    offres: dict[str, set[str]] = {}
    for offre, structure in rights.perimeter:
        offres.setdefault(structure, set()).add(offre.value)
    structures: dict[frozenset[str], list[str]] = {}
    for structure, held in sorted(offres.items()):
        structures.setdefault(frozenset(held), []).append(structure)
    conditions = [
        and_(among(_demande.id_structure, ids), _demande.offre.in_(sorted(held))) for held, ids in structures.items()
    ]
    return or_(*conditions) if conditions else false()
