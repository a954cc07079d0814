"""From registration's views to the types of demandes. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import DemandeDetail, DemandePage, DemandeView, HistoriqueLine
from ws.contract.rendering import erreur
from ws.demandes import types


def page_demandes(page: DemandePage) -> types.PageDemandes:
    """A page of demandes."""
    return types.PageDemandes(demande=[_demande(view) for view in page.demandes], suivant=page.next_after)


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
        offre=None if view.offre is None else view.offre.value,
        usage=None if view.usage is None else view.usage.value,
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
        erreur=None if view.refusal is None else erreur(view.refusal),
    )


def _line(line: HistoriqueLine) -> types.LigneHistorique:
    return types.LigneHistorique(
        numero=line.numero,
        canal=line.canal.value,
        date=line.date,
        codeAction=line.code_action,
        etat=line.etat.value,
        typeActeur=line.type_acteur,
        acteur=line.acteur or None,
        habilitationsActeur=line.habilitations_acteur,
        administrateur=line.administrateur,
        habilitationsAdministrateur=line.habilitations_administrateur,
    )
