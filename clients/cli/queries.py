"""The commands that ask about demandes or cancel them: lister, rechercher, consulter, annuler, etat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
import typer

from clients.cli.criteria import (
    Beneficiaire,
    Demandeur,
    Email,
    Fqdn,
    Nom,
    NomDemandeur,
    Prenom,
    PrenomDemandeur,
    RaisonSociale,
    ServiceApplicatif,
    Since,
    Structure,
    Until,
)
from clients.cli.csv_file import write_csv
from clients.cli.display import Display, show
from clients.cli.failures import CommandLineError
from clients.cli.options import (
    AnyLot,
    AsJson,
    CsvFile,
    Etat,
    Offre,
    Usage,
    check_etat,
    check_instant,
    check_offre,
    check_usage,
)
from clients.cli.support import find_index, open_service
from clients.contract.values import CriteresRecherche, DemandeSuivie, TexteEnVigueur

LEAST_USEFUL = ("renouvelle", "renouvelé par", "canal", "numéro de série", "structure", "fin de validité", "produit")
"""What a narrow terminal does without, first to go first; before them, what all the demandes listed have in common."""

DEMANDE_COLUMNS = (
    ("numéro", "numero_demande"),
    ("canal", "canal"),
    ("lot", "index_lot"),
    ("position", "position"),
    ("référence", "reference"),
    ("offre", "offre"),
    ("usage", "usage"),
    ("état", "etat"),
    ("produit", "etat_produit"),
    ("structure", "structure"),
    ("numéro de série", "numero_serie"),
    ("fin de validité", "fin_validite"),
    ("renouvelle", "renouvelle"),
    ("renouvelé par", "renouvelee_par"),
)
_MORE = (
    ("raison sociale", "raison_sociale"),
    ("bénéficiaire", "beneficiaire"),
    ("nom du bénéficiaire", "nom_beneficiaire"),
    ("demandeur", "demandeur"),
    ("service applicatif", "service_applicatif"),
    ("adresse email", "adresse_email"),
    ("FQDN", "fqdn"),
    ("à retirer avant le", "date_limite_retrait"),
)
_CONTACTS = (("UPN", "upn"), ("email de l'acteur", "email_acteur"), ("email à informer", "email_informe"))


def list_command(context: typer.Context, lot: AnyLot, etat: Etat = None, *, as_json: AsJson = False) -> None:
    """Liste les demandes d'un lot, au besoin d'un seul état."""
    display = Display(as_json=as_json)
    known = check_etat(etat)
    with open_service(context, display) as service:
        show_demandes(display, service.iter_demandes(find_index(service, lot), etat=known), lot_known=True)


def search_command(
    context: typer.Context,
    numero: Annotated[int | None, typer.Option("--demande", help="Numéro de demande.")] = None,
    lot: Annotated[int | None, typer.Option("--lot", help="Index de lot.")] = None,
    offre: Offre = None,
    usage: Usage = None,
    etat: Etat = None,
    structure: Structure = None,
    raison_sociale: RaisonSociale = None,
    beneficiaire: Beneficiaire = None,
    nom: Nom = None,
    prenom: Prenom = None,
    demandeur: Demandeur = None,
    nom_demandeur: NomDemandeur = None,
    prenom_demandeur: PrenomDemandeur = None,
    service_applicatif: ServiceApplicatif = None,
    email: Email = None,
    fqdn: Fqdn = None,
    since: Since = None,
    until: Until = None,
    csv_file: CsvFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Recherche les demandes que vous pouvez suivre, quel que soit leur canal."""
    display = Display(as_json=as_json)
    criteres = CriteresRecherche(
        numero_demande=numero,
        index_lot=lot,
        offre=check_offre(offre),
        usage=check_usage(usage),
        etat=check_etat(etat),
        structure=structure,
        raison_sociale=raison_sociale,
        beneficiaire=beneficiaire,
        nom_beneficiaire=nom,
        prenom_beneficiaire=prenom,
        demandeur=demandeur,
        nom_demandeur=nom_demandeur,
        prenom_demandeur=prenom_demandeur,
        service_applicatif=service_applicatif,
        adresse_email=email,
        fqdn=fqdn,
        depuis=check_instant(since),
        jusqua=check_instant(until),
    )
    with open_service(context, display) as service:
        found = list(service.iter_search(criteres))
    if csv_file is not None:
        write_csv(csv_file, (*DEMANDE_COLUMNS, *_MORE), found)
    show_demandes(display, found)


def show_command(
    context: typer.Context,
    numero: Annotated[int, typer.Argument(help="Numéro de demande.", metavar="NUMERO")],
    *,
    as_json: AsJson = False,
) -> None:
    """Montre une demande, le sujet de son certificat et son historique."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        detail = service.consulter_demande(numero)
    display.result(detail, "")
    facts = [(label, getattr(detail.demande, name)) for label, name in (*DEMANDE_COLUMNS, *_MORE)]
    facts += [(label, getattr(detail, name)) for label, name in _CONTACTS]
    facts += (
        [("erreur", f"{detail.demande.erreur.code} {detail.demande.erreur.texte}")] if detail.demande.erreur else []
    )
    facts += [(f"sujet {attribut.nom}", attribut.valeur) for attribut in detail.attribut_sujet]
    display.table(("champ", "valeur"), [fact for fact in facts if show(fact[1])])
    display.steps(detail.ligne_historique)


def cancel_command(
    context: typer.Context,
    lot: Annotated[str | None, typer.Option("--lot", help="Index, fichier ou référence du lot à annuler.")] = None,
    numero: Annotated[int | None, typer.Option("--demande", help="Numéro de la demande à annuler.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--oui", help="Ne pas demander confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Annule une demande, ou ce qui peut encore l'être dans un lot.

    Un certificat déjà signé est révoqué ; d'un lot de révocations, celles qui attendent leur jour sont abandonnées.
    """
    display = Display(as_json=as_json)
    if (lot is None) == (numero is None):
        raise CommandLineError("Indiquez ou bien --lot, ou bien --demande.")
    what = f"le lot {lot}" if lot is not None else f"la demande {numero}"
    if not yes:
        answer = typer.prompt(
            f"Annuler {what}, sans retour possible ? (oui/non)", default="non", err=True, prompt_suffix=" : "
        )
        if answer.strip().lower() not in ("o", "oui"):
            raise typer.Abort
    with open_service(context, display) as service:
        if numero is not None:
            bilan = service.annuler_demande(numero)
        else:
            bilan = service.annuler_lot(find_index(service, lot or ""))
    display.result(bilan, f"{bilan.annulees} demande(s) annulée(s), {bilan.inchangees} inchangée(s).")


def state_command(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Dit si le service répond, qui il reconnaît en vous et quelles sont ses limites."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        etat = service.consulter_service()
    display.result(etat, "")
    values = ((field.encode_name, getattr(etat, field.name)) for field in msgspec.structs.fields(etat))
    rows = [(name, _told(value) if isinstance(value, TexteEnVigueur) else value) for name, value in values]
    display.table(("champ", "valeur"), rows)


def _told(texte: TexteEnVigueur) -> str:
    return f"{texte.version}, {texte.adresse} (SHA-256 {texte.empreinte})"


def show_demandes(display: Display, demandes: Iterable[DemandeSuivie], *, lot_known: bool = False) -> None:
    """The demandes as a table, or as a document, with what is to be said of them."""
    found = list(demandes)
    display.result(found, "")
    rows = [
        (*(getattr(demande, name) for _, name in DEMANDE_COLUMNS), demande.erreur.code if demande.erreur else None)
        for demande in found
    ]
    least_useful = ("lot", *LEAST_USEFUL) if lot_known else (*LEAST_USEFUL, "position")
    display.table((*(label for label, _ in DEMANDE_COLUMNS), "erreur"), rows, least_useful=least_useful)
    display.say(f"{len(found)} demande(s).")
    hidden = sum(demande.without_detail for demande in found)
    if hidden:
        display.say(
            f"{hidden} demande(s) sans détail : vous n'avez pas, ou plus, l'habilitation sur ce qu'elles nomment."
        )
