"""The commands that ask about revocations: revocations, revocation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    AsJson,
    CsvFile,
    EtatRevocation,
    Offre,
    Usage,
    check_etat_revocation,
    check_instant,
    check_offre,
    check_usage,
)
from clients.cli.support import find_index, open_service
from clients.contract.revocations import CriteresRevocation
from clients.lots.file import default_reference

_COLUMNS = (
    ("numéro", "numero_revocation"),
    ("canal", "canal"),
    ("lot", "index_lot"),
    ("position", "position"),
    ("référence", "reference"),
    ("état", "etat"),
    ("résultat", "resultat"),
    ("produit", "numero_produit"),
    ("motif", "motif"),
    ("prévue le", "effet_le"),
    ("révoqué le", "revoque_le"),
    ("AC", "autorite"),
    ("numéro de série", "numero_serie"),
)
_LEAST_USEFUL = ("AC", "numéro de série", "canal", "position", "lot", "état", "motif")
_MORE = (
    ("autre motif", "autre_motif"),
    ("remplacée par", "remplacee_par"),
    ("raison dans la CRL", "raison_crl"),
    ("demandeur", "demandeur"),
    ("offre", "offre"),
    ("usage", "usage"),
    ("structure", "structure"),
    ("raison sociale", "raison_sociale"),
    ("bénéficiaire", "beneficiaire"),
    ("nom du bénéficiaire", "nom_beneficiaire"),
    ("service applicatif", "service_applicatif"),
    ("adresse email", "adresse_email"),
    ("FQDN", "fqdn"),
    ("créée le", "cree_le"),
    ("modifiée le", "modifie_le"),
)
_REFUSAL = (("code du refus", "code_refus"), ("motif du refus", "texte_refus"))

Numero = Annotated[int, typer.Argument(help="Numéro de demande de révocation.", metavar="NUMERO")]


def search_command(
    context: typer.Context,
    lot: Annotated[
        str | None,
        typer.Argument(
            help="Lot de révocations, par son index, son fichier ou sa référence ; sans lui, recherche.", metavar="LOT"
        ),
    ] = None,
    numero: Annotated[int | None, typer.Option("--revocation", help="Numéro de demande de révocation.")] = None,
    produit: Annotated[int | None, typer.Option("--produit", help="Numéro de la demande du certificat.")] = None,
    offre: Offre = None,
    usage: Usage = None,
    etat: EtatRevocation = None,
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
    """Liste les révocations d'un lot, ou recherche celles que vous pouvez suivre, différées comprises."""
    display = Display(as_json=as_json)
    criteres = CriteresRevocation(
        numero_revocation=numero,
        numero_produit=produit,
        offre=check_offre(offre),
        usage=check_usage(usage),
        etat=check_etat_revocation(etat),
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
    if lot is not None and criteres != CriteresRevocation():
        raise CommandLineError("Indiquez ou bien un LOT, ou bien des critères de recherche.")
    with open_service(context, display) as service:
        if lot is None:
            found = list(service.iter_revocations(criteres))
        else:
            reference = default_reference(Path(lot)) if Path(lot).is_file() else lot
            found = list(service.iter_revocations_lot(find_index(service, reference)))
    if csv_file is not None:
        write_csv(csv_file, (*_COLUMNS, *_MORE, *_REFUSAL), found)
    display.result(found, "")
    rows = [
        (*(getattr(one, name) for _, name in _COLUMNS), None if one.erreur is None else one.erreur.code)
        for one in found
    ]
    display.table([*(label for label, _ in _COLUMNS), "erreur"], rows, least_useful=_LEAST_USEFUL)
    display.say(f"{len(found)} révocation(s).")


def show_command(context: typer.Context, numero: Numero, *, as_json: AsJson = False) -> None:
    """Montre une demande de révocation et son historique."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        detail = service.consulter_revocation(numero)
    display.result(detail, "")
    one = detail.revocation
    facts = [(label, getattr(one, name)) for label, name in (*_COLUMNS, *_MORE)]
    facts += [("erreur", f"{one.erreur.code} {one.erreur.texte}")] if one.erreur else []
    display.table(("champ", "valeur"), [fact for fact in facts if show(fact[1])])
    display.steps(detail.ligne_historique)
