"""Searches of the follow-up among a million demandes on PostgreSQL, and what is to renew: whose, by what, which page.

An application and a person who administer 300 structures, an application that administers 3 000, a bearer.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

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
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, Motif, Offre, Usage
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
PROMISED = ("application 300", "administrateur 300", "porteur")
"""For whom the 95th centile is promised; 3 000 structures are told apart."""

_ONE_STRUCTURE = f"1{20 * 42:09}"
_COMMON: dict[str, dict[str, Any]] = {
    "TOUTES": {"all_offres": True},
    "offre ORG": {"offre": Offre.ORG},
    "offre PRO, usage SIGN": {"offre": Offre.PRO, "usage": Usage.SIGN},
    "une structure": {"all_offres": True, "structure": _ONE_STRUCTURE},
    "début de la raison sociale": {"all_offres": True, "raison_sociale": "etablissement 84*"},
    "un bénéficiaire": {"offre": Offre.PRO, "beneficiaire": PersonneCriteria(id_national=f"8{4242:011}")},
    "début du nom du bénéficiaire": {"offre": Offre.PRO, "beneficiaire": PersonneCriteria(nom="nom42*")},
    "service applicatif": {"offre": Offre.ORG, "service_applicatif": "service 42"},
    "début du service applicatif": {"offre": Offre.ORG, "service_applicatif": "service 4*"},
    "adresse": {"offre": Offre.PRO, "adresse_email": "A500000@e.example"},
    "FQDN": {"offre": Offre.SERV, "fqdn": "s499997.e.example"},
}
_WEEK, _YEARS = NOW - timedelta(days=7), timedelta(days=3000)
_DEMANDES: dict[str, dict[str, Any]] = {
    "REJETEE": {"all_offres": True, "etat": EtatDemande.REJETEE},
    "TRANSMISE": {"offre": Offre.SERV, "etat": EtatDemande.TRANSMISE},
    "produit A_RETIRER": {"all_offres": True, "etat_produit": EtatProduit.A_RETIRER},
    "produit EXPIRE": {"offre": Offre.SERV, "etat_produit": EtatProduit.EXPIRE},
    "cette semaine": {"all_offres": True, "since": _WEEK},
    "une semaine, huit ans plus tôt": {
        "all_offres": True,
        "since": _WEEK - _YEARS,
        "until": NOW - _YEARS,
    },
}
_PRODUITS: dict[str, dict[str, Any]] = {
    "REVOQUE": {"all_offres": True, "etat": EtatProduit.REVOQUE},
    "ACTIF": {"all_offres": True, "etat": EtatProduit.ACTIF},
    "EXPIRE": {"offre": Offre.SERV, "etat": EtatProduit.EXPIRE},
    "A_RETIRER": {"all_offres": True, "etat": EtatProduit.A_RETIRER},
    "fin dans le mois": {"all_offres": True, "ends_since": NOW, "ends_until": NOW + timedelta(days=30)},
    "émis cette semaine": {"all_offres": True, "issued_since": _WEEK},
}


_REVOCATIONS: dict[str, dict[str, Any]] = {
    "TOUTES": {},
    "PROGRAMMEE": {"etat": EtatRevocation.VALIDEE},
    "motif VOL": {"motif": Motif.VOL},
    "effet à venir": {"effet_since": NOW},
    "cette semaine": {"since": _WEEK},
    "une structure": {"produit": CommonCriteria(all_offres=True, structure=_ONE_STRUCTURE)},
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


class Cost(NamedTuple):
    """Of one page: milliseconds by the clock, and of CPU here and in PostgreSQL, which no neighbour makes longer."""

    clock: float
    cpu: float


class Pages:
    """Every page that is measured, by its name: of each search the first one and page 500."""

    def __init__(self, db: Database) -> None:
        """Find where the far pages begin. ``db`` has one connection, whose process is here."""
        self.asked: dict[str, tuple[Search, int | None]] = {}
        for search in searches(db):
            self.asked |= {f"{search.name}, page 1": (search, None), far_name(search): (search, far_place(search))}
        with db.read() as session:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
        self._spent = Path(f"/proc/{backend}/schedstat")

    def measure(self, times: int) -> tuple[dict[str, list[Cost]], list[str]]:
        """The costs of each page, so many times in turns, and the names of those that found nothing."""
        costs: dict[str, list[Cost]] = {name: [] for name in self.asked}
        empty = set()
        for _ in range(times):
            for name, (search, after) in self.asked.items():
                clock, cpu = time.perf_counter(), self._cpu()
                numeros = search.find(after=after)
                costs[name].append(Cost(1000 * (time.perf_counter() - clock), self._cpu() - cpu))
                if not numeros:
                    empty.add(name)
        return costs, sorted(empty)

    def _cpu(self) -> float:
        return 1000 * time.process_time() + int(self._spent.read_text().split()[0]) / 1_000_000


def far_name(search: Search) -> str:
    """The name of its page 500."""
    return f"{search.name}, page {FAR}"


@contextmanager
def filled(database: PostgresServer, rows: int) -> Iterator[Database]:
    """A database with so many demandes, for the time of a ``with`` block."""
    url = database.create("recherches")
    upgrade(url)
    db = Database(url, pool_size=1)
    try:
        fill(db, rows)
        yield db
    finally:
        db.dispose()
        database.drop("recherches")


def measure_searches(db: Database, book: Book, *, rows: int, times: int = 3) -> None:
    """Enter search_p95_ms, by the clock and of CPU, the same of 3 000 structures, and the slowest of all searches.

    ``db`` is a ``filled`` one.
    """
    pages = Pages(db)
    meter = Meter()
    costs, empty = pages.measure(times)
    strangers = meter.read().strangers_share
    for whose, is_promised in (("", True), ("_large", False)):
        chosen = [costs[name] for name, (search, _) in pages.asked.items() if (search.who in PROMISED) is is_promised]
        for key, kind in ((f"search{whose}_p95_ms", "clock"), (f"search{whose}_cpu_p95_ms", "cpu")):
            turns = zip(*chosen, strict=True)
            book.add(key, [Sample(percentile([getattr(cost, kind) for cost in turn]), strangers) for turn in turns], 1)
    medians = {name: statistics.median(cost.clock for cost in each) for name, each in costs.items()}
    slowest = sorted(medians, key=lambda name: -medians[name])[:_TOLD]
    book.note("search_rows", rows)
    book.note("search_empty", empty)
    book.note("search_slowest_ms", {name: round(medians[name], 1) for name in slowest})


def percentile(values: Sequence[float]) -> float:
    """The 95th."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
