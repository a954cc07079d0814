"""The state tables of everything that has an etat (guide §8 to §10), and the steps of the history that follow them.

An arrow that is not here does not exist: whoever changes an etat asks these tables. docs/etats.md is drawn from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from registration.vocabulary import (
    CodeAction,
    EtatAvis,
    EtatDemande,
    EtatImport,
    EtatProduit,
    EtatRevocation,
    NatureLot,
)

DEMANDE: dict[EtatDemande, frozenset[EtatDemande]] = {
    # The rules refuse or accept it, or its sender cancels first, or its page could not be read after all retries.
    EtatDemande.ENREGISTREE: frozenset(
        {EtatDemande.VALIDEE, EtatDemande.REJETEE, EtatDemande.ANNULEE, EtatDemande.NON_TRAITEE}
    ),
    # The batch hands it to the CA core, or gives up after all retries.
    EtatDemande.VALIDEE: frozenset({EtatDemande.TRANSMISE, EtatDemande.NON_TRAITEE, EtatDemande.ANNULEE}),
    # Withdrawn; or cancelled before withdrawal, by somebody or by its limit; or the CA core refused it for good.
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

REVOCATION: dict[EtatRevocation, frozenset[EtatRevocation]] = {
    # The rules accept it, or refuse it (an item of a lot: what a form shows at once is not recorded).
    EtatRevocation.ENREGISTREE: frozenset({EtatRevocation.VALIDEE, EtatRevocation.NON_TRAITEE}),
    # Done, at once or on its day; or superseded. Or given up, or its certificate has expired meanwhile.
    EtatRevocation.VALIDEE: frozenset({EtatRevocation.CLOSE, EtatRevocation.NON_TRAITEE}),
    EtatRevocation.CLOSE: frozenset(),
    EtatRevocation.NON_TRAITEE: frozenset(),
}

AVIS: dict[EtatAvis, frozenset[EtatAvis]] = {
    # Gathered into one notice a destinataire: the row that was to be gathered goes, or waits for the next morning.
    EtatAvis.TO_GATHER: frozenset({EtatAvis.TO_SEND}),
    EtatAvis.TO_SEND: frozenset({EtatAvis.SENT, EtatAvis.REFUSED, EtatAvis.MOOT}),
    # The operator has it sent again.
    EtatAvis.REFUSED: frozenset({EtatAvis.TO_SEND}),
    EtatAvis.SENT: frozenset(),
    EtatAvis.MOOT: frozenset(),
}

IMPORT: dict[EtatImport, frozenset[EtatImport]] = {
    EtatImport.EN_COURS: frozenset({EtatImport.TERMINE, EtatImport.ABANDONNE}),
    EtatImport.TERMINE: frozenset(),
    EtatImport.ABANDONNE: frozenset(),
}

PENDING: dict[NatureLot, frozenset[tuple[EtatDemande, EtatProduit | None]]] = {
    NatureLot.CERTIFICATS: frozenset(
        {(EtatDemande.ENREGISTREE, None), (EtatDemande.VALIDEE, None), (EtatDemande.TRANSMISE, None)}
    ),
    # A revocation that waits for its day waits for nothing else.
    NatureLot.REVOCATIONS: frozenset({(EtatDemande.ENREGISTREE, None)}),
}
"""A lot is EN_COURS as long as one of its items is in such a state, and TERMINE from then on."""


# What a certificate is when it comes to be: for its requester to withdraw, or revoked at once because its demande ended
# while it was being signed.
FIRST_PRODUIT = frozenset({EtatProduit.A_RETIRER, EtatProduit.REVOQUE})


def sources_of(target: EtatDemande) -> frozenset[EtatDemande]:
    """The etats from which a demande may become ``target``: every arrow of the table that ends there."""
    return frozenset(etat for etat, targets in DEMANDE.items() if target in targets)


def produits_before(target: EtatProduit) -> frozenset[EtatProduit | None]:
    """What a produit may be before it becomes ``target``; None stands for a certificate that is not there yet."""
    before: set[EtatProduit | None] = {etat for etat, targets in PRODUIT.items() if target in targets}
    return frozenset(before | {None} if target in FIRST_PRODUIT else before)


CANCELLABLE = sources_of(EtatDemande.ANNULEE)


@dataclass(frozen=True, slots=True)
class Step:
    """What an action makes of a demande: its new etat and that of its produit (None: it stays as it is).

    ``among`` are the etats in which the demande may be before, ``produits`` those of its produit.
    """

    etat: EtatDemande | None
    produit: EtatProduit | None
    among: frozenset[EtatDemande]
    produits: frozenset[EtatProduit | None]


def _to(etat: EtatDemande, produit: EtatProduit | None = None, *, unsigned: bool = False) -> Step:
    produits = frozenset({None}) if unsigned else frozenset({None, *EtatProduit})
    return Step(etat, produit, sources_of(etat), produits if produit is None else produits_before(produit))


def _of_produit(produit: EtatProduit, among: frozenset[EtatDemande]) -> Step:
    return Step(None, produit, among, produits_before(produit))


STEPS: dict[CodeAction, Step] = {
    CodeAction.VALIDATED: _to(EtatDemande.VALIDEE),
    CodeAction.REJECTED: _to(EtatDemande.REJETEE),
    CodeAction.HANDED_TO_CA: _to(EtatDemande.TRANSMISE),
    CodeAction.ISSUED: _of_produit(EtatProduit.A_RETIRER, frozenset({EtatDemande.TRANSMISE})),
    CodeAction.WITHDRAWN: _to(EtatDemande.CLOSE, EtatProduit.ACTIF),
    CodeAction.CANCELLED: _to(EtatDemande.ANNULEE),
    # The limit of a withdrawal says that nobody came for a certificate that was there.
    CodeAction.NOT_WITHDRAWN: Step(
        EtatDemande.ANNULEE, None, frozenset({EtatDemande.TRANSMISE}), frozenset({EtatProduit.A_RETIRER})
    ),
    # Given up is what never got a certificate.
    CodeAction.NOT_PROCESSED: _to(EtatDemande.NON_TRAITEE, unsigned=True),
    CodeAction.CERTIFICATE_REVOKED: _of_produit(
        EtatProduit.REVOQUE, frozenset({EtatDemande.CLOSE, EtatDemande.ANNULEE, EtatDemande.NON_TRAITEE})
    ),
}
