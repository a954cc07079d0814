"""From registration's views to the types of demandes. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import DemandeDetail, DemandePage, DemandeView, HistoriqueLine
from ws.contract.rendering import erreur
from ws.demandes import types


def page_demandes(page: DemandePage) -> types.PageDemandes:
    """A page of demandes."""
    return types.PageDemandes(
        nombre=len(page.demandes), demande=[_demande(view) for view in page.demandes], suivant=page.next_after
    )


def detail(view: DemandeDetail) -> types.DetailDemande:
    """A demande with subject and history."""
    return types.DetailDemande(
        demande=_demande(view.demande),
        upn=view.upn,
        emailActeur=view.email_acteur,
        emailInforme=view.email_informe,
        attributSujet=[attribut(name, value) for name, value in view.subject],
        ligneHistorique=[line(step) for step in view.historique],
    )


def _demande(view: DemandeView) -> types.DemandeSuivie:
    return types.DemandeSuivie(
        numeroDemande=view.numero,
        canal=view.canal.value,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        offre=None if view.offre is None else view.offre.value,
        usage=None if view.usage is None else view.usage.value,
        etat=view.etat.value,
        etatProduit=None if view.etat_produit is None else view.etat_produit.value,
        structure=view.structure,
        raisonSociale=view.raison_sociale,
        beneficiaire=view.beneficiaire,
        nomBeneficiaire=view.beneficiaire_libelle,
        demandeur=view.demandeur,
        serviceApplicatif=view.service_applicatif,
        adresseEmail=view.adresse_email,
        fqdn=list(view.fqdns),
        creeLe=view.cree_le,
        modifieLe=view.modifie_le,
        numeroSerie=view.serial,
        finValidite=view.not_after,
        renouvelle=view.renouvelle,
        renouveleePar=view.renouvelee_par,
        dateLimiteRetrait=view.limite_retrait,
        erreur=None if view.refusal is None else erreur(view.refusal),
    )


def attribut(name: str, value: str) -> types.AttributSujet:
    """One attribute of a subject."""
    return types.AttributSujet(nom=name, valeur=value)


def line(step: HistoriqueLine) -> types.LigneHistorique:
    """One step of the history."""
    return types.LigneHistorique(
        numero=step.numero,
        canal=step.canal.value,
        date=step.date,
        codeAction=step.code_action,
        etat=step.etat.value,
        typeActeur=step.type_acteur,
        acteur=step.acteur or None,
        habilitationsActeur=step.habilitations_acteur,
        administrateur=step.administrateur,
        habilitationsAdministrateur=step.habilitations_administrateur,
    )
