"""Why a certificate cannot be withdrawn, in the words of the guide: ERR_IHM_013 with its cause, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from portal_ihm.shell.labels import label
from registration.errors import Code, ConflictError, IgcError
from registration.retrait_views import RetraitEnCours
from registration.vocabulary import EtatDemande

_AGAIN = "Réessayez dans quelques instants : un mail dit quand le certificat est disponible."


@dataclass(frozen=True, slots=True)
class Ending:
    """A refusal and how to go on: ``waits`` when it ends by itself, ``asks_anew`` when a new demande is the way."""

    error: IgcError
    waits: bool = False
    asks_anew: bool = False


def ending_of(found: RetraitEnCours, error: IgcError) -> Ending:
    """What the page says of ``error``, the refusal of this withdrawal."""
    if found.csr_assistee and found.is_past:
        return Ending(IgcError(Code.CLE_OF_PAST_CERTIFICATE), asks_anew=True)
    if error.code is Code.NOT_READY:
        etat = label(found.demande.etat)
        return Ending(
            _failed(f"le certificat n'est pas encore signé (demande à l'état « {etat} »). {_AGAIN}"), waits=True
        )
    if error.code is Code.NOT_WITHDRAWABLE:
        cause = str(error.data["raison"]).rstrip(".")
        return Ending(_failed(f"{cause}. Faites une nouvelle demande de certificat."), asks_anew=True)
    return Ending(error, asks_anew=found.demande.etat is EtatDemande.ANNULEE)


def _failed(raison: str) -> ConflictError:
    return ConflictError(Code.RETRAIT_FAILED, raison=raison)
