"""The commands on certificates once they are signed: produits, produit, telecharger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

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
    Structure,
)
from clients.cli.csv_file import write_csv
from clients.cli.display import Display, show
from clients.cli.failures import CommandLineError
from clients.cli.options import (
    AsJson,
    CsvFile,
    EtatProduit,
    Offre,
    Usage,
    check_etat_produit,
    check_instant,
    check_offre,
    check_usage,
)
from clients.cli.support import open_service
from clients.contract.produits import CriteresProduits
from clients.contract.values import ALL_OFFRES
from clients.files import write_atomically

LEAST_USEFUL = (
    "renouvelle", "renouvelé par", "canal", "émis le", "lot", "AC", "structure", "référence", "numéro de série",
)  # fmt: skip
COLUMNS = (
    ("numéro", "numero_produit"),
    ("canal", "canal"),
    ("lot", "index_lot"),
    ("référence", "reference"),
    ("offre", "offre"),
    ("usage", "usage"),
    ("état", "etat_produit"),
    ("structure", "structure"),
    ("AC", "autorite"),
    ("numéro de série", "numero_serie"),
    ("émis le", "emis_le"),
    ("fin de validité", "fin_validite"),
    ("renouvelle", "renouvelle"),
    ("renouvelé par", "renouvelee_par"),
)
_MORE = (
    ("début de validité", "debut_validite"),
    ("révoqué le", "revoque_le"),
    ("raison sociale", "raison_sociale"),
    ("bénéficiaire", "beneficiaire"),
    ("nom du bénéficiaire", "nom_beneficiaire"),
    ("demandeur", "demandeur"),
    ("service applicatif", "service_applicatif"),
    ("adresse email", "adresse_email"),
    ("FQDN", "fqdn"),
)

Numero = Annotated[int, typer.Argument(help="Numéro de produit (celui de sa demande).", metavar="NUMERO")]


def search_command(
    context: typer.Context,
    lot: Annotated[int | None, typer.Option("--lot", help="Index de lot.")] = None,
    offre: Offre = None,
    usage: Usage = None,
    etat: EtatProduit = None,
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
    ends_before: Annotated[
        str | None, typer.Option("--fin-avant", help="Fin de validité avant cette date-heure.")
    ] = None,
    issued_since: Annotated[str | None, typer.Option("--emis-depuis", help="Émis depuis cette date-heure.")] = None,
    csv_file: CsvFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Liste les certificats que vous pouvez suivre ; ceux qui restent à retirer, avec --etat A_RETIRER."""
    display = Display(as_json=as_json)
    criteres = CriteresProduits(
        index_lot=lot,
        offre=check_offre(offre) or (ALL_OFFRES if lot is None else None),
        usage=check_usage(usage),
        etat_produit=check_etat_produit(etat),
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
        emis_depuis=check_instant(issued_since),
        fin_jusqua=check_instant(ends_before),
    )
    with open_service(context, display) as service:
        found = list(service.iter_produits(criteres))
    if csv_file is not None:
        write_csv(csv_file, (*COLUMNS, *_MORE), found)
    display.result(found, "")
    rows = [[getattr(produit, name) for _, name in COLUMNS] for produit in found]
    display.table([label for label, _ in COLUMNS], rows, least_useful=LEAST_USEFUL)
    display.say(f"{len(found)} certificat(s).")


def show_command(context: typer.Context, numero: Numero, *, as_json: AsJson = False) -> None:
    """Montre un certificat, son sujet et l'historique de sa demande."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        detail = service.consulter_produit(numero)
    display.result(detail, "")
    facts = [(label, getattr(detail.produit, name)) for label, name in (*COLUMNS, *_MORE)]
    facts += [(f"sujet {attribut.nom}", attribut.valeur) for attribut in detail.attribut_sujet]
    display.table(("champ", "valeur"), [fact for fact in facts if show(fact[1])])
    display.steps(detail.ligne_historique)


def download_command(
    context: typer.Context,
    numero: Numero,
    target: Annotated[
        Path, typer.Option("--fichier", help="Fichier à écrire : .pem ou .cer (certificat), .p7b (avec sa chaîne).")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Télécharge un certificat actif que vous pouvez suivre."""
    display = Display(as_json=as_json)
    form = target.suffix.lower()
    if form not in {".pem", ".cer", ".p7b"}:
        raise CommandLineError(f"« {target} » : l'extension .pem, .cer ou .p7b dit la forme voulue.")
    with open_service(context, display) as service:
        found = service.telecharger_certificat(numero)
    if form == ".p7b":
        content = found.pkcs7
    elif form == ".cer":
        content = found.certificat
    else:
        content = x509.load_der_x509_certificate(found.certificat).public_bytes(Encoding.PEM)
    write_atomically(target, content)
    display.result(found.produit, f"Certificat {found.produit.numero_serie} écrit dans {target}.")
