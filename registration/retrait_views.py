"""What a requester sees of his withdrawals on the portal: what waits, one of them, where their keys are."""

from __future__ import annotations

from datetime import datetime

import msgspec

from registration.errors import IgcError
from registration.views import DemandeView
from registration.vocabulary import EtatDemande, EtatProduit, Offre, Usage


class RetraitPret(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that waits for its requester; ``csr_assistee`` when its key was made in his browser."""

    demande: DemandeView
    csr_assistee: bool


class RetraitsPrets(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them, the first to fall to its limit first; ``next_after`` is how many there were, None at the end."""

    retraits: tuple[RetraitPret, ...]
    next_after: int | None


class RetraitCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for among what waits (guide §9.1)."""

    offre: Offre | None = None
    structure: str | None = None
    index_lot: int | None = None


class RetraitEnCours(msgspec.Struct, frozen=True, kw_only=True):
    """One withdrawal as its requester finds it.

    ``empreinte`` is the SHA-256 of the public key (hexadecimal). ``retire_le`` is None until it is withdrawn.
    ``empechement`` says why the certificate cannot be handed out, and is None when it can.
    """

    demande: DemandeView
    csr_assistee: bool
    empreinte: str
    retire_le: datetime | None
    empechement: IgcError | None

    @property
    def is_past(self) -> bool:
        """Whether there is a certificate that is not valid any more, by its end or by a revocation."""
        return self.demande.etat_produit in {EtatProduit.EXPIRE, EtatProduit.REVOQUE}


class CleNavigateur(msgspec.Struct, frozen=True, kw_only=True):
    """A demande whose key was made in a browser, by the fingerprint of that key; its sender's alone."""

    empreinte: str
    numero: int
    offre: Offre | None
    usage: Usage | None
    etat: EtatDemande
    etat_produit: EtatProduit | None
