"""When a CRL is due, and its publication. Revoking is one row; the list follows within the minute and every hour.

Nothing is encoded or signed under a lock of the database: a number is drawn first, and a list is stored only while
no later number was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, WorkerContext
from batch.published_files import bring_up_to_date
from batch.told import tell_crl
from pki.authority import Authority
from pki.crl import CrlEntry, CrlForm, build_crl
from pki.crl_reading import has_issuing_point
from pki.errors import CrlError
from pki.revocation import REASONS, RevocationReason
from storage import tables
from storage.database import Database

log = structlog.get_logger()

# A revocation is dated before it is committed, at most as long before as a writer waits for the database.
COMMIT_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Place:
    """The number drawn for a publication, and the full CRL that it follows (None: it is the first)."""

    number: int
    base: int | None
    base_update: datetime | None
    base_der: bytes | None


@dataclass(frozen=True, slots=True)
class _Lists:
    """What was signed: ``full`` is None when only a delta was due, ``delta`` when there is nothing to start from."""

    full: bytes | None
    delta: bytes | None
    entries: int


def any_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    """Whether a published CRL is old, older than a revocation, or of a time that has not come (the clock went back)."""
    with db.read() as session:
        return bool(_due(session, policy, now))


def _due(session: Session, policy: BatchPolicy, now: datetime) -> dict[str, bool]:
    """What is due, with whether the full list is: it is by its age, or as long as it is short."""
    crl, certificat = tables.Crl, tables.Certificat
    newest = (
        select(
            certificat.autorite,
            func.max(certificat.revoque_le).label("revoked"),
            func.count(certificat.revoque_le).label("entries"),
        )
        .where(certificat.revoque_le.is_not(None))
        .group_by(certificat.autorite)
        .subquery()
    )
    changed = (
        select(certificat.autorite, func.max(certificat.raison_modifiee_le).label("reason"))
        .where(certificat.raison_modifiee_le.is_not(None))
        .group_by(certificat.autorite)
        .subquery()
    )
    rows = session.execute(
        select(crl.autorite, crl.this_update, crl.publie_le, newest.c.revoked, changed.c.reason, newest.c.entries)
        .outerjoin(newest, newest.c.autorite == crl.autorite)
        .outerjoin(changed, changed.c.autorite == crl.autorite)
        .where(crl.apportee.is_(False))  # those of an offline root come when somebody carries them
    )
    due = {}
    for autorite, this_update, published, revoked, reason, entries in rows:
        aged = not this_update - COMMIT_MARGIN <= now < this_update + policy.crl_refresh
        if aged or any(_may_miss(published, latest, now) for latest in (revoked, reason) if latest is not None):
            due[autorite] = aged or (entries or 0) <= policy.crl_full_up_to
    return due


def _may_miss(this_update: datetime, latest: datetime, now: datetime) -> bool:
    """Whether a CRL may lack the latest change: it is dated later, or was perhaps committed later."""
    return latest >= this_update or (latest >= this_update - COMMIT_MARGIN and now - this_update >= COMMIT_MARGIN)


def publish_due(context: WorkerContext) -> int:
    """Publish every CRL that is due and whose key is here; gives their number."""
    with context.db.read() as session:
        due = _due(session, context.policy, context.clock())
    mine = [(autorite, full) for autorite, full in due.items() if autorite in context.signers]
    for autorite, full in mine:
        publish(context, autorite, full=full)
    return len(mine)


def publish(context: WorkerContext, autorite: str, *, full: bool = True) -> bytes:
    """Sign the next CRL of an authority and store it; gives the DER. A number is used once (RFC 5280 §5.2.3).

    A full list comes with the delta from the one before, under the same number, unless the two differ in scope. With
    ``full`` False only a delta from the last full list is signed, if it can be. Gives the full CRL in force
    afterwards, which another process may have made meanwhile. An entry stays on the list until after its certificate
    has expired (§3.3).
    """
    place = _draw(context.db, autorite)
    now = context.clock()
    lists = _sign(context, autorite, place, now, full=full)
    _store(context, autorite, place, lists, now)
    if context.publication is not None:
        bring_up_to_date(context.db, context.publication, autorite)
    with context.db.read() as session:
        return session.scalars(select(tables.Crl.der).where(tables.Crl.autorite == autorite)).one()


def _draw(db: Database, autorite: str) -> _Place:
    crl = tables.Crl
    with db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == autorite).with_for_update())
        if row is None:
            return _Place(number=1, base=None, base_update=None, base_der=None)
        row.dernier_numero += 1
        return _Place(row.dernier_numero, base=row.numero, base_update=row.this_update, base_der=row.der)


def _sign(context: WorkerContext, autorite: str, place: _Place, now: datetime, *, full: bool) -> _Lists:
    authority, signer, policy = context.authorities[autorite], context.signers[autorite], context.policy
    point = _wants_point(context, authority)
    deltas = bool(authority.settings.delta_addresses)
    # A delta and its base have one scope (RFC 5280 §5.2.4).
    follows = deltas and place.base_der is not None and _has_point(place.base_der) is point
    whole = delta = None
    count = 0
    if full or not follows:
        entries = _entries(context.db, autorite, expired_after=place.base_update or now)
        count = len(entries)
        form = CrlForm(freshest=deltas, issuing_point=point)
        whole = build_crl(authority, signer, entries, place.number, now, now + policy.crl_validity, form)
    if follows and place.base is not None and place.base_update is not None:
        since = place.base_update - COMMIT_MARGIN
        changes = _entries(context.db, autorite, expired_after=place.base_update, changed_since=since)
        form = CrlForm(base=place.base, issuing_point=point)
        delta = build_crl(authority, signer, changes, place.number, now, now + delta_validity(policy), form)
        count = count or len(changes)
    return _Lists(whole, delta, count)


def _wants_point(context: WorkerContext, authority: Authority) -> bool:
    """Whether the lists say that they are not all that their issuer has revoked.

    So they do when another key has the same name: each lists its own certificates, at an address of its own, and who
    took the one for the other would find revoked certificates good (RFC 5280 §5.2.5, §6.3.3 (b)).
    """
    others = (other for other in context.authorities.values() if other is not authority)
    shared = any(other.name_der == authority.name_der for other in others)
    return context.policy.crl_issuing_point or (shared and bool(authority.settings.crl_url))


def _has_point(der: bytes) -> bool | None:
    """None: the stored list is damaged, and nothing follows it."""
    try:
        return has_issuing_point(der)
    except CrlError:
        return None


def delta_validity(policy: BatchPolicy) -> timedelta:
    """How long a delta says that it is good: until the full list after the next one should be there."""
    return min(2 * policy.crl_refresh, policy.crl_validity)


def _entries(
    db: Database, autorite: str, *, expired_after: datetime, changed_since: datetime | None = None
) -> Sequence[CrlEntry]:
    """What belongs on a list: revoked, and not expired when the last full list was made.

    A certificate is good to the end of its last second, and thisUpdate says no fraction.
    Since a moment means on a delta (RFC 5280 §5.2.4): what was revoked since then, or got another reason.
    """
    certificat = tables.Certificat
    query = select(certificat.serial, certificat.revoque_le, certificat.raison_crl).where(
        certificat.autorite == autorite,
        certificat.revoque_le.is_not(None),
        certificat.not_after >= expired_after.replace(microsecond=0),
    )
    if changed_since is not None:
        changed = or_(certificat.revoque_le >= changed_since, certificat.raison_modifiee_le >= changed_since)
        query = query.where(changed)
    with db.read() as session:
        return [
            CrlEntry(int(serial, 16), revoked_at, REASONS.get(reason or "", RevocationReason.UNSPECIFIED))
            for serial, revoked_at, reason in session.execute(query)
            if revoked_at is not None
        ]


def _store(context: WorkerContext, autorite: str, place: _Place, lists: _Lists, now: datetime) -> None:
    """Keep what was signed, unless a later number was drawn meanwhile: who drew it makes the newer list."""
    crl = tables.Crl
    with context.db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == autorite).with_for_update())
        if row is None:
            row = tables.Crl(autorite=autorite, dernier_numero=place.number)
            session.add(row)
        elif row.dernier_numero != place.number or (place.base is None and row.numero >= place.number):
            log.info("crl given up for a newer one", autorite=autorite, numero=place.number)
            return
        if lists.full is not None:
            row.numero, row.this_update, row.der = place.number, now, lists.full
            row.next_update = now + context.policy.crl_validity
        row.publie_le = now
        row.delta = lists.delta
        row.delta_fin = None if lists.delta is None else now + delta_validity(context.policy)
        tell_crl(session, now, autorite, place.number, {"complete": lists.full, "delta": lists.delta})
    kind = "delta" if lists.full is None else "full"
    log.info("crl signed", autorite=autorite, numero=place.number, kind=kind, entries=lists.entries)


def write_stored(context: WorkerContext) -> None:
    """Publish what is stored and not yet in its file, as after a crash between the two."""
    if context.publication is not None:
        for autorite in context.signers:
            bring_up_to_date(context.db, context.publication, autorite)
