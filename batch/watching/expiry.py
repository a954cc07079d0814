"""What no process renews by itself: the CRL of an offline root, the TLS certificates, the authorities themselves.

Files and certificates are looked at, nothing is changed. The caller says where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from batch.lists.files import list_files
from batch.watching.alarms import Alarm, Fault, Subject
from pki.authority import INDEX_NAME, Authority, load_authorities
from pki.certificates.reading import UNREADABLE
from pki.errors import AuthorityError, CrlError, CrlForgedError
from pki.issuing.issuance import term_end
from pki.status.crl_reading import read_crl
from storage.database import Database
from storage.stored_lists import lists_made_here

# A carried CRL costs a meeting around the root's machine, a new key of an authority a ceremony.
ROOT_CRL_MARGIN = timedelta(days=30)
TLS_MARGIN = timedelta(days=30)
AUTHORITY_MARGIN = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where to look: folder of the authorities, folder of the publication, TLS certificate of each listener."""

    authorities_dir: Path
    publication: Path
    tls: Mapping[str, Path]


def find_endings(db: Database, watched: Watched, now: datetime) -> list[Alarm]:
    """What ends within its margin, has ended, is missing or cannot be what it should be."""
    alarms = [alarm for name, file in watched.tls.items() for alarm in _look_at_tls(name, file, now)]
    try:
        authorities = load_authorities(watched.authorities_dir)
    except AuthorityError:
        return [*alarms, Alarm(Subject.AUTHORITY, INDEX_NAME, None, Fault.UNREADABLE)]
    alarms += _look_at_authorities(authorities, now)
    listed = lists_made_here(db)
    for name, authority in authorities.items():
        # A root whose key is here has its lists made and watched like those of the others.
        if authority.is_root and name not in listed:
            alarms += _look_at_root_crl(authority, list_files(watched.publication, name)[0], now)
    return alarms


def _look_at_root_crl(root: Authority, file: Path, now: datetime) -> Iterator[Alarm]:
    try:
        ends = read_crl(root, file.read_bytes()).next_update_utc
    except FileNotFoundError:
        yield Alarm(Subject.ROOT_CRL, root.short_name, None)
    except CrlForgedError:
        yield Alarm(Subject.ROOT_CRL, root.short_name, None, Fault.FORGED)
    except (OSError, CrlError):
        yield Alarm(Subject.ROOT_CRL, root.short_name, None, Fault.UNREADABLE)
    else:
        if ends is not None:  # read_crl wants an end
            yield from _ending(Subject.ROOT_CRL, root.short_name, ends, now, ROOT_CRL_MARGIN)


def _look_at_tls(name: str, file: Path, now: datetime) -> Iterator[Alarm]:
    """The whole bundle counts: an intermediate certificate that ends takes the listener down as well."""
    try:
        ends = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(file.read_bytes()))
    except FileNotFoundError:
        yield Alarm(Subject.TLS, name, None)
    except (OSError, *UNREADABLE):
        yield Alarm(Subject.TLS, name, None, Fault.UNREADABLE)
    else:
        yield from _ending(Subject.TLS, name, ends, now, TLS_MARGIN)


def _look_at_authorities(authorities: Mapping[str, Authority], now: datetime) -> Iterator[Alarm]:
    """Ends and terms; nothing about a key that a later one has relieved: all that it issued ends before it does."""
    terms: dict[str, datetime] = {}
    roots = {authority.certificate_der: name for name, authority in authorities.items() if authority.is_root}
    for name, authority in authorities.items():
        if authority.products and not _is_relieved(authority, authorities, now):
            terms[name] = max(term_end(authority, product, now) for product in authority.products)
            # A root that ends before that cannot be helped by a new key under it.
            root = roots[authority.chain[-1]]
            terms[root] = max(terms.get(root, now), terms[name])
    for name, term in terms.items():
        ends = authorities[name].not_after
        if ends - now >= AUTHORITY_MARGIN and ends < term:
            yield Alarm(Subject.AUTHORITY, name, ends, Fault.SHORTENS, urgent=False)
        yield from _ending(Subject.AUTHORITY, name, ends, now, AUTHORITY_MARGIN)


def _is_relieved(authority: Authority, authorities: Mapping[str, Authority], now: datetime) -> bool:
    """Whether others in force, which last longer, issue each of its products on the same plateforme."""
    able = [
        other
        for other in authorities.values()
        if other.settings.category == authority.settings.category
        and other.not_before <= now < other.not_after
        and other.not_after > authority.not_after
    ]
    return all(any(product in other.products for other in able) for product in authority.products)


def _ending(subject: Subject, name: str, ends: datetime, now: datetime, margin: timedelta) -> Iterator[Alarm]:
    if ends - now < margin:
        yield Alarm(subject, name, ends, urgent=ends <= now)
