"""The command that tells what one may ask for: mes-droits."""

from __future__ import annotations

import typer

from clients.cli.display import Display
from clients.cli.options import AsJson
from clients.cli.support import open_service

_FORMS = {"NON_MODIFIABLE": "{0}", "FACULTATIVE": "[nom.]{0}", "OBLIGATOIRE": "nom.{0}"}
"""How a domain is shown with what may be written in front of it."""


def rights_command(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Liste les offres, les structures et les domaines pour lesquels vous pouvez demander des certificats."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        pages = list(service.iter_droits())
    droits = [droit for page in pages for droit in page.droit]
    display.result({"pourSoi": pages[0].pour_soi, "droits": droits}, "")
    rows = [
        (
            droit.structure,
            droit.raison_sociale or "(absente de l'annuaire)",
            droit.offre,
            droit.par,
            " ".join(_FORMS.get(each.saisie, "{0}").format(each.nom) for each in droit.domaine),
        )
        for droit in droits
    ]
    display.table(("structure", "raison sociale", "offre", "par", "domaines"), rows, least_useful=("par",))
    own = "Vous pouvez demander pour vous-même sur l'offre PS. " if pages[0].pour_soi else ""
    display.say(f"{own}{len(droits)} droit(s) sur des structures.")
