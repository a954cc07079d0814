"""From registration's views to the types that several areas share. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import CancelResult, LotReceipt, Refusal
from ws.contract import kinds


def bilan_annulation(result: CancelResult) -> kinds.BilanAnnulation:
    """What a cancellation changed."""
    return kinds.BilanAnnulation(annulees=result.cancelled, inchangees=result.unchanged)


def erreur(refusal: Refusal) -> kinds.ErreurDemande:
    """Why a demande is refused."""
    return kinds.ErreurDemande(code=refusal.code, texte=refusal.texte, champ=refusal.champ)


def accuse_lot(receipt: LotReceipt) -> kinds.AccuseLot:
    """Receipt of a deposit."""
    return kinds.AccuseLot(
        indexLot=receipt.index,
        reference=receipt.reference,
        nombre=receipt.nombre,
        deposeLe=receipt.depose_le,
        dejaDepose=receipt.already_known,
    )
