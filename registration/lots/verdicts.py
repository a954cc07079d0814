"""What became of every item of a lot, as CSV: made page by page, never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from registration.exports import BOM, PAGE, as_cell, as_lines, label, minute
from registration.lots.follow_up import follow_lot, list_lot
from registration.lots.revocations import list_revocations
from registration.revocation_views import RevocationView
from registration.values import Acteur
from registration.views import DemandeView, Refusal
from registration.vocabulary import EtatDemande, NatureLot
from runtime.clock import Clock
from storage.database import Database

COLUMNS = (
    "Position",
    "Référence",
    "Numéro",
    "État",
    "État produit",
    "Code du refus",
    "Motif du refus",
    "Champ du refus",
    "Limite de retrait",
    "Numéro de série",
)
_View = DemandeView | RevocationView


class _Page(Protocol):
    """A page of items after a position: the items, and where the next page begins."""

    def __call__(self, after: int) -> tuple[tuple[_View, ...], int | None]: ...


def verdicts_csv(db: Database, acteur: Acteur, index: int, clock: Clock) -> Iterator[bytes]:
    """One line an item, by position, those of his own lot that are not registered yet included.

    ERR_WS_031 as ``follow_lot``, before the first line.
    """
    lot = follow_lot(db, acteur, index=index)
    page = (
        _revocations(db, acteur, index) if lot.nature is NatureLot.REVOCATIONS else _demandes(db, acteur, index, clock)
    )
    # To others positions tell nothing of how many there are.
    is_whole = sum(lot.counts.values()) == lot.nombre and lot.counts[EtatDemande.ENREGISTREE] > 0
    return _chunks(page, page(0), lot.nombre if is_whole else 0)


def _demandes(db: Database, acteur: Acteur, index: int, clock: Clock) -> _Page:
    def page(after: int) -> tuple[tuple[_View, ...], int | None]:
        found = list_lot(db, acteur, index, clock(), etat=None, after=after, limit=PAGE)
        return found.demandes, found.next_after

    return page


def _revocations(db: Database, acteur: Acteur, index: int) -> _Page:
    def page(after: int) -> tuple[tuple[_View, ...], int | None]:
        found = list_revocations(db, acteur, index, after=after, limit=PAGE)
        return found.revocations, found.next_after

    return page


def _chunks(page: _Page, first: tuple[tuple[_View, ...], int | None], to_come: int) -> Iterator[bytes]:
    yield (BOM + as_lines([[*COLUMNS]])).encode()
    views, after = first
    last = 0
    while True:
        yield as_lines([_line(view) for view in views]).encode()
        last = views[-1].position or last if views else last
        if after is None:
            break
        views, after = page(after)
    waits = label(EtatDemande.ENREGISTREE)
    for start in range(last + 1, to_come + 1, PAGE):
        rest = range(start, min(start + PAGE, to_come + 1))
        yield as_lines([[str(position), "", "", waits, *[""] * 6] for position in rest]).encode()


def _line(view: _View) -> list[str]:
    refusal: Refusal | None = view.refusal
    values: tuple[object, ...]
    limite: datetime | None = None
    if isinstance(view, DemandeView):
        produit, limite = label(view.etat_produit), view.limite_retrait
    else:
        produit = view.resultat.value
    values = (
        view.position,
        view.reference,
        view.numero,
        label(view.etat),
        produit,
        refusal.code if refusal else None,
        refusal.texte if refusal else None,
        refusal.champ if refusal else None,
        minute(limite),
        view.serial,
    )
    return [as_cell(value) for value in values]
