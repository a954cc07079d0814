"""On PostgreSQL: what the account of the running plateforme may do, apart from the one that owns the tables.

Who has the running account's password can add to the history and to the audit trail, and change or remove nothing of
them: neither rows, nor tables, nor the triggers that say no.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import text
from sqlalchemy.engine import Connection, make_url

from storage import tables
from storage.database import make_engine

_ADD = ("SELECT", "INSERT")
# What was given is never changed, only ended.
_END = "UPDATE (fin_le, motif_fin)"
_FILL = ("SELECT", "INSERT", "UPDATE", "DELETE")
RIGHTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acceptation": _ADD,
        # The type of the card that a person has now, and his name; the trail tells of both.
        "acteur": (*_ADD, "UPDATE (libelle, type_personne)"),
        "administrateur": (*_ADD, _END),
        "adresse_protegee": _FILL,
        "alembic_version": ("SELECT",),
        "arret": ("SELECT", "INSERT", "DELETE"),
        "avis": _FILL,
        "brouillon": _FILL,
        "brouillon_page": _FILL,
        "bloc_cles": ("SELECT", "INSERT", "UPDATE"),
        "certificat": _FILL,
        "cle_interdite": _ADD,
        "cle_publique": ("SELECT", "INSERT", "DELETE"),
        "code_revocation": _ADD,
        "compteur": ("SELECT", "UPDATE"),
        "crl": ("SELECT", "INSERT", "UPDATE"),
        "demande": ("SELECT", "INSERT", "UPDATE"),
        "demande_revocation": ("SELECT", "INSERT", "UPDATE"),
        "essai_code": _FILL,
        "fermeture": (*_ADD, _END),
        "habilitation": (*_ADD, _END),
        "historique": _ADD,
        "identite": (*_ADD, _END),
        "import_annuaire": ("SELECT", "INSERT", "UPDATE"),
        "jeton_servi": ("SELECT", "INSERT", "DELETE"),
        "lot": ("SELECT", "INSERT", "UPDATE"),
        "lot_compte": ("SELECT", "INSERT", "UPDATE"),
        "lot_page": _FILL,
        "lot_structure": _ADD,
        "operateur": (*_ADD, _END),
        "outbox": _FILL,
        "personne": ("SELECT", "INSERT", "UPDATE"),
        "piste_audit": _ADD,
        "rattachement": ("SELECT", "INSERT", "UPDATE"),
        "repondeur_ocsp": ("SELECT", "INSERT", "UPDATE"),
        "scellement": _ADD,
        "session_portail": _FILL,
        "signe_de_vie": ("SELECT", "INSERT", "UPDATE"),
        "structure": ("SELECT", "INSERT", "UPDATE"),
        "texte": _ADD,
        "tete_audit": ("SELECT", "UPDATE"),
    }
)
"""What is granted, by table. A table that is missing here is one that nobody thought of: the tests find it."""

FUNCTIONS = ("historique_settled()",)
"""What runs with the rights of the owner, and what it does is all that it does."""


def grant_runtime(owner_url: str, runtime_url: str) -> str:
    """Give the account of ``runtime_url`` exactly these rights, whatever it had; gives its name.

    ``owner_url`` is that of the owner of the tables. ValueError when the two are one account. Safe to call again.
    """
    role = make_url(runtime_url).username or ""
    if not role or role == make_url(owner_url).username:
        raise ValueError(role)
    engine = make_engine(owner_url)
    try:
        with engine.begin() as connection:
            _grant(connection, engine.dialect.identifier_preparer.quote_identifier(role))
    finally:
        engine.dispose()
    return role


def _grant(connection: Connection, role: str) -> None:
    here = connection.scalar(text("SELECT quote_ident(current_schema())"))
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        connection.exec_driver_sql(f"REVOKE ALL ON ALL {kind} IN SCHEMA {here} FROM {role}")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {here} TO {role}")
    for table, rights in RIGHTS.items():
        connection.exec_driver_sql(f"GRANT {', '.join(rights)} ON {here}.{table} TO {role}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {here} TO {role}")
    for function in FUNCTIONS:
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {here}.{function} TO {role}")


def ungranted() -> set[str]:
    """Tables of the models of which nobody has said what the running account may do."""
    return set(tables.Base.metadata.tables) - RIGHTS.keys()
