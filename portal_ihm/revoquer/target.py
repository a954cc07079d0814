"""The certificate that somebody wants to revoke, as its page needs to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal_ihm.shell.context import acteur_of, named_numero, portal_of, read_visible
from registration.errors import AccessError, Code, NotFoundError
from registration.revocation_views import RevocationCriteria, RevocationView
from registration.rules.revocation import KEY_COMPROMISE
from registration.views import DemandeView, Possible, ProduitView
from registration.vocabulary import EtatProduit, EtatRevocation, Motif

if TYPE_CHECKING:
    from starlette.requests import Request

_STRONGER = (Motif.VOL, Motif.PERTE)


@dataclass(frozen=True, slots=True)
class Target:
    """``produit`` is None for a demande that has no certificate yet; ``revoked_by`` says why it is revoked.

    ``motifs`` are those that would change something: none for what cannot be revoked (any more).
    """

    numero: int
    view: ProduitView | DemandeView
    produit: ProduitView | None
    can: Possible
    revoked_by: RevocationView | None
    motifs: tuple[Motif, ...]


def read_target(request: Request) -> Target:
    """What the path names; NotFoundError where nothing visible answers to it, ERR_IHM_026 without the right."""
    numero, portal, acteur = named_numero(request), portal_of(request), acteur_of(request)
    with portal.authority.view():
        try:
            produit = portal.authority.produits.read(acteur, numero).produit
        except NotFoundError:
            produit = None
        view = produit or read_visible(request).demande
        can = portal.authority.demandes.possible(acteur, [numero]).get(numero, Possible())
        if not can.roles:
            raise AccessError(Code.HABILITATION_MISSING)
        revoked_by = _revocation_of(request, numero) if can.etat_produit is EtatProduit.REVOQUE else None
    return Target(numero, view, produit, can, revoked_by, _motifs(can, revoked_by))


def _revocation_of(request: Request, numero: int) -> RevocationView | None:
    criteria = RevocationCriteria(numero_produit=numero, etat=EtatRevocation.CLOSE)
    page = portal_of(request).authority.revocations.search(acteur_of(request), criteria, limit=1)
    return next(iter(page.revocations), None)


def _motifs(can: Possible, revoked_by: RevocationView | None) -> tuple[Motif, ...]:
    """A theft or a loss counts even after another reason (guide §11.1.2: they block the key)."""
    if can.etat_produit is EtatProduit.ACTIF:
        return tuple(Motif)
    if can.etat_produit is EtatProduit.REVOQUE and (revoked_by is None or revoked_by.raison != KEY_COMPROMISE):
        return _STRONGER
    return ()
