"""Searches of the follow-up among a million demandes on PostgreSQL, and what is to renew: whose, by what, which page.

An application and a person who administer 300 structures, an application that administers 3 000, a bearer.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from bench.measures.search_rows import ADMINISTRATOR, APPLICATION, BEARER, LARGE, NOW, fill
from bench.measuring.figures import Book, Sample
from bench.measuring.window import Meter
from registration.demandes import queries as demandes
from registration.demandes.renewable import list_to_renew
from registration.demandes.revocations import search_revocations
from registration.policy import LotPolicy
from registration.produits import queries as produits
from registration.revocation_views import RevocationCriteria
from registration.values import Acteur
from registration.views import CommonCriteria, PersonneCriteria, ProduitCriteria, RenewalCriteria, SearchCriteria
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, Offre, Usage
from storage.database import Database
from storage.migrate import upgrade
from tests.support.postgres import PostgresServer

PAGE = 20
FAR = 500
_TOLD = 12
WHO: dict[str, Acteur] = {
    "application 300": APPLICATION,
    "administrateur 300": ADMINISTRATOR,
    "porteur": BEARER,
    "application 3000": LARGE,
}
_PROMISED = ("application 300", "administrateur 300", "porteur")
"""For whom the 95th centile is promised; 3 000 structures are told apart."""

_ONE_STRUCTURE = f"1{20 * 42:09}"
_COMMON: dict[str, dict[str, Any]] = {
    "TOUTES": {"all_offres": True},
    "offre ORG": {"offre": Offre.ORG},
    "offre PRO, usage SIGN": {"offre": Offre.PRO, "usage": Usage.SIGN},
    "one structure": {"all_offres": True, "structure": _ONE_STRUCTURE},
    "raison sociale": {"all_offres": True, "raison_sociale": "etablissement 84*"},
    "one beneficiaire": {"offre": Offre.PRO, "beneficiaire": PersonneCriteria(id_national=f"8{4242:011}")},
    "name of the beneficiaire": {"offre": Offre.PRO, "beneficiaire": PersonneCriteria(nom="nom42*")},
    "service applicatif": {"offre": Offre.ORG, "service_applicatif": "service 42"},
    "beginning of a service": {"offre": Offre.ORG, "service_applicatif": "service 4*"},
    "address": {"offre": Offre.PRO, "adresse_email": "A500000@e.example"},
    "FQDN": {"offre": Offre.SERV, "fqdn": "s499997.e.example"},
}
_WEEK, _YEARS = NOW - timedelta(days=7), timedelta(days=3000)
_DEMANDES: dict[str, dict[str, Any]] = {
    "REJETEE": {"all_offres": True, "etat": EtatDemande.REJETEE},
    "TRANSMISE": {"offre": Offre.SERV, "etat": EtatDemande.TRANSMISE},
    "this week": {"all_offres": True, "since": _WEEK},
    "a week years ago": {
        "all_offres": True,
        "since": _WEEK - timedelta(days=3000),
        "until": NOW - timedelta(days=3000),
    },
}
_PRODUITS: dict[str, dict[str, Any]] = {
    "REVOQUE": {"all_offres": True, "etat": EtatProduit.REVOQUE},
    "ACTIF": {"all_offres": True, "etat": EtatProduit.ACTIF},
    "EXPIRE": {"offre": Offre.SERV, "etat": EtatProduit.EXPIRE},
    "A_RETIRER": {"all_offres": True, "etat": EtatProduit.A_RETIRER},
    "ends within a month": {"all_offres": True, "ends_since": NOW, "ends_until": NOW + timedelta(days=30)},
    "issued this week": {"all_offres": True, "issued_since": _WEEK},
}


_REVOCATIONS: dict[str, dict[str, Any]] = {
    "TOUTES": {},
    "PROGRAMMEE": {"etat": EtatRevocation.VALIDEE},
    "this week": {"since": _WEEK},
    "one structure": {"produit": CommonCriteria(all_offres=True, structure=_ONE_STRUCTURE)},
    "service applicatif": {"produit": CommonCriteria(offre=Offre.ORG, service_applicatif="service 42")},
}
_TO_RENEW: dict[str, dict[str, Any]] = {"TOUTES": {}, "offre SERV": {"offre": Offre.SERV}}
Find = Callable[..., list[int]]
"""Numeros of a page, in its order, given ``after`` and ``limit``."""


class Search(NamedTuple):
    """One search of somebody; ``find`` gives the numeros of a page."""

    kind: str
    who: str
    what: str
    find: Find

    @property
    def name(self) -> str:
        """As it is told."""
        return f"{self.kind}, {self.who}, {self.what}"


def searches(db: Database) -> Iterator[Search]:
    """Every one that is measured."""
    for who, acteur in WHO.items():
        for kind, what, criteria in (
            *(("demandes", what, SearchCriteria(**wanted)) for what, wanted in (_COMMON | _DEMANDES).items()),
            *(("produits", what, ProduitCriteria(**wanted)) for what, wanted in (_COMMON | _PRODUITS).items()),
            *(("révocations", what, RevocationCriteria(**wanted)) for what, wanted in _REVOCATIONS.items()),
            *(("à renouveler", what, RenewalCriteria(**wanted)) for what, wanted in _TO_RENEW.items()),
        ):
            yield Search(kind, who, what, partial(_FINDERS[kind], db, acteur, criteria))


def _of_demandes(
    db: Database, acteur: Acteur, criteria: SearchCriteria, *, after: int | None, limit: int = PAGE
) -> list[int]:
    return [view.numero for view in demandes.search(db, acteur, criteria, NOW, after=after, limit=limit).demandes]


def _of_produits(
    db: Database, acteur: Acteur, criteria: ProduitCriteria, *, after: int | None, limit: int = PAGE
) -> list[int]:
    page = produits.search(db, {}, acteur, criteria, NOW, after=after, limit=limit)
    return [view.numero for view in page.produits]


def _of_revocations(
    db: Database, acteur: Acteur, criteria: RevocationCriteria, *, after: int | None, limit: int = PAGE
) -> list[int]:
    return [view.numero for view in search_revocations(db, acteur, criteria, after=after, limit=limit).revocations]


def _to_renew(
    db: Database, acteur: Acteur, criteria: RenewalCriteria, *, after: int | None, limit: int = PAGE
) -> list[int]:
    page = list_to_renew(db, acteur, criteria, NOW, LotPolicy(), after=after, limit=limit)
    return [view.numero for view in page.demandes]


_FINDERS: dict[str, Find] = {
    "demandes": _of_demandes,
    "produits": _of_produits,
    "révocations": _of_revocations,
    "à renouveler": _to_renew,
}


def far_place(search: Search) -> int | None:
    """Where its page 500 begins, or the last page before the end of what there is."""
    found = search.find(after=None, limit=PAGE * FAR)
    return found[max(0, len(found) - PAGE - 1)] if found else None


def measure_searches(database: PostgresServer, book: Book, *, rows: int, times: int = 3) -> None:
    """Enter search_p95_ms and search_large_p95_ms, each search so many times in turns, and the slowest of them."""
    url = database.create("recherches")
    upgrade(url)
    db = Database(url)
    try:
        fill(db, rows)
        found, empty, strangers = _measured(db, times)
    finally:
        db.dispose()
        database.drop("recherches")
    for key, whose in (("search_p95_ms", _PROMISED), ("search_large_p95_ms", tuple(set(WHO) - set(_PROMISED)))):
        turns = zip(*(taken for search, taken in found.values() if search.who in whose), strict=True)
        book.add(key, [Sample(_percentile(sorted(turn)), strangers) for turn in turns], 1)
    slowest = sorted(((statistics.median(taken), name) for name, (_, taken) in found.items()), reverse=True)
    book.note("search_rows", rows)
    book.note("search_empty", empty)
    book.note("search_slowest_ms", {name: round(taken, 1) for taken, name in slowest[:_TOLD]})


def _measured(db: Database, times: int) -> tuple[dict[str, tuple[Search, list[float]]], list[str], float]:
    """Milliseconds of each page by its name, the names of those that found nothing, and the share of strangers."""
    pages: dict[str, tuple[Search, int | None]] = {}
    for search in searches(db):
        pages |= {f"{search.name}, page 1": (search, None), f"{search.name}, page {FAR}": (search, far_place(search))}
    taken: dict[str, tuple[Search, list[float]]] = {name: (search, []) for name, (search, _) in pages.items()}
    empty = set()
    meter = Meter()
    for _ in range(times):
        for name, (search, after) in pages.items():
            before = time.perf_counter()
            numeros = search.find(after=after)
            taken[name][1].append(1000 * (time.perf_counter() - before))
            if not numeros:
                empty.add(name)
    return taken, sorted(empty), meter.read().strangers_share


def _percentile(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
