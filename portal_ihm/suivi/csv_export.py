"""The results as CSV: UTF-8 with ``;`` (guide §10.1.2), made row by row and never whole in memory.

It begins with a byte order mark: without it the usual French spreadsheet reads UTF-8 as Windows-1252 and breaks
every accent, while CSV readers of programs know the mark (Python: ``utf-8-sig``).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

from portal_ihm.shell.labels import datetime_fr, label
from registration.views import DemandePage, DemandeView
from runtime.cells import cell

BOM = "﻿"

_COLUMNS: tuple[tuple[str, Callable[[DemandeView], object]], ...] = (
    ("N° demande", lambda view: view.numero),
    ("Canal", lambda view: view.canal.value),
    ("Index lot", lambda view: view.index_lot),
    ("Position dans le lot", lambda view: view.position),
    ("Référence", lambda view: view.reference),
    ("Date de création", lambda view: datetime_fr(view.cree_le)),
    ("Date d'expiration", lambda view: datetime_fr(view.limite_retrait)),
    ("Offre", lambda view: view.offre),
    ("Usage", lambda view: view.usage),
    ("Adresse email protégée", lambda view: view.adresse_email),
    ("Nom applicatif", lambda view: view.service_applicatif),
    ("FQDN", lambda view: " ".join(view.fqdns)),
    ("Identifiant structure", lambda view: view.structure),
    ("Structure", lambda view: view.raison_sociale),
    ("Identifiant bénéficiaire", lambda view: view.beneficiaire),
    ("Bénéficiaire", lambda view: view.beneficiaire_libelle),
    ("Demandeur", lambda view: view.demandeur),
    ("État demande", lambda view: label(view.etat)),
    ("État produit", lambda view: label(view.etat_produit)),
    ("Numéro de série", lambda view: view.serial),
    ("Renouvelle le produit", lambda view: view.renouvelle),
    ("Renouvelé par", lambda view: view.renouvelee_par),
    ("Fin de validité", lambda view: datetime_fr(view.not_after)),
    ("Code du refus", lambda view: view.refusal.code if view.refusal else None),
    ("Motif du refus", lambda view: view.refusal.texte if view.refusal else None),
)


def csv_chunks(first: DemandePage, following: Callable[[int], DemandePage]) -> Iterator[bytes]:
    """One chunk a page; ``following`` gives the page after a cursor."""
    yield (BOM + _lines([[name for name, _ in _COLUMNS]])).encode()
    page = first
    while True:
        yield _lines([[cell(value(view)) for _, value in _COLUMNS] for view in page.demandes]).encode()
        if page.next_after is None:
            return
        page = following(page.next_after)


def _lines(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()
