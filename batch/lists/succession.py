"""What a full list says next: the octets of the one in force, without what ended and with what changed since.

The rows stay the truth. A list is made of all of them when nothing can be built on the one in force, and from time to
time all the same: what its forerunner would have given is compared with it then, octet for octet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select

from batch.context import WorkerContext
from batch.lists.rows import Revocation, read_changes, read_ended, read_everything
from pki.authority import Authority
from pki.certificates.der import DerError
from pki.errors import CrlError
from pki.issuing.crl import encode_entries
from pki.status.crl_entries import SortedEntries, entries_octets
from pki.status.crl_reading import read_head
from runtime.errors import OperatorError
from storage import tables
from storage.database import Database

log = structlog.get_logger()

# Up to so many, and one in so many entries, changes cost less than all rows.
_FEW, _FEW_OF = 1_000, 8


class ListsDifferError(OperatorError):
    """What follows from the list in force is not what the rows say: neither is signed."""


@dataclass(frozen=True, slots=True)
class Forerunner:
    """A full list in force that the next one may be made of. What ended before ``ended_before`` has left it."""

    entries: SortedEntries
    number: int
    has_point: bool
    ended_before: datetime


@dataclass(frozen=True, slots=True)
class Contents:
    """The entries of the next full list.

    ``changes`` are those that the one in force lacks: the entries of a delta, when there is a ``forerunner`` that it
    can start from. ``removed`` are entries of the forerunner that the next list does not have, or has for another
    reason. ``followed`` is what followed from the list in force where ``entries`` were made of all rows.
    """

    entries: SortedEntries
    changes: Sequence[Revocation]
    removed: Sequence[bytes]
    forerunner: Forerunner | None
    rebuilt: bool
    followed: SortedEntries | None = None


def find_forerunner(authority: Authority, row: tables.Crl | None, ended_before: datetime) -> Forerunner | None:
    """The list of a row, None when nothing may be built on it.

    It may be when it bears the authority's signature, the number of its row and the hash of the list that was stored
    last by who marks the rows, and when time has not gone back since. So a list that was changed, exchanged, carried
    or taken up after a restoration is never the ground of another one.
    """
    if row is None or row.socle is None or row.sorties_le is None or row.sorties_le > ended_before:
        return None
    if hashlib.sha256(row.der).digest() != row.socle:
        log.warning("crl is not the one that was stored", autorite=row.autorite, numero=row.numero)
        return None
    try:
        head = read_head(authority, row.der)
        entries = SortedEntries(entries_octets(row.der))
    except (CrlError, DerError) as error:
        log.warning("stored crl cannot be followed", autorite=row.autorite, numero=row.numero, error=str(error))
        return None
    if head.is_delta or head.number != row.numero:
        log.warning("crl does not bear the number of its row", autorite=row.autorite, numero=row.numero)
        return None
    return Forerunner(entries, head.number, head.has_point, row.sorties_le)


def is_rebuild_due(context: WorkerContext, row: tables.Crl | None, now: datetime) -> bool:
    """Whether it is time for a list of all rows: the first of this process, the first of its period, after an error."""
    if row is None or row.autorite not in context.rebuilt or row.refaite_le is None or row.ecart_le is not None:
        return True
    return not row.refaite_le <= now < row.refaite_le + context.policy.crl_rebuild


def make_contents(
    db: Database, autorite: str, forerunner: Forerunner | None, ended_before: datetime, *, rebuild: bool
) -> Contents:
    """What the next list says, made of the forerunner, or of all rows: when asked for, or when they do not agree.

    ``ended_before`` is a whole second; certificates that ended before it are on no list any more. That the entries of
    both ways are the same is for ``require_same``, when what the world has seen has been looked at. Where most is new
    all rows are the shorter way, and the other one is not gone at all.
    """
    beside = None
    if forerunner is not None and not rebuild:
        changes, total = read_changes(db, autorite, ended_before, _few(forerunner) + 1)
        if len(changes) <= _few(forerunner):
            followed, removed = _follow(db, autorite, forerunner, changes, ended_before)
            if len(followed) == total:
                return Contents(followed, changes, removed, forerunner, rebuilt=False)
            log.warning(
                "crl made of its rows, which are not its entries", autorite=autorite, entries=len(followed), rows=total
            )
            forerunner, beside = None, followed
    everything = read_everything(db, autorite, ended_before)
    changes, entries = everything.unlisted, SortedEntries.of(encode_entries(everything.entries))
    if forerunner is None or len(changes) > _few(forerunner):
        return Contents(entries, changes, (), forerunner, rebuilt=True, followed=beside)
    followed, removed = _follow(db, autorite, forerunner, changes, ended_before)
    return Contents(entries, changes, removed, forerunner, rebuilt=True, followed=followed)


def _few(forerunner: Forerunner) -> int:
    return _FEW + len(forerunner.entries) // _FEW_OF


def require_same(db: Database, autorite: str, number: int, contents: Contents, now: datetime) -> None:
    """ListsDifferError when what follows from the forerunner is not what the rows say.

    The log says it, and an alarm until a later list was found to agree; the next list is made of the rows alone. Who
    has drawn a later ``number`` may have stored and marked meanwhile what is not in the forerunner: then it is nothing.
    """
    if contents.forerunner is None or contents.followed is None:
        return
    if contents.followed.octets == contents.entries.octets:
        return
    crl = tables.Crl
    with db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == autorite).with_for_update(key_share=True))
        if row is None or row.dernier_numero != number:
            return
        row.socle, row.ecart_le = None, now
    lacking, beyond = (
        len(one.without(other))
        for one, other in ((contents.entries, contents.followed), (contents.followed, contents.entries))
    )
    log.error("crl differs from its rows", autorite=autorite, lacking=lacking, beyond=beyond)
    raise ListsDifferError(
        f"{autorite} : la suite de la CRL n° {contents.forerunner.number} n'est pas ce que dit la base"
    )


def _follow(
    db: Database, autorite: str, forerunner: Forerunner, changes: Sequence[Revocation], ended_before: datetime
) -> tuple[SortedEntries, Sequence[bytes]]:
    gone = read_ended(db, autorite, forerunner.ended_before, ended_before)
    added = [one.entry for one in changes]
    gone += [entry.serial for entry in added]
    return forerunner.entries.revised(gone, encode_entries(added))
