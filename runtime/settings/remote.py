"""What a broker, a database or a directory of another machine must have on PRODUCTION: TLS that knows it, a password.

Who can write to the one has work done beside the keys, who can write to the other decides what is signed. Addresses are
read as the drivers read them: what a parameter or a variable of libpq changes counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from redis.connection import parse_url
from sqlalchemy.engine import make_url

from runtime.secret_file import SecretFile
from runtime.settings.directory import LdapSettings
from runtime.settings.errors import SettingsProblem
from runtime.settings.notices import SmtpSettings

_VERIFYING_MODES = ("verify-ca", "verify-full")
_DATABASE_TLS = (
    "sur PRODUCTION, une base hors de cette machine demande TLS et un serveur reconnu : ajouter "
    "`?sslmode=verify-full&sslrootcert=...`"
)
_QUEUE_TLS = (
    "sur PRODUCTION, une file hors de cette machine demande TLS et un serveur reconnu : `rediss://...`, sans affaiblir "
    "`ssl_cert_reqs` ni `ssl_check_hostname`"
)
_DIRECTORY_TLS = (
    "sur PRODUCTION, un annuaire hors de cette machine demande TLS et un serveur reconnu : `ldaps://...` ou "
    "`starttls = true`, et `ca_file`"
)
_SMTP_TLS = (
    "sur PRODUCTION, un serveur SMTP hors de cette machine demande TLS et un serveur reconnu : `starttls` ou `tls`"
)
_UNKNOWN_CALLER = "sur PRODUCTION, un serveur hors de cette machine demande un mot de passe"


def database_problems(cle: str, url: str, password: SecretFile | None) -> Iterator[SettingsProblem]:
    """What the database of setting ``cle`` lacks to be opened; nothing for one of this machine."""
    if not url.startswith("postgresql"):
        return
    values = _libpq_values(url)
    if not _is_remote(values):
        return
    if values.get("sslmode") not in _VERIFYING_MODES:
        yield SettingsProblem(cle, _DATABASE_TLS)
    if password is None:
        yield SettingsProblem(f"{cle.removesuffix('_url')}_password_file", _UNKNOWN_CALLER)


def queue_problems(url: str, password: SecretFile | None) -> Iterator[SettingsProblem]:
    """As ``database_problems``, of the broker."""
    try:
        values = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py does not annotate it
    except ValueError:
        yield SettingsProblem("queue_url", "adresse de file mal formée")
        return
    if "path" in values or _is_this_machine(values["host"]):
        return
    verified = str(values.get("ssl_cert_reqs", "required")), str(values.get("ssl_check_hostname", "True"))
    if not url.startswith("rediss:") or verified != ("required", "True"):
        yield SettingsProblem("queue_url", _QUEUE_TLS)
    if password is None:
        yield SettingsProblem("queue_password_file", _UNKNOWN_CALLER)


def directory_problems(ldap: LdapSettings) -> Iterator[SettingsProblem]:
    """As ``database_problems``, of the LDAP directory: who answers in its place names the bearers of certificates."""
    parts = urlsplit(ldap.url or "")
    if parts.scheme == "ldapi" or _is_this_machine(parts.hostname or ""):
        return
    if parts.scheme != "ldaps" and not ldap.starttls:
        yield SettingsProblem("directory.ldap.url", _DIRECTORY_TLS)
    if ldap.ca_file is None:
        yield SettingsProblem("directory.ldap.ca_file", _DIRECTORY_TLS)
    if not ldap.bind_dn:
        yield SettingsProblem("directory.ldap.bind_dn", _UNKNOWN_CALLER)


def smtp_problems(smtp: SmtpSettings) -> Iterator[SettingsProblem]:
    """As ``database_problems``, of the mail server: who listens on the way reads who asked for what."""
    if smtp.security == "none" and not _is_this_machine(smtp.host or ""):
        yield SettingsProblem("notices.smtp.security", _SMTP_TLS)


def _libpq_values(url: str) -> Mapping[str, object]:
    """The parameters that libpq would go by: those of the URL, below them those of PG... variables."""
    from psycopg import pq  # noqa: PLC0415 -- loads libpq, which nobody needs for SQLite

    address = make_url(url)
    _, given = address.get_dialect()().create_connect_args(address)
    defaults = {option.keyword.decode(): option.val.decode() for option in pq.Conninfo.get_defaults() if option.val}
    return {**defaults, **given}


def _is_remote(values: Mapping[str, object]) -> bool:
    """Whether any server that libpq may try is another machine; who names a service says so elsewhere."""
    if values.get("service"):
        return True
    # An address goes before the name; without either, libpq takes a socket of this machine.
    named = values.get("hostaddr") or values.get("host") or ""
    return not all(_is_this_machine(host) for host in str(named).split(","))


def _is_this_machine(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
