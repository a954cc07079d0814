"""The commands on certificates once they are signed: produits, produit, telecharger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

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
    structure: Annotated[str | None, typer.Option("--structure", help="Identifiant de structure.")] = None,
    raison_sociale: Annotated[
        str | None, typer.Option("--raison-sociale", help="Raison sociale, ou son début suivi d'une étoile.")
    ] = None,
    beneficiaire: Annotated[str | None, typer.Option("--beneficiaire", help="Identifiant de personne.")] = None,
    nom: Annotated[
        str | None, typer.Option("--nom", help="Nom du bénéficiaire, ou son début suivi d'une étoile.")
    ] = None,
    service_applicatif: Annotated[
        str | None, typer.Option("--service-applicatif", help="Nom, ou début du nom suivi d'une étoile.")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="Adresse email du certificat.")] = None,
    fqdn: Annotated[str | None, typer.Option("--fqdn", help="Nom d'un serveur.")] = None,
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
