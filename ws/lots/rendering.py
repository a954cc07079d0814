"""From registration's views to the types of lots. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import LotFollowUp, Verdict
from registration.vocabulary import EtatDemande
from ws.contract.rendering import erreur
from ws.lots import types


def bilan_verification(verdicts: tuple[Verdict, ...]) -> types.BilanVerification:
    """All verdicts, by position."""
    refused = sum(1 for verdict in verdicts if verdict.refusals)
    return types.BilanVerification(
        nombre=len(verdicts),
        acceptables=len(verdicts) - refused,
        refusees=refused,
        verdict=[
            types.Verdict(
                position=verdict.position,
                reference=verdict.reference,
                acceptable=not verdict.refusals,
                sujet=verdict.subject,
                nomAlternatif=[
                    types.NomAlternatif(nature=one.nature.value, valeur=one.valeur) for one in verdict.alternatives
                ],
                avertissement=[
                    types.Avertissement(code=one.code, texte=one.texte, champ=one.champ) for one in verdict.warnings
                ],
                erreur=[erreur(refusal) for refusal in verdict.refusals],
            )
            for verdict in verdicts
        ],
    )


def suivi(view: LotFollowUp) -> types.SuiviLot:
    """Progress of a lot."""
    return types.SuiviLot(
        indexLot=view.index,
        reference=view.reference,
        etat=view.etat.value,
        nombre=view.nombre,
        enregistrees=view.counts[EtatDemande.ENREGISTREE],
        validees=view.counts[EtatDemande.VALIDEE],
        transmises=view.counts[EtatDemande.TRANSMISE],
        closes=view.counts[EtatDemande.CLOSE],
        rejetees=view.counts[EtatDemande.REJETEE],
        nonTraitees=view.counts[EtatDemande.NON_TRAITEE],
        annulees=view.counts[EtatDemande.ANNULEE],
        aRetirer=view.a_retirer,
        avancement=view.avancement,
        deposeLe=view.depose_le,
        modifieLe=view.modifie_le,
        version=view.version,
    )
