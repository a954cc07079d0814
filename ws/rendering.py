"""From registration's views to the types of the contract. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import (
    CancelResult,
    DemandeDetail,
    DemandePage,
    DemandeView,
    HistoriqueLine,
    LotFollowUp,
    LotReceipt,
    Refusal,
    Verdict,
)
from registration.views import Retrait as RetraitView
from registration.views import RetraitPage as RetraitPageView
from registration.vocabulary import EtatDemande
from ws import contract_types as types


def accuse(receipt: LotReceipt) -> types.AccuseLot:
    """Receipt of a deposit."""
    return types.AccuseLot(
        indexLot=receipt.index,
        reference=receipt.reference,
        nombre=receipt.nombre,
        deposeLe=receipt.depose_le,
        dejaDepose=receipt.already_known,
    )


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
                erreur=[_erreur(refusal) for refusal in verdict.refusals],
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


def page_demandes(page: DemandePage) -> types.PageDemandes:
    """A page of demandes."""
    return types.PageDemandes(demande=[_demande(view) for view in page.demandes], suivant=page.next_after)


def retrait(view: RetraitView) -> types.Retrait:
    """A withdrawn certificate; spyne wants bytes in pieces."""
    return types.Retrait(
        numeroDemande=view.numero,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        numeroSerie=view.serial,
        finValidite=view.not_after,
        retireLe=view.retire_le,
        pkcs7=(view.pkcs7,),
    )


def page_retraits(page: RetraitPageView) -> types.PageRetraits:
    """A page of withdrawn certificates."""
    return types.PageRetraits(
        retrait=[retrait(view) for view in page.retraits], suivant=page.next_after, enAttente=page.pending
    )


def bilan_annulation(result: CancelResult) -> types.BilanAnnulation:
    """What a cancellation changed."""
    return types.BilanAnnulation(annulees=result.cancelled, inchangees=result.unchanged)


def detail(view: DemandeDetail) -> types.DetailDemande:
    """A demande with subject and history."""
    return types.DetailDemande(
        demande=_demande(view.demande),
        attributSujet=[types.AttributSujet(nom=name, valeur=value) for name, value in view.subject],
        ligneHistorique=[_line(line) for line in view.historique],
    )


def _demande(view: DemandeView) -> types.DemandeSuivie:
    return types.DemandeSuivie(
        numeroDemande=view.numero,
        canal=view.canal.value,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        offre=view.offre.value,
        usage=view.usage.value,
        etat=view.etat.value,
        etatProduit=None if view.etat_produit is None else view.etat_produit.value,
        structure=view.structure,
        beneficiaire=view.beneficiaire,
        serviceApplicatif=view.service_applicatif,
        adresseEmail=view.adresse_email,
        fqdn=list(view.fqdns),
        creeLe=view.cree_le,
        modifieLe=view.modifie_le,
        numeroSerie=view.serial,
        finValidite=view.not_after,
        erreur=None if view.refusal is None else _erreur(view.refusal),
    )


def _line(line: HistoriqueLine) -> types.LigneHistorique:
    return types.LigneHistorique(
        numero=line.numero,
        canal=line.canal.value,
        date=line.date,
        codeAction=line.code_action,
        etat=line.etat.value,
        typeActeur=line.type_acteur,
        acteur=line.acteur,
        habilitationsActeur=line.habilitations_acteur,
        administrateur=line.administrateur,
        habilitationsAdministrateur=line.habilitations_administrateur,
    )


def _erreur(refusal: Refusal) -> types.ErreurDemande:
    return types.ErreurDemande(code=refusal.code, texte=refusal.texte, champ=refusal.champ)
