"""When a CRL is due, and its publication. Revoking is one row; the list follows within the minute and every hour.

Nothing is encoded or signed under a lock of the database: a number is drawn first, and a list is stored only while
no later number was drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, func, select, text
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, WorkerContext
from batch.lists.files import bring_up_to_date
from batch.lists.rows import mark_listed
from batch.lists.succession import (
    Contents,
    ListsDifferError,
    find_forerunner,
    is_rebuild_due,
    make_contents,
    require_same,
)
from batch.past.kept import find_undone, lacking_of
from batch.trail_lines import tell_crl
from pki.authority import Authority
from pki.issuing.crl import CrlForm, build_crl
from runtime.clock import backdated
from runtime.metrics import catalogue, recording
from storage import tables
from storage.database import Database
from storage.stored_lists import known_lists

log = structlog.get_logger()

# A revocation is dated before it is committed, at most as long before as a writer waits for the database.
COMMIT_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Draw:
    """The number drawn for a publication, and the full CRL that it follows (None: it is the first)."""

    number: int
    row: tables.Crl | None

    @property
    def former_update(self) -> datetime | None:
        """What the full CRL before says of its moment."""
        return None if self.row is None else self.row.this_update


@dataclass(frozen=True, slots=True)
class _Lists:
    """What was signed: ``full`` is None when only a delta was due, ``delta`` when there is none.

    ``ended_before`` is from when on certificates have left the full list.
    """

    full: bytes | None
    delta: bytes | None
    contents: Contents
    ended_before: datetime


def any_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    """Whether a published CRL is old, older than a revocation, or of a time that has not come (the clock went back)."""
    with db.read() as session:
        return bool(_due(session, policy, now))


def _due(session: Session, policy: BatchPolicy, now: datetime) -> dict[str, bool]:
    """What is due, with whether the full list is: it is by its age, or as long as it is short."""
    crl, certificat = tables.Crl, tables.Certificat
    to_list = and_(certificat.autorite == crl.autorite, text(tables.TO_LIST), certificat.not_after >= crl.this_update)
    rows = session.execute(
        select(
            crl.autorite,
            crl.complete_le,
            crl.publie_le,
            crl.entrees,
            func.count(certificat.id),
            func.max(certificat.revoque_le),
            func.max(certificat.raison_modifiee_le),
        )
        .outerjoin(certificat, to_list)
        .where(crl.apportee.is_(False))  # those of an offline root come when somebody carries them
        .group_by(crl.autorite)
    )
    due = {}
    for autorite, described, published, entries, unlisted, *changed in rows:
        aged = not described - COMMIT_MARGIN <= now < described + policy.crl_refresh
        short = (entries or 0) + unlisted <= policy.crl_full_up_to
        # A delta leaves what it says to be listed; dates alone tell that there is more.
        more = any(_may_miss(published, latest, now) for latest in changed if latest is not None)
        if aged or (unlisted and (short or more)):
            due[autorite] = aged or short
    return due


def _may_miss(published: datetime, latest: datetime, now: datetime) -> bool:
    """Whether a delta, made at ``published``, may lack the latest change: dated later, or perhaps committed later."""
    return latest >= published or (latest >= published - COMMIT_MARGIN and now - published >= COMMIT_MARGIN)


def publish_due(context: WorkerContext) -> int:
    """Publish every CRL that is due and whose key is here; gives their number.

    ListsDifferError as ``publish``, when all the others are published.
    """
    with context.db.read() as session:
        due = _due(session, context.policy, context.clock())
    mine = [(autorite, full) for autorite, full in due.items() if autorite in context.signers]
    differ = None
    for autorite, full in mine:
        try:
            publish(context, autorite, full=full)
        except ListsDifferError as error:
            differ = error
    if differ is not None:
        raise differ
    return len(mine)


def publish(context: WorkerContext, autorite: str, *, full: bool = True) -> bytes:
    """Sign the next CRL of an authority and store it; gives the DER. A number is used once (RFC 5280 §5.2.3).

    A full list comes with the delta from the one before, under the same number (§5.2.4). The first one, or one of
    another scope than the one before, comes with an empty delta from itself: freshestCRL, which stands in every
    certificate, never names what is not there. With ``full`` False only a delta from the last full list is signed, if
    it can be. Gives the full CRL in force afterwards, which another process may have made meanwhile. An entry stays on
    the list until after its certificate has expired (§3.3).

    PastError, and nothing is signed, when the world has seen more than the database knows; ListsDifferError when what
    follows from the list in force is not what the rows say.
    """
    context.guard.require()
    place = _draw(context.db, autorite)
    now = context.clock()
    lists = _sign(context, autorite, place, now, full=full)
    stored = _store(context, autorite, place, lists, now)
    if context.publication is not None:
        bring_up_to_date(context.db, context.publication, context.authorities[autorite])
    if stored and lists.full is not None:
        mark_listed(context.db, lists.contents.changes)
        context.rebuilt.update([autorite] if lists.contents.rebuilt else [])
    with context.db.read() as session:
        return session.scalars(select(tables.Crl.der).where(tables.Crl.autorite == autorite)).one()


def _draw(db: Database, autorite: str) -> _Draw:
    crl = tables.Crl
    with db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == autorite).with_for_update(key_share=True))
        if row is None:
            return _Draw(1, None)
        row.dernier_numero += 1
        return _Draw(row.dernier_numero, row)


def _sign(context: WorkerContext, autorite: str, place: _Draw, now: datetime, *, full: bool) -> _Lists:
    authority, signer, policy = context.authorities[autorite], context.signers[autorite], context.policy
    point = _wants_point(context, authority)
    deltas = bool(authority.settings.delta_addresses)
    says = this_update(authority, place.former_update, now, policy)
    # A certificate is good to the end of its last second, and thisUpdate says no fraction.
    ended_before = (place.former_update or says).replace(microsecond=0)
    forerunner = find_forerunner(authority, place.row, ended_before)
    # A delta and its base have one scope (RFC 5280 §5.2.4).
    full = full or not deltas or forerunner is None or forerunner.has_point is not point
    rebuild = full and is_rebuild_due(context, place.row, now)
    contents = make_contents(context.db, autorite, forerunner, ended_before, rebuild=rebuild)
    base = contents.forerunner if deltas and contents.forerunner is not None else None
    if base is not None and base.has_point is not point:
        base = None
    whole = delta = None
    if full or base is None:
        _require_kept(context, authority, place, contents, ended_before)
        require_same(context.db, autorite, place.number, contents, now)
        form = CrlForm(freshest=deltas, issuing_point=point)
        whole = build_crl(authority, signer, contents.entries, place.number, says, now + policy.crl_validity, form)
    if deltas:
        changes = [] if base is None else [one.entry for one in contents.changes]
        form = CrlForm(base=place.number if base is None else base.number, issuing_point=point)
        delta = build_crl(authority, signer, changes, place.number, says, now + delta_validity(policy), form)
    return _Lists(whole, delta, contents, ended_before)


def _require_kept(
    context: WorkerContext, authority: Authority, place: _Draw, contents: Contents, ended_before: datetime
) -> None:
    """PastError, and the plateforme stops, when a full list would say less than what is published, or was signed."""
    stored = place.row.der if place.row is not None and contents.forerunner is not None else None
    lacking: list[bytes] = []
    for data in context.guard.evidence.published_lists(authority, stored):
        lacking += contents.removed if data == stored and not contents.rebuilt else lacking_of(data, contents.entries)
    if contents.followed is not None:
        # The list in force is a witness too, where its file is lost.
        lacking += contents.followed.without(contents.entries)
    undone = find_undone(context.db, authority, lacking, contents.entries, ended_before)
    if undone is not None:
        context.guard.halt(undone)


def this_update(authority: Authority, former: datetime | None, now: datetime, policy: BatchPolicy) -> datetime:
    """The thisUpdate of a list that describes now: back-dated, not before its authority nor the list before it."""
    floors = (authority.not_before, former) if former is not None and former <= now else (authority.not_before,)
    return backdated(now, policy.backdate, *floors)


def _wants_point(context: WorkerContext, authority: Authority) -> bool:
    """Whether the lists say that they are not all that their issuer has revoked.

    So they do when another key has the same name: each lists its own certificates, at an address of its own, and who
    took the one for the other would find revoked certificates good (RFC 5280 §5.2.5, §6.3.3 (b)).
    """
    others = (other for other in context.authorities.values() if other is not authority)
    shared = any(other.name_der == authority.name_der for other in others)
    return context.policy.crl_issuing_point or (shared and bool(authority.settings.crl_url))


def delta_validity(policy: BatchPolicy) -> timedelta:
    """How long a delta says that it is good: until the full list after the next one should be there."""
    return min(2 * policy.crl_refresh, policy.crl_validity)


def _store(context: WorkerContext, autorite: str, place: _Draw, lists: _Lists, now: datetime) -> bool:
    """Keep what was signed, unless a later number was drawn meanwhile: who drew it makes the newer list."""
    crl = tables.Crl
    with context.db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == autorite).with_for_update(key_share=True))
        if row is None:
            row = tables.Crl(autorite=autorite, dernier_numero=place.number)
            session.add(row)
        elif row.dernier_numero != place.number or (place.row is None and row.numero >= place.number):
            log.info("crl given up for a newer one", autorite=autorite, numero=place.number)
            return False
        if lists.full is not None:
            _replace_full(row, lists.full, lists, now)
            row.numero = place.number
            row.this_update = this_update(context.authorities[autorite], place.former_update, now, context.policy)
            row.next_update = now + context.policy.crl_validity
        row.publie_le = now
        row.delta = lists.delta
        row.delta_fin = None if lists.delta is None else now + delta_validity(context.policy)
        tell_crl(session, now, autorite, place.number, {"complete": lists.full, "delta": lists.delta})
    recording.count(catalogue.LISTS, autorite)
    contents = lists.contents
    kind, count = ("delta", len(contents.changes)) if lists.full is None else ("full", len(contents.entries))
    log.info("crl signed", autorite=autorite, numero=place.number, kind=kind, entries=count)
    return True


def _replace_full(row: tables.Crl, full: bytes, lists: _Lists, now: datetime) -> None:
    """What the next list is made of, or compared with (``succession``)."""
    row.der, row.complete_le = full, now
    row.socle = hashlib.sha256(full).digest()
    row.entrees, row.sorties_le = len(lists.contents.entries), lists.ended_before
    if lists.contents.rebuilt:
        row.refaite_le = now
    if lists.contents.forerunner is not None and lists.contents.followed is not None:
        row.ecart_le = None  # both ways were compared


def write_stored(context: WorkerContext) -> None:
    """Publish what is stored and not yet in its file, as after a crash between the two."""
    if context.publication is not None:
        # Carried lists too, whose keys are elsewhere.
        for authority in context.authorities.values():
            bring_up_to_date(context.db, context.publication, authority)


def publish_missing_crls(context: WorkerContext) -> dict[str, bytes]:
    """Publish the first CRL of every authority whose key is here and that has none; gives them, DER."""
    known = known_lists(context.db)
    return {name: publish(context, name) for name in context.signers if name not in known}
