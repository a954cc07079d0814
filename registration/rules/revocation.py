"""What a revocation changes: of the certificate (RFC 5280 §5.3.1) and of the demande that it came from."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, StrEnum

from registration.rules.states import CANCELLABLE
from registration.vocabulary import EtatDemande, EtatProduit

KEY_COMPROMISE = "keyCompromise"


class Outcome(StrEnum):
    """What became, or would become, of a certificate that somebody wants revoked."""

    REVOKED = "REVOKED"
    STRENGTHENED = "STRENGTHENED"  # revoked before for another reason, now as compromised
    UNCHANGED = "UNCHANGED"  # revoked before; the first reason stays
    EXPIRED = "EXPIRED"  # nothing left to revoke
    UNKNOWN = "UNKNOWN"  # no such certificate
    AMBIGUOUS = "AMBIGUOUS"  # several authorities gave this serial, and none was named

    @property
    def is_change(self) -> bool:
        """Whether a row is written."""
        return self in {Outcome.REVOKED, Outcome.STRENGTHENED}


def judge(
    raison: str, *, revoque_le: datetime | None, raison_crl: str | None, not_after: datetime, now: datetime
) -> Outcome:
    """What the wish to revoke for ``raison`` leads to.

    A revocation is final and keeps its date; only keyCompromise, when it comes to light later, replaces another reason.
    """
    if not_after <= now:
        return Outcome.EXPIRED if revoque_le is None else Outcome.UNCHANGED
    if revoque_le is None:
        return Outcome.REVOKED
    if raison == KEY_COMPROMISE != raison_crl:
        return Outcome.STRENGTHENED
    return Outcome.UNCHANGED


class Consequence(Enum):
    """What the revocation of its certificate, or the block of its key, makes of a demande."""

    CANCEL = "it becomes Annulée"
    REVOKE = "its produit becomes Révoqué"
    CANCEL_AND_REVOKE = "both"
    GIVE_UP = "it becomes Non traitée: its key will never be certified"


def consequence(
    etat: EtatDemande, produit: EtatProduit | None, *, signed: bool, revoked: bool, blocked: bool
) -> Consequence | None:
    """The step of a demande whose certificate is ``signed`` or not, ``revoked`` or not, and whose key is ``blocked``.

    A certificate that nobody has withdrawn yet will not be withdrawn any more: its demande is cancelled with it. One
    that is not signed yet must not come to life: its demande ends now, and if a signature is under way all the same,
    whoever stores it finds the end and revokes.
    """
    can_be_cancelled = etat in CANCELLABLE
    if signed:
        if not revoked or produit is EtatProduit.REVOQUE:
            return None
        return Consequence.CANCEL_AND_REVOKE if can_be_cancelled else Consequence.REVOKE
    if not can_be_cancelled:
        return None
    if blocked:
        return Consequence.GIVE_UP
    return Consequence.CANCEL if revoked else None
