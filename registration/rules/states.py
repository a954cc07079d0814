"""The state tables of demande and product (guide §8 to §10): an arrow that is not here does not exist."""

from __future__ import annotations

from registration.vocabulary import EtatDemande, EtatProduit

DEMANDE: dict[EtatDemande, frozenset[EtatDemande]] = {
    # The rules refuse or accept it, or its sender cancels first, or its page could not be read after all retries.
    EtatDemande.ENREGISTREE: frozenset(
        {EtatDemande.VALIDEE, EtatDemande.REJETEE, EtatDemande.ANNULEE, EtatDemande.NON_TRAITEE}
    ),
    # The batch hands it to the CA core, or gives up after all retries.
    EtatDemande.VALIDEE: frozenset({EtatDemande.TRANSMISE, EtatDemande.NON_TRAITEE, EtatDemande.ANNULEE}),
    # Withdrawn; or cancelled before withdrawal; or the CA core refused it for good.
    EtatDemande.TRANSMISE: frozenset({EtatDemande.CLOSE, EtatDemande.NON_TRAITEE, EtatDemande.ANNULEE}),
    EtatDemande.CLOSE: frozenset(),
    EtatDemande.REJETEE: frozenset(),
    EtatDemande.NON_TRAITEE: frozenset(),
    EtatDemande.ANNULEE: frozenset(),
}

PRODUIT: dict[EtatProduit, frozenset[EtatProduit]] = {
    EtatProduit.A_RETIRER: frozenset({EtatProduit.ACTIF, EtatProduit.REVOQUE}),
    EtatProduit.ACTIF: frozenset({EtatProduit.EXPIRE, EtatProduit.REVOQUE}),
    EtatProduit.EXPIRE: frozenset(),
    EtatProduit.REVOQUE: frozenset(),
}


def sources_of(target: EtatDemande) -> tuple[EtatDemande, ...]:
    """The etats from which a demande may become ``target``; what a conditional UPDATE names in its WHERE."""
    return tuple(etat for etat, targets in DEMANDE.items() if target in targets)


CANCELLABLE = sources_of(EtatDemande.ANNULEE)
