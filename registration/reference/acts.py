"""What each act finds in each state of a demande and its produit: asked of the rules themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from registration.errors import Code, IgcError
from registration.retraits.withdrawable import check_state
from registration.revocation.asking import outcome_of
from registration.revocation.targets import Target
from registration.rules.asked_revocation import Wish
from registration.rules.renewal import Certified, judge_state
from registration.rules.states import CANCELLABLE, DEMANDE, PRODUIT
from registration.vocabulary import EtatDemande, EtatProduit, Motif, Offre, ResultatRevocation
from storage import tables

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_YEAR, _WINDOW = timedelta(days=365), timedelta(days=30)
YES = "oui"


class Situation(NamedTuple):
    """Where a demande may be found: ``is_late`` once its limit has come, or once it was ended by that."""

    etat: EtatDemande
    produit: EtatProduit | None
    is_late: bool = False


SITUATIONS: tuple[Situation, ...] = (
    Situation(EtatDemande.ENREGISTREE, None),
    Situation(EtatDemande.REJETEE, None),
    Situation(EtatDemande.VALIDEE, None),
    Situation(EtatDemande.TRANSMISE, None),
    Situation(EtatDemande.TRANSMISE, EtatProduit.A_RETIRER),
    Situation(EtatDemande.TRANSMISE, EtatProduit.A_RETIRER, is_late=True),
    Situation(EtatDemande.CLOSE, EtatProduit.ACTIF),
    Situation(EtatDemande.CLOSE, EtatProduit.EXPIRE),
    Situation(EtatDemande.CLOSE, EtatProduit.REVOQUE),
    Situation(EtatDemande.ANNULEE, None),
    Situation(EtatDemande.ANNULEE, EtatProduit.REVOQUE),
    Situation(EtatDemande.ANNULEE, EtatProduit.REVOQUE, is_late=True),
    Situation(EtatDemande.NON_TRAITEE, None),
    Situation(EtatDemande.NON_TRAITEE, EtatProduit.REVOQUE),
)
"""Every state that rows may have together, as ``igc audit`` and the tests hold them to it."""


def missing() -> Iterator[EtatDemande | EtatProduit]:
    """Etats of which no situation tells."""
    yield from DEMANDE.keys() - {one.etat for one in SITUATIONS}
    yield from PRODUIT.keys() - {one.produit for one in SITUATIONS}


def withdraw(situation: Situation) -> str:
    """What its requester is told who withdraws; with the same code what was withdrawn before comes again."""
    row = tables.Demande(
        id=1,
        etat=situation.etat.value,
        etat_produit=_stored(situation.produit),
        code_erreur=Code.RETRAIT_FAILED.value if situation.is_late and situation.etat is EtatDemande.ANNULEE else None,
        limite_retrait=NOW - timedelta(days=1) if situation.is_late else NOW + timedelta(days=9),
    )
    certificat = tables.Certificat(not_after=_end(situation), revoque_le=_revoked(situation))
    return _answer(lambda: check_state(row, certificat if situation.produit else None, NOW))


def cancel(situation: Situation) -> str:
    """What is told who cancels: once cancelled, a second time changes nothing."""
    if situation.etat is EtatDemande.ANNULEE:
        return "sans effet"
    return YES if situation.etat in CANCELLABLE else Code.CANCEL_TOO_LATE.value


def revoke(situation: Situation, motif: Motif = Motif.FIN_ACTIVITE) -> str:
    """What is told who asks for an immediate revocation."""
    target = Target(
        numero=1,
        etat=situation.etat,
        offre=Offre.ORG,
        structure=None,
        beneficiaire=None,
        produit=situation.produit,
        id_certificat=1,
        autorite="",
        serial="",
        not_after=_end(situation),
        revoque_le=_revoked(situation),
        raison="cessationOfOperation" if _revoked(situation) else None,
    )
    wish = Wish(1, None, None, motif, None, None, None, "")
    return _answer(lambda: _outcome(outcome_of(target, wish, NOW)))


def renew(situation: Situation) -> str:
    """What is told who renews inside the window."""
    certified = Certified(
        numero=1,
        fields={},
        etat=situation.etat,
        etat_produit=situation.produit,
        not_after=_end(situation) if situation.produit else None,
        revoque_le=_revoked(situation),
        may_act=True,
    )

    def judged() -> None:
        refusal = judge_state(certified, NOW, _YEAR, "renouvelle")
        if refusal is not None:
            raise refusal

    return _answer(judged)


def _outcome(resultat: ResultatRevocation) -> str | None:
    return None if resultat is ResultatRevocation.REVOQUE else resultat.value


def _answer(act: Callable[[], str | None]) -> str:
    try:
        return act() or YES
    except IgcError as refusal:
        return refusal.code.value


def _stored(produit: EtatProduit | None) -> str | None:
    # Nothing is written when a certificate ends: its row stays as it was.
    return None if produit is None else (EtatProduit.ACTIF if produit is EtatProduit.EXPIRE else produit).value


def _end(situation: Situation) -> datetime:
    return NOW - timedelta(days=1) if situation.produit is EtatProduit.EXPIRE else NOW + _WINDOW / 2


def _revoked(situation: Situation) -> datetime | None:
    return NOW - timedelta(days=1) if situation.produit is EtatProduit.REVOQUE else None
