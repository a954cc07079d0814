"""What a database refuses, in one French line for the operator: never an address, an account or a value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from runtime.errors import OperatorError
from storage.trail import TrailError


class DatabaseRefusedError(OperatorError):
    """The database cannot be used. What is ``lasting`` stays so until somebody mends it."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(f"la base de données refuse : {reason}")
        self.reason = reason
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class _Why:
    text: str
    lasting: bool = False


_PASSWORD = _Why("compte ou mot de passe refusé (database_password_file)", lasting=True)
_RIGHTS = _Why("ce compte n'y a pas droit", lasting=True)
_MISSING = _Why("cette base n'existe pas", lasting=True)
_TABLES = _Why("ses tables manquent : lancer `igc serve`, qui les crée", lasting=True)
_AWAY = _Why("connexion impossible ou perdue")
_BUSY = _Why("elle est occupée")
_FULL = _Why("disque plein")
_READ_ONLY = _Why("elle est en lecture seule")
_MANY = _Why("trop de connexions ouvertes")
# SQLSTATEs of PostgreSQL (Appendix A of its manual).
_STATES = {
    "28P01": _PASSWORD,
    "28000": _RIGHTS,
    "42501": _RIGHTS,
    "3D000": _MISSING,
    "42P01": _TABLES,
    "53100": _FULL,
    "53300": _MANY,
    "57P01": _AWAY,
    "57P02": _AWAY,
    "57P03": _Why("elle démarre ou s'arrête"),
    "25006": _READ_ONLY,
    "55P03": _BUSY,
    "57014": _BUSY,
}
# SQLite has no codes of its own here, and a refused connection has none of PostgreSQL's: only the text is left.
_WORDS = (
    (("password authentication", "no password supplied", "authentification par mot de passe"), _PASSWORD),
    (("pg_hba.conf", "not permitted to log in"), _RIGHTS),
    (("no such table",), _TABLES),
    (("unable to open database file",), _Why("fichier impossible à ouvrir", lasting=True)),
    (("not a database", "malformed"), _Why("ce fichier n'est pas une base SQLite, ou il est abîmé", lasting=True)),
    (("readonly database",), _READ_ONLY),
    (("disk is full",), _FULL),
    (("locked",), _BUSY),
    (("too many", "no more connections"), _MANY),
)


def _why(error: Exception) -> _Why | None:
    if isinstance(error, TrailError):
        return _Why("la piste d'audit ne peut pas être écrite")
    if isinstance(error, PoolTimeoutError):
        return _BUSY
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _STATES.get(state) or (_AWAY if state.startswith("08") else None)
    text = str(error.orig).lower()
    if "does not exist" in text:
        return _PASSWORD if 'role "' in text else _MISSING
    found = next((why for words, why in _WORDS if any(word in text for word in words)), None)
    return found or (_AWAY if isinstance(error, OperationalError) else None)


@contextmanager
def refusals_told() -> Iterator[None]:
    """What the database refuses in a ``with`` block becomes DatabaseRefusedError; our mistakes stay what they are."""
    try:
        yield
    except (SQLAlchemyError, TrailError) as error:
        why = _why(error)
        if why is None:
            raise
        raise DatabaseRefusedError(why.text, lasting=why.lasting) from error


def check_exists(url: str | URL) -> None:
    """DatabaseRefusedError when the database is a file and not there: opening it would make one."""
    if not exists(url):
        raise DatabaseRefusedError("le fichier de la base n'existe pas", lasting=True)


def exists(url: str | URL) -> bool:
    """Whether there is something to open; of a server that is not known before it is asked."""
    address = make_url(url)
    return address.drivername != "sqlite" or Path(address.database or "").exists()
