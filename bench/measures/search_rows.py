"""The rows among which searches are measured: as many demandes as asked for, made by PostgreSQL itself.

They are of every offre and state, of 6 000 structures and ten years, most of them with a certificate, and revocations
with their demandes. Their certificates hold no real octets, for no search looks at them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import text

from registration.values import Acteur
from registration.vocabulary import Plateforme, TypeActeurInscrit, TypePersonne
from storage.database import Database

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STRUCTURES, PERSONNES, PER_MINUTES = 6_000, 50_000, 5
_VACUUMS = 60


def _application(numero: int, name: str) -> Acteur:
    return Acteur(
        id=numero,
        plateforme=Plateforme.TEST,
        type_acteur=TypeActeurInscrit.APPLICATION,
        id_national=f"app-{numero}",
        libelle=name,
    )


def _personne(numero: int, rank: int, name: str) -> Acteur:
    return Acteur(
        id=numero,
        plateforme=Plateforme.TEST,
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=TypePersonne.PS.value,
        id_national=f"8{rank:011}",
        libelle=name,
    )


APPLICATION = _application(1, "EDITEUR")
BEARER = _personne(2, 7, "PORTEUR")
ADMINISTRATOR = _personne(3, 8, "ADMINISTRATRICE")
LARGE = _application(4, "GROUPEMENT")


_DIRECTORY = """
INSERT INTO structure (plateforme, id_national, raison_sociale, departement, raison_pliee, source)
SELECT 'TEST', '1' || lpad(n::text, 9, '0'), 'ETABLISSEMENT ' || n, 'Paris (75)', 'etablissement ' || n, 'INITIAL'
FROM generate_series(0, :structures - 1) n;
INSERT INTO personne (plateforme, id_national, type_personne, nom, prenom, titre, nom_plie, prenom_plie, source)
SELECT 'TEST', '8' || lpad(n::text, 11, '0'), 'PS', 'NOM' || n, 'ZOE', 'Médecin', 'nom' || n, 'zoe', 'INITIAL'
FROM generate_series(0, :personnes - 1) n;
INSERT INTO acteur (id, plateforme, type_acteur, id_national, libelle)
SELECT n, 'TEST', 'APPLICATION', 'app-' || n, 'APPLICATION ' || n FROM generate_series(5, 500) n
"""
# The application and the groupement hold the same offres everywhere, the administrator others here and there.
_RIGHTS = """
INSERT INTO habilitation (id_acteur, role, offre, id_structure)
SELECT 1, 'ADMINISTRATEUR_TECHNIQUE', offre, '1' || lpad((n * 20)::text, 9, '0')
FROM generate_series(0, 299) n, unnest(ARRAY['PRO', 'SERV']) offre;
INSERT INTO habilitation (id_acteur, role, offre, id_structure)
SELECT 3, 'ADMINISTRATEUR_TECHNIQUE', offre, '1' || lpad((n * 20)::text, 9, '0')
FROM generate_series(0, 299) n, unnest(ARRAY['PRO', 'ORG', 'SERV']) offre
WHERE (offre <> 'SERV' OR n % 3 > 0) AND (offre <> 'PRO' OR n % 5 > 0);
INSERT INTO habilitation (id_acteur, role, offre, id_structure)
SELECT 4, 'ADMINISTRATEUR_TECHNIQUE', offre, '1' || lpad((n * 2)::text, 9, '0')
FROM generate_series(0, 2999) n, unnest(ARRAY['PRO', 'SERV']) offre
"""
_DEMANDES = """
INSERT INTO demande (id, plateforme, canal, offre, usage, etat, etat_produit, id_acteur, id_structure, id_beneficiaire,
    service_applicatif, adresse_email, adresse_cle, fqdns, email_acteur, contenu, cree_le, modifie_le, produit_emis_le,
    produit_fin_le)
SELECT n, 'TEST', CASE n % 5 WHEN 0 THEN 'IHM' ELSE 'WS' END, offre,
    CASE offre WHEN 'SERV' THEN 'SSL_SERV' WHEN 'ORG' THEN 'AUTH_CLI' ELSE 'SIGN' END,
    CASE WHEN etat = 0 THEN 'REJETEE' WHEN etat = 1 THEN 'ANNULEE' WHEN etat < 5 THEN 'TRANSMISE' ELSE 'CLOSE' END,
    CASE WHEN etat = 0 THEN NULL WHEN etat = 1 THEN 'REVOQUE' WHEN etat < 5 THEN 'A_RETIRER'
         WHEN etat = 7 THEN 'REVOQUE' ELSE 'ACTIF' END,
    CASE n % 11 WHEN 0 THEN 1 ELSE 5 + chance % 496 END,
    CASE offre WHEN 'PS' THEN NULL ELSE '1' || lpad((chance / 7 % :structures)::text, 9, '0') END,
    CASE WHEN offre IN ('PS', 'PRO') THEN '8' || lpad((chance / 11 % :personnes)::text, 11, '0') END,
    CASE offre WHEN 'ORG' THEN 'service ' || n % 997 END,
    CASE offre WHEN 'PRO' THEN 'a' || n || '@e.example' END, CASE offre WHEN 'PRO' THEN 'a' || n || '@e.example' END,
    CASE offre WHEN 'SERV' THEN '["s' || n || '.e.example"]' END, 'a@e.example',
    CASE WHEN etat = 0 THEN NULL ELSE '{}'::json END, made, made,
    CASE WHEN etat > 0 THEN made END, CASE WHEN etat > 0 THEN made + interval '3 years' END
FROM (SELECT n, (ARRAY['ORG', 'ORG', 'SERV', 'PRO', 'PS'])[1 + n % 5] AS offre,
    abs(hashint4(n)::bigint) AS chance, abs(hashint4(n)::bigint) % 50 AS etat,
    CAST(:now AS timestamptz) - (:rows - n) * :minutes * interval '1 minute' AS made
    FROM generate_series(1, :rows) n) AS rows
"""
_CERTIFICATES = """
INSERT INTO certificat (id_demande, autorite, serial, produit, not_before, not_after, emis_le, retire_le, revoque_le,
    raison_crl, raison_listee)
SELECT id, 'AC', md5(id::text), 'ORG_AUTH_CLI', cree_le, produit_fin_le, cree_le,
    CASE etat WHEN 'CLOSE' THEN cree_le END,
    CASE etat_produit WHEN 'REVOQUE' THEN cree_le END, CASE etat_produit WHEN 'REVOQUE' THEN 'unspecified' END,
    CASE etat_produit WHEN 'REVOQUE' THEN 'unspecified' END
FROM demande WHERE etat_produit IS NOT NULL;
INSERT INTO demande_revocation (id, plateforme, canal, etat, resultat, id_acteur, role, id_demande, id_certificat,
    motif, effet_le, differee, cree_le, modifie_le)
SELECT :rows + row_number() OVER (ORDER BY demande.id), 'TEST', 'WS', 'CLOSE', 'REVOQUE', demande.id_acteur,
    'ADMINISTRATEUR_TECHNIQUE', demande.id, certificat.id, 'PERTE', demande.cree_le, FALSE, demande.cree_le,
    demande.cree_le
FROM demande JOIN certificat ON certificat.id_demande = demande.id WHERE demande.etat_produit = 'REVOQUE'
"""


def fill(db: Database, rows: int) -> None:
    """Make so many demandes in an empty database that is migrated, and let the planner know of them."""
    values = {
        "structures": STRUCTURES, "personnes": PERSONNES, "rows": rows,
        "now": NOW, "minutes": PER_MINUTES,
    }  # fmt: skip
    with db.write() as session:
        for acteur in (APPLICATION, BEARER, ADMINISTRATOR, LARGE):
            row = {
                "id": acteur.id, "type": acteur.type_acteur.value, "national": acteur.id_national,
                "personne": acteur.type_personne, "libelle": acteur.libelle,
            }  # fmt: skip
            session.execute(
                text(
                    "INSERT INTO acteur (id, plateforme, type_acteur, id_national, type_personne, libelle) "
                    "VALUES (:id, 'TEST', :type, :national, :personne, :libelle)"
                ),
                row,
            )
        for statement in (one for part in (_DIRECTORY, _RIGHTS, _DEMANDES, _CERTIFICATES) for one in part.split(";\n")):
            session.execute(text(statement), {name: v for name, v in values.items() if f":{name}" in statement})
    _settle(db)


def _settle(db: Database) -> None:
    """Let the planner know of all rows, and indexes that hold what is asked answer alone.

    They do where every transaction sees the whole page. One that began before the last row was written, as
    autovacuum's own may have, keeps pages from being marked so: it is waited for.
    """
    hidden = text("SELECT relpages - relallvisible FROM pg_class WHERE oid = 'demande'::regclass")
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(_VACUUMS):
            connection.execute(text("VACUUM ANALYZE"))
            if not connection.execute(hidden).scalar_one():
                return
            time.sleep(1)
    raise RuntimeError("some transaction does not end: pages of demande are not visible to all")
