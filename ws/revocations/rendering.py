"""Between registration's values and the types of revocations. No decisions: every value is already decided."""

from __future__ import annotations

from registration.revocation_views import (
    RevocationCriteria,
    RevocationDetail,
    RevocationPage,
    RevocationResult,
    RevocationVerdict,
    RevocationView,
)
from registration.values import RevocationForm
from registration.views import CommonCriteria
from registration.vocabulary import ALL_OFFRES, EtatRevocation
from ws.contract.rendering import erreur
from ws.demandes.operations import common_criteria
from ws.demandes.rendering import line
from ws.revocations import types
from ws.revocations.types import DemandeRevocation


def form(given: DemandeRevocation) -> RevocationForm:
    """What a sender wrote."""
    return RevocationForm(
        reference=given.reference,
        numero=given.numeroProduit,
        autorite=given.autorite,
        serie=given.numeroSerie,
        motif=given.motif,
        autre_motif=given.autreMotif,
        date_effet=given.dateEffet,
        en_tant_que=given.enTantQue,
        email=given.emailActeur,
        confirmation=bool(given.confirmation),
    )


def criteria(given: types.CriteresRevocation) -> RevocationCriteria:
    """What is looked for."""
    of_produit = common_criteria(given) | {"index_lot": None, "all_offres": given.offre in {None, ALL_OFFRES}}
    return RevocationCriteria(
        numero=given.numeroRevocation,
        numero_produit=given.numeroProduit,
        index_lot=given.indexLot,
        etat=None if given.etat is None else EtatRevocation(given.etat),
        since=given.depuis,
        until=given.jusqua,
        produit=CommonCriteria(**of_produit),
    )


def accuse(result: RevocationResult) -> types.AccuseRevocation:
    """What became of one certificate."""
    return types.AccuseRevocation(
        resultat=result.resultat.value,
        numeroRevocation=result.numero,
        numeroProduit=result.numero_produit,
        autorite=result.autorite,
        numeroSerie=result.serial,
        motif=None if result.motif is None else result.motif.value,
        effetLe=result.effet_le,
        revoqueLe=result.revoque_le,
        raisonCrl=result.raison,
    )


def bilan_verification(verdicts: tuple[RevocationVerdict, ...]) -> types.BilanVerificationRevocations:
    """All verdicts, by position."""
    refused = sum(1 for verdict in verdicts if verdict.refusals)
    return types.BilanVerificationRevocations(
        nombre=len(verdicts),
        acceptables=len(verdicts) - refused,
        refusees=refused,
        verdict=[
            types.VerdictRevocation(
                position=verdict.position,
                reference=verdict.reference,
                acceptable=not verdict.refusals,
                accuse=None if verdict.result is None else accuse(verdict.result),
                erreur=[erreur(refusal) for refusal in verdict.refusals],
            )
            for verdict in verdicts
        ],
    )


def page(found: RevocationPage) -> types.PageRevocations:
    """A page of demandes de révocation."""
    views = [_suivie(view) for view in found.revocations]
    return types.PageRevocations(nombre=len(views), revocation=views, suivant=found.next_after)


def detail(found: RevocationDetail) -> types.DetailRevocation:
    """One with its history."""
    return types.DetailRevocation(
        revocation=_suivie(found.revocation), ligneHistorique=[line(step) for step in found.historique]
    )


def _suivie(view: RevocationView) -> types.RevocationSuivie:
    return types.RevocationSuivie(
        numeroRevocation=view.numero,
        canal=view.canal.value,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        etat=view.etat.value,
        resultat=view.resultat.value,
        motif=None if view.motif is None else view.motif.value,
        autreMotif=view.autre_motif,
        effetLe=view.effet_le,
        remplaceePar=view.remplacee_par,
        demandeur=view.demandeur,
        numeroProduit=view.numero_produit,
        autorite=view.autorite,
        numeroSerie=view.serial,
        revoqueLe=view.revoque_le,
        raisonCrl=view.raison,
        offre=None if view.offre is None else view.offre.value,
        usage=None if view.usage is None else view.usage.value,
        structure=view.structure,
        raisonSociale=view.raison_sociale,
        beneficiaire=view.beneficiaire,
        nomBeneficiaire=view.beneficiaire_libelle,
        serviceApplicatif=view.service_applicatif,
        adresseEmail=view.adresse_email,
        fqdn=list(view.fqdns),
        creeLe=view.cree_le,
        modifieLe=view.modifie_le,
        erreur=None if view.refusal is None else erreur(view.refusal),
    )
