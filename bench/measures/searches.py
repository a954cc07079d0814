"""Searches of the follow-up among a million demandes on PostgreSQL: an administrator of 300 structures, a bearer.

The rows are made by the database itself: as many as asked for, of every offre and state, over 6 000 structures and ten
years, most of them with a certificate. Their certificates hold no real octets, for no search looks at them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from bench.measuring.figures import Book, Sample
from bench.measuring.window import Meter
from registration.demandes import queries as demandes
from registration.produits import queries as produits
from registration.values import Acteur
from registration.views import DemandePage, PersonneCriteria, ProduitCriteria, ProduitPage, SearchCriteria
from registration.vocabulary import (
    EtatDemande,
    EtatProduit,
    Offre,
    Plateforme,
    TypeActeurInscrit,
    TypePersonne,
    Usage,
)
from storage.database import Database
from storage.migrate import upgrade
from tests.support.postgres import PostgresServer

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STRUCTURES, ADMINISTERED, PERSONNES = 6_000, 300, 50_000
PAGE = 20
_FAR = 500
_TOLD = 12

_FILL = """
INSERT INTO structure (plateforme, id_national, raison_sociale, departement, raison_pliee, source)
SELECT 'TEST', '1' || lpad(n::text, 9, '0'), 'ETABLISSEMENT ' || n, 'Paris (75)', 'etablissement ' || n, 'INITIAL'
FROM generate_series(0, :structures - 1) n;
INSERT INTO personne (plateforme, id_national, type_personne, nom, prenom, titre, nom_plie, prenom_plie, source)
SELECT 'TEST', '8' || lpad(n::text, 11, '0'), 'PS', 'NOM' || n, 'ZOE', 'Médecin', 'nom' || n, 'zoe', 'INITIAL'
FROM generate_series(0, :personnes - 1) n;
INSERT INTO acteur (id, plateforme, type_acteur, id_national, type_personne, libelle) VALUES
(1, 'TEST', 'APPLICATION', 'app', NULL, 'EDITEUR'), (2, 'TEST', 'PERSONNE', '8' || lpad('7', 11, '0'), 'PS', 'PORTEUR');
INSERT INTO acteur (id, plateforme, type_acteur, id_national, libelle)
SELECT n, 'TEST', 'APPLICATION', 'app-' || n, 'APPLICATION ' || n FROM generate_series(3, 500) n;
INSERT INTO habilitation (id_acteur, role, offre, id_structure)
SELECT 1, 'ADMINISTRATEUR_TECHNIQUE', offre, '1' || lpad((n * 20)::text, 9, '0')
FROM generate_series(0, :administered - 1) n, unnest(ARRAY['PRO', 'SERV']) offre;
INSERT INTO demande (id, plateforme, canal, offre, usage, etat, etat_produit, id_acteur, id_structure, id_beneficiaire,
    service_applicatif, adresse_email, adresse_cle, fqdns, email_acteur, contenu, cree_le, modifie_le)
SELECT n, 'TEST', CASE n % 5 WHEN 0 THEN 'IHM' ELSE 'WS' END, offre,
    CASE offre WHEN 'SERV' THEN 'SSL_SERV' WHEN 'ORG' THEN 'AUTH_CLI' ELSE 'SIGN' END,
    CASE WHEN etat = 0 THEN 'REJETEE' WHEN etat = 1 THEN 'ANNULEE' WHEN etat < 5 THEN 'TRANSMISE' ELSE 'CLOSE' END,
    CASE WHEN etat = 0 THEN NULL WHEN etat = 1 THEN 'REVOQUE' WHEN etat < 5 THEN 'A_RETIRER'
         WHEN etat = 7 THEN 'REVOQUE' ELSE 'ACTIF' END,
    3 + chance % 498, CASE offre WHEN 'PS' THEN NULL ELSE '1' || lpad((chance / 7 % :structures)::text, 9, '0') END,
    CASE WHEN offre IN ('PS', 'PRO') THEN '8' || lpad((chance / 11 % :personnes)::text, 11, '0') END,
    CASE offre WHEN 'ORG' THEN 'service ' || n % 997 END,
    CASE offre WHEN 'PRO' THEN 'a' || n || '@e.example' END, CASE offre WHEN 'PRO' THEN 'a' || n || '@e.example' END,
    CASE offre WHEN 'SERV' THEN '["s' || n || '.e.example"]' END, 'a@e.example',
    CASE WHEN etat = 0 THEN NULL ELSE '{}'::json END, made, made
FROM (SELECT n, (ARRAY['ORG', 'ORG', 'SERV', 'PRO', 'PS'])[1 + n % 5] AS offre,
    abs(hashint4(n)::bigint) AS chance, abs(hashint4(n)::bigint) % 50 AS etat,
    CAST(:now AS timestamptz) - (:rows - n) * interval '5 minutes' AS made FROM generate_series(1, :rows) n) AS rows;
INSERT INTO certificat (id_demande, autorite, serial, produit, not_before, not_after, emis_le, revoque_le, raison_crl,
    raison_listee)
SELECT id, 'AC', md5(id::text), 'ORG_AUTH_CLI', cree_le, cree_le + interval '3 years', cree_le,
    CASE etat_produit WHEN 'REVOQUE' THEN cree_le END, CASE etat_produit WHEN 'REVOQUE' THEN 'unspecified' END,
    CASE etat_produit WHEN 'REVOQUE' THEN 'unspecified' END
FROM demande WHERE etat_produit IS NOT NULL;
"""


def fill(db: Database, rows: int) -> None:
    """Make so many demandes in an empty database that is migrated, and let the planner know of them."""
    values = {
        "structures": STRUCTURES, "personnes": PERSONNES, "administered": ADMINISTERED, "rows": rows, "now": NOW,
    }  # fmt: skip
    with db.write() as session:
        for statement in filter(str.strip, _FILL.split(";\n")):
            session.execute(text(statement), {name: v for name, v in values.items() if f":{name}" in statement})
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


ADMINISTRATOR = Acteur(
    id=1, plateforme=Plateforme.TEST, type_acteur=TypeActeurInscrit.APPLICATION, id_national="app", libelle="EDITEUR"
)
BEARER = Acteur(
    id=2,
    plateforme=Plateforme.TEST,
    type_acteur=TypeActeurInscrit.PERSONNE,
    type_personne=TypePersonne.PS.value,
    id_national=f"8{7:011}",
    libelle="PORTEUR",
)
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


def _searches(db: Database) -> Iterator[tuple[str, Callable[[], DemandePage | ProduitPage]]]:
    """Each search by its name: of whom, of what, by what, and which page."""
    for whose, acteur in (("administrateur", ADMINISTRATOR), ("porteur", BEARER)):
        for name, criteria in (_COMMON | _DEMANDES).items():
            asked = SearchCriteria(**criteria)
            act = partial(demandes.search, db, acteur, asked, NOW, limit=PAGE)
            yield f"demandes, {whose}, {name}, page 1", partial(act, after=None)
            yield f"demandes, {whose}, {name}, page {_FAR}", partial(act, after=_place(db, acteur, asked))
        for name, criteria in (_COMMON | _PRODUITS).items():
            wanted = ProduitCriteria(**criteria)
            yield (
                f"produits, {whose}, {name}, page 1",
                partial(produits.search, db, {}, acteur, wanted, NOW, after=None, limit=PAGE),
            )


def _place(db: Database, acteur: Acteur, asked: SearchCriteria) -> int | None:
    """Where page 500 begins, or the middle of what there is."""
    page = demandes.search(db, acteur, asked, NOW, after=None, limit=PAGE * _FAR)
    return page.demandes[-1].numero if page.demandes else None


def measure_searches(database: PostgresServer, book: Book, *, rows: int, times: int = 3) -> None:
    """Enter search_p95_ms over all searches, each so many times in turns, and the slowest of them by their names."""
    url = database.create("recherches")
    upgrade(url)
    db = Database(url)
    try:
        fill(db, rows)
        acts = list(_searches(db))
        found: dict[str, list[float]] = {name: [] for name, _ in acts}
        empty: set[str] = set()
        meter = Meter()
        for _ in range(times):
            for name, act in acts:
                before = time.perf_counter()
                page = act()
                found[name].append(1000 * (time.perf_counter() - before))
                if not (page.demandes if isinstance(page, DemandePage) else page.produits):
                    empty.add(name)
        strangers = meter.read().strangers_share
    finally:
        db.dispose()
        database.drop("recherches")
    turns = zip(*found.values(), strict=True)
    book.add("search_p95_ms", [Sample(_percentile(sorted(turn)), strangers) for turn in turns], 1)
    slowest = sorted(((statistics.median(taken), name) for name, taken in found.items()), reverse=True)
    book.note("search_rows", rows)
    book.note("search_empty", sorted(empty))
    book.note("search_slowest_ms", {name: round(taken, 1) for taken, name in slowest[:_TOLD]})


def _percentile(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
