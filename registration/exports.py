"""The follow-up as CSV: UTF-8 with ``;`` (guide §10.1.2), made row by row and never whole in memory.

It begins with a byte order mark: without it the usual French spreadsheet reads UTF-8 as Windows-1252 and breaks
every accent, while CSV readers of programs know the mark (Python: ``utf-8-sig``). The first columns are those of the
guide's screens (figures 115, 155, 165), the others ours.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from registration.revocation_views import RevocationPage, RevocationView
from registration.views import DemandePage, DemandeView, ProduitPage, ProduitView
from registration.vocabulary import LABELS
from runtime.cells import cell

BOM = "\ufeff"
PAGE = 500
"""Rows that are read at once."""

_View = TypeVar("_View")
_Page = TypeVar("_Page")
Columns = tuple[tuple[str, Callable[[_View], object]], ...]
_PARIS = ZoneInfo("Europe/Paris")
# More digits than a spreadsheet shows, zeros in front that it drops, a hexadecimal number that it takes for a power.
_READ_AS_ANOTHER_NUMBER = re.compile(r"\d{12,}|0\d+|\d+e\d+", re.ASCII | re.IGNORECASE)


def demandes_csv(first: DemandePage, following: Callable[[int], DemandePage]) -> Iterator[bytes]:
    """Demandes, one chunk a page; ``following`` gives the page after a cursor."""
    return _chunks(DEMANDES, first, following, lambda page: (page.demandes, page.next_after))


def produits_csv(first: ProduitPage, following: Callable[[int], ProduitPage]) -> Iterator[bytes]:
    """Produits, as ``demandes_csv``."""
    return _chunks(PRODUITS, first, following, lambda page: (page.produits, page.next_after))


def revocations_csv(first: RevocationPage, following: Callable[[int], RevocationPage]) -> Iterator[bytes]:
    """Demandes de révocation, as ``demandes_csv``."""
    return _chunks(REVOCATIONS, first, following, lambda page: (page.revocations, page.next_after))


def _chunks(
    columns: Columns[_View],
    first: _Page,
    following: Callable[[int], _Page],
    opened: Callable[[_Page], tuple[Sequence[_View], int | None]],
) -> Iterator[bytes]:
    yield (BOM + as_lines([[name for name, _ in columns]])).encode()
    page = first
    while True:
        views, after = opened(page)
        yield as_lines([[as_cell(value(view)) for _, value in columns] for view in views]).encode()
        if after is None:
            return
        page = following(after)


def as_cell(value: object) -> str:
    """A cell in which a spreadsheet shows what stands there: no formula, and no identifier turned into 8,99E+11."""
    text = cell(value)
    return f"'{text}" if text[:1].isdigit() and _READ_AS_ANOTHER_NUMBER.fullmatch(text) else text


def as_lines(rows: list[list[str]]) -> str:
    """Lines of cells that are quoted already against formulas (``runtime.cells``)."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def minute(instant: datetime | None) -> str:
    """As ``wording.moment``, of digits alone: a large lot has tens of thousands of them."""
    return "" if instant is None else instant.astimezone(_PARIS).strftime("%d/%m/%Y %H:%M")


def label(value: StrEnum | None) -> str:
    """The official label of an etat, or the value itself."""
    return "" if value is None else LABELS.get(value, value.value)


DEMANDES: Columns[DemandeView] = (
    ("N° demande", lambda view: view.numero),
    ("Canal", lambda view: view.canal.value),
    ("Index lot", lambda view: view.index_lot),
    ("Position dans le lot", lambda view: view.position),
    ("Référence", lambda view: view.reference),
    ("Date de création", lambda view: minute(view.cree_le)),
    ("Date d'expiration", lambda view: minute(view.limite_retrait)),
    ("Offre", lambda view: view.offre),
    ("Usage", lambda view: view.usage),
    ("Adresse email protégée", lambda view: view.adresse_email),
    ("Service applicatif", lambda view: view.service_applicatif),
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
    ("Fin de validité", lambda view: minute(view.not_after)),
    ("Code du refus", lambda view: view.refusal.code if view.refusal else None),
    ("Motif du refus", lambda view: view.refusal.texte if view.refusal else None),
)

PRODUITS: Columns[ProduitView] = (
    ("N° produit", lambda view: view.numero),
    ("Canal", lambda view: view.canal.value),
    ("Date début de validité", lambda view: minute(view.not_before)),
    ("Fin de validité", lambda view: minute(view.not_after)),
    ("Offre", lambda view: view.offre),
    ("Usage", lambda view: view.usage),
    ("Adresse email protégée", lambda view: view.adresse_email),
    ("Structure", lambda view: view.raison_sociale),
    ("Bénéficiaire", lambda view: view.beneficiaire_libelle),
    ("Demandeur", lambda view: view.demandeur),
    ("État", lambda view: label(view.etat)),
    ("AC émettrice", lambda view: view.autorite),
    ("Numéro de série", lambda view: view.serial),
    ("Service applicatif", lambda view: view.service_applicatif),
    ("FQDN", lambda view: " ".join(view.fqdns)),
    ("Identifiant structure", lambda view: view.structure),
    ("Identifiant bénéficiaire", lambda view: view.beneficiaire),
    ("Date d'émission", lambda view: minute(view.emis_le)),
    ("Date de révocation", lambda view: minute(view.revoque_le)),
    ("Renouvelle le produit", lambda view: view.renouvelle),
    ("Renouvelé par", lambda view: view.renouvelee_par),
    ("Index lot", lambda view: view.index_lot),
    ("Position dans le lot", lambda view: view.position),
    ("Référence", lambda view: view.reference),
)

REVOCATIONS: Columns[RevocationView] = (
    ("N° produit", lambda view: view.numero_produit),
    ("Canal", lambda view: view.canal.value),
    ("Date de création", lambda view: minute(view.cree_le)),
    ("Date d'effet de révocation", lambda view: minute(view.effet_le)),
    ("Offre", lambda view: view.offre),
    ("Usage", lambda view: view.usage),
    ("Adresse email protégée", lambda view: view.adresse_email),
    ("Structure", lambda view: view.raison_sociale),
    ("Bénéficiaire", lambda view: view.beneficiaire_libelle),
    ("Demandeur", lambda view: view.demandeur),
    ("État", lambda view: label(view.etat)),
    ("Motif", lambda view: label(view.motif)),
    ("Autre motif", lambda view: view.autre_motif),
    ("N° demande de révocation", lambda view: view.numero),
    ("Résultat", lambda view: view.resultat.value),
    ("Date de révocation", lambda view: minute(view.revoque_le)),
    ("Raison de la CRL", lambda view: view.raison),
    ("Remplacée par", lambda view: view.remplacee_par),
    ("AC émettrice", lambda view: view.autorite),
    ("Numéro de série", lambda view: view.serial),
    ("Service applicatif", lambda view: view.service_applicatif),
    ("FQDN", lambda view: " ".join(view.fqdns)),
    ("Identifiant structure", lambda view: view.structure),
    ("Identifiant bénéficiaire", lambda view: view.beneficiaire),
    ("Index lot", lambda view: view.index_lot),
    ("Position dans le lot", lambda view: view.position),
    ("Référence", lambda view: view.reference),
    ("Code du refus", lambda view: view.refusal.code if view.refusal else None),
    ("Motif du refus", lambda view: view.refusal.texte if view.refusal else None),
)
