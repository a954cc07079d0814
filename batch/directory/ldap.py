"""An LDAP server as the directory (RFC 4511): ``Directory`` over a connection a question.

Everything has an end: connecting, the TLS handshake, each page of results and the whole question. Filters are escaped
(RFC 4515), referrals are not followed, results come in pages (RFC 2696) and are counted. What goes wrong with the
server is DirectoryAwayError; an entry that cannot be used is left out, and logged without what it says.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import structlog

from batch.directory.ldap_entries import Attributes, EntryReader
from batch.directory.tls_tunnel import TlsTunnel, TunnelError
from registration.directory.entries import PersonneEntry, StructureEntry
from registration.directory.port import Entries, Wanted
from registration.errors import Code, DirectoryAwayError, IgcError
from registration.rules.names import Pattern, fold
from runtime.errors import OperatorError
from runtime.secret_file import SecretFileError
from runtime.settings.directory import LdapSettings
from storage.bulk import slices

try:
    import ldap
    from ldap.controls import SimplePagedResultsControl
    from ldap.filter import escape_filter_chars
except ImportError as error:
    raise OperatorError("directory.source = ldap : le paquet python-ldap n'est pas installé (make ldap)") from error

log = structlog.get_logger()

_LDAP_PORT, _LDAPS_PORT = 389, 636
_IDS_A_QUESTION = 100
# Letters that a name may have with an accent, a cedilla, a tilde or in a ligature: the server only folds case.
_ACCENTED = frozenset("aceinouysz")


class LdapDirectory:
    """Of the server of the settings; safe among threads, for nothing is kept between two questions."""

    def __init__(self, settings: LdapSettings) -> None:
        """Nothing is opened here."""
        self._settings = settings
        self._reader = EntryReader(settings.attributes)

    def read(self, structures: Collection[str], personnes: Collection[str]) -> Entries:
        """See ``Directory``."""
        names, settings = self._settings.attributes, self._settings
        among = set(structures)
        with self._connected() as server:
            found = [
                entry
                for part in slices(sorted(among), _IDS_A_QUESTION)
                for entry in server.search(
                    settings.structures_base, _any_of(names.structure_class, names.structure_id, part)
                )
            ]
            people = [
                entry
                for part in slices(sorted(set(personnes)), _IDS_A_QUESTION)
                for entry in server.search(
                    settings.personnes_base, _any_of(names.personne_class, names.personne_id, part)
                )
            ]
        described = self._structures(found)
        known = [(entry, raw) for raw in people if (entry := self._reader.personne(raw)) is not None]
        return Entries(
            structures=tuple(sorted(entry for entry in described if entry.id_national in among)),
            personnes=tuple(sorted((entry for entry, _ in known), key=lambda entry: entry.id_national)),
            rattachements=tuple(
                sorted(pair for entry, raw in known for pair in self._reader.rattachements(entry, raw, among))
            ),
        )

    def find_structures(
        self, among: Collection[str] | None, raison_sociale: Pattern | None, limit: int
    ) -> list[StructureEntry]:
        """See ``Directory``. A perimeter is asked for by its ids; without one the raison sociale narrows the search."""
        names, settings = self._settings.attributes, self._settings
        if among is not None:
            found: Sequence[StructureEntry] = self.read(among, ()).structures
        else:
            conditions = [_is(names.structure_class), *_like(names.raison_sociale, raison_sociale)]
            with self._connected() as server:
                raws = list(server.search(settings.structures_base, _all_of(conditions)))
            found = self._structures(raws)
        return sorted(
            (entry for entry in found if raison_sociale is None or raison_sociale.matches(entry.raison_sociale)),
            key=lambda entry: (fold(entry.raison_sociale), entry.id_national),
        )[:limit]

    def find_personnes(self, structure: str | None, wanted: Wanted, limit: int) -> list[PersonneEntry]:
        """See ``Directory``. The server is asked without the letters that may have accents; what it gives is sifted."""
        names = self._settings.attributes
        conditions = [_is(names.personne_class)]
        if structure is not None:
            conditions.append(f"({names.structures}={escape_filter_chars(structure)})")
        if wanted.id_national is not None:
            conditions.append(f"({names.personne_id}={escape_filter_chars(wanted.id_national)})")
        conditions += _like(names.nom, wanted.nom) + _like(names.prenom, wanted.prenom)
        with self._connected() as server:
            raws = list(server.search(self._settings.personnes_base, _all_of(conditions)))
        found = (entry for raw in raws if (entry := self._reader.personne(raw)) is not None)
        return sorted(
            (entry for entry in found if _is_wanted(entry, wanted)),
            key=lambda entry: (fold(entry.nom), fold(entry.prenom), entry.id_national),
        )[:limit]

    def _structures(self, raws: Sequence[Attributes]) -> list[StructureEntry]:
        return [entry for raw in raws if (entry := self._reader.structure(raw)) is not None]

    @contextmanager
    def _connected(self) -> Iterator[_Server]:
        """A bound connection for the time of a question; DirectoryAwayError for whatever the server or the way does."""
        server = _Server(self._settings)
        try:
            server.connect()
            yield server
        except ldap.SIZELIMIT_EXCEEDED:
            raise IgcError(Code.CRITERIA_INVALID, raison="trop d'entrées répondent, précisez le nom.") from None
        except (ldap.LDAPError, TunnelError, SecretFileError) as error:
            # The library's text may quote the server; its class says enough.
            log.warning("ldap question failed", why=type(error).__name__)
            raise DirectoryAwayError(Code.DIRECTORY_AWAY) from None
        finally:
            server.close()


class _Server:
    """One connection, and the time that is left for what it is asked."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._deadline = time.monotonic() + settings.timeout_seconds
        self._connection: Any = None
        self._tunnel: TlsTunnel | None = None

    def connect(self) -> None:
        """Open, secure and bind."""
        settings = self._settings
        self._connection = connection = self._open()
        connection.protocol_version = ldap.VERSION3
        connection.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        connection.set_option(ldap.OPT_DEREF, ldap.DEREF_NEVER)
        connection.set_option(ldap.OPT_RESTART, ldap.OPT_OFF)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.timeout_seconds)
        connection.set_option(ldap.OPT_TIMEOUT, settings.timeout_seconds)
        if settings.bind_dn and settings.password_file is not None:
            connection.simple_bind_s(settings.bind_dn, settings.password_file.read_text())

    def _open(self) -> Any:  # noqa: ANN401 -- an LDAPObject, of a package without types
        settings, url = self._settings, urlsplit(self._settings.url or "")
        if url.scheme != "ldaps" and not settings.starttls:
            return ldap.initialize(settings.url)
        port = url.port or (_LDAP_PORT if settings.starttls else _LDAPS_PORT)
        self._tunnel = TlsTunnel(
            url.hostname or "", port, settings.ca_file, starttls=settings.starttls, deadline=self._deadline
        )
        return ldap.initialize(f"ldap://{url.netloc}", fileno=self._tunnel.take_end())

    def close(self) -> None:
        """Leave, whatever the connection has become."""
        if self._tunnel is not None:
            self._tunnel.close()  # first: nothing waits for a server that says nothing any more
        if self._connection is not None:
            with suppress(ldap.LDAPError):
                self._connection.unbind_s()

    def search(self, base: str, condition: str) -> Iterator[Attributes]:
        """The attributes of every entry below ``base``, page by page; ldap.SIZELIMIT_EXCEEDED above ``max_entries``."""
        page = SimplePagedResultsControl(criticality=True, size=self._settings.page_size, cookie="")
        given = 0
        while True:
            question = self._connection.search_ext(
                base,
                ldap.SCOPE_SUBTREE,
                condition,
                attrlist=self._wanted_attributes(),
                serverctrls=[page],
                timeout=self._seconds_left(),
            )
            _, results, _, controls = self._connection.result3(question, timeout=self._seconds_left())
            for dn, attributes in results:
                if dn is None:  # a referral, which is not followed
                    continue
                given += 1
                if given > self._settings.max_entries:
                    raise ldap.SIZELIMIT_EXCEEDED
                yield attributes
            answers = [one for one in controls if one.controlType == SimplePagedResultsControl.controlType]
            if not answers or not answers[0].cookie:
                return
            page.cookie = answers[0].cookie

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ldap.TIMEOUT
        return left

    def _wanted_attributes(self) -> list[str]:
        return sorted(
            {name for key, name in self._settings.attributes.model_dump().items() if name and "class" not in key}
        )


def _is(name: str) -> str:
    return f"(objectClass={escape_filter_chars(name)})"


def _all_of(conditions: Sequence[str]) -> str:
    return f"(&{''.join(conditions)})"


def _any_of(object_class: str, attribute: str, values: Sequence[str]) -> str:
    return _all_of([_is(object_class), "(|", *(f"({attribute}={escape_filter_chars(value)})" for value in values), ")"])


def _like(attribute: str, pattern: Pattern | None) -> list[str]:
    """A condition that matching names fulfil, and others: stars for what may be written otherwise.

    A name that begins with another sign than a letter or digit is left out: without its beginning the server would have
    to go through all names.
    """
    if pattern is None:
        return []
    kept = "".join("*" if sign in _ACCENTED or not sign.isalnum() else sign for sign in pattern.folded)
    stars = f"{kept}*"
    while "**" in stars:
        stars = stars.replace("**", "*")
    return [f"({attribute}={'*'.join(escape_filter_chars(part) for part in stars.split('*'))})"]


def _is_wanted(entry: PersonneEntry, wanted: Wanted) -> bool:
    return (
        (wanted.id_national is None or entry.id_national == wanted.id_national)
        and (wanted.nom is None or wanted.nom.matches(entry.nom))
        and (wanted.prenom is None or wanted.prenom.matches(entry.prenom))
    )
