"""The criteria that all three searches take, of demandes, of certificates and of revocations."""

from __future__ import annotations

from typing import Annotated

import typer

Structure = Annotated[str | None, typer.Option("--structure", help="Identifiant de structure.")]
RaisonSociale = Annotated[
    str | None, typer.Option("--raison-sociale", help="Raison sociale, ou son début suivi d'une étoile.")
]
Beneficiaire = Annotated[str | None, typer.Option("--beneficiaire", help="Identifiant de personne.")]
Nom = Annotated[str | None, typer.Option("--nom", help="Nom du bénéficiaire, ou son début suivi d'une étoile.")]
Prenom = Annotated[
    str | None, typer.Option("--prenom", help="Prénom du bénéficiaire, ou son début suivi d'une étoile.")
]
Demandeur = Annotated[str | None, typer.Option("--demandeur", help="Identifiant de la personne qui a demandé.")]
NomDemandeur = Annotated[
    str | None, typer.Option("--nom-demandeur", help="Nom de qui a demandé, ou son début suivi d'une étoile.")
]
PrenomDemandeur = Annotated[
    str | None, typer.Option("--prenom-demandeur", help="Prénom de qui a demandé, ou son début suivi d'une étoile.")
]
ServiceApplicatif = Annotated[
    str | None, typer.Option("--service-applicatif", help="Nom, ou début du nom suivi d'une étoile.")
]
Email = Annotated[str | None, typer.Option("--email", help="Adresse email du certificat.")]
Fqdn = Annotated[str | None, typer.Option("--fqdn", help="Nom d'un serveur.")]
Since = Annotated[str | None, typer.Option("--depuis", help="Date-heure, par exemple 2026-11-23T08:00.")]
Until = Annotated[str | None, typer.Option("--jusqua", help="Date-heure de fin.")]
