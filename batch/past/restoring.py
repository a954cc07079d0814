"""How a plateforme whose database was restored from a backup goes on: what was published afterwards is entered again.

Numbers go on behind everything that the evidence shows and a margin, never back; the revocations that published lists
carry are entered through their one door; the lists in force become the published ones; a line of the audit trail says
what was done. What the lost time brought and nothing outside shows (demandes, rights, certificates) stays lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from batch.lists.contents import reason_of
from batch.lists.files import list_files, number_of, signed_list
from batch.lists.root_crls import take_carried_crl
from batch.past.evidence import Evidence, is_carried
from batch.past.guard import lift
from batch.past.marks import AHEAD, Mark, Marks, advance, drawn_lists, held, write_marks
from batch.trail_lines import tell_crl
from pki.authority import Authority
from pki.certificates.serials import serial_hex
from pki.status.reasons import REASONS
from registration.revocation.revoking import KnownElsewhere, enter_again, enter_unknown
from registration.rules.revocation import KEY_COMPROMISE
from registration.vocabulary import Acte
from storage import tables
from storage.bulk import slices
from storage.database import Database
from storage.trail import note

log = structlog.get_logger()

# A list a second is more than anybody signs; so many demandes and lots a second are more than anybody takes.
_LISTS_MARGIN = 1_000
_NUMBERS_MARGIN = 1_000
_NUMBERS_A_SECOND = {"demande": 1_000, "lot": 100}
_AT_ONCE = 500
_MOTIF = "restauration : révocation publiée que la base ne connaît pas"
_NAMES = {number: name for name, number in REASONS.items()}


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What is known of the lists of one authority. ``full`` and ``delta`` are published and newer than the stored one.

    ``stored`` is the highest number the database drew, ``seen`` the highest that the evidence shows, ``following``
    what the next list is numbered above.
    """

    autorite: str
    stored: int
    seen: int
    following: int
    full: x509.CertificateRevocationList | None
    delta: x509.CertificateRevocationList | None


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a counter stands, and where it goes on."""

    nom: str
    stands: int
    following: int


@dataclass(slots=True)
class Plan:
    """What ``carry_out`` would do. ``differing`` are entries that contradict a revocation of the database."""

    lists: list[ListPlan] = field(default_factory=list)
    counters: list[Counter] = field(default_factory=list)
    known: dict[int, KnownElsewhere] = field(default_factory=dict)
    unknown: list[KnownElsewhere] = field(default_factory=list)
    differing: list[KnownElsewhere] = field(default_factory=list)
    carried: dict[str, bytes] = field(default_factory=dict)
    marks: Marks = field(default_factory=Marks)
    since: datetime | None = None


@dataclass(frozen=True)
class Witnesses:
    """What the operator brings beside the evidence of this machine: folders of lists, marks, an anchor."""

    lists: Sequence[Path] = ()
    marks: Sequence[Marks] = ()
    anchor: Mark | None = None


def knows_any(db: Database, names: Iterable[str]) -> bool:
    """Whether the database has worked with any of these authorities, or with none at all yet."""
    certificat, crl = tables.Certificat, tables.Crl
    with db.read() as session:
        known = {*session.scalars(select(certificat.autorite).distinct()), *session.scalars(select(crl.autorite))}
    return not known or not known.isdisjoint(names)


def make_plan(db: Database, evidence: Evidence, witnesses: Witnesses, now: datetime) -> Plan:
    """Compare and say what would be done; nothing is written. MarksError when the marks cannot be read."""
    plan = Plan()
    for marks in (evidence.read_marks(), *witnesses.marks):
        plan.marks = advance(plan.marks, marks.piste, marks.plafonds, marks.listes)
    plan.marks = advance(plan.marks, witnesses.anchor, {}, {})
    line = tables.PisteAudit
    with db.read() as session:
        plan.since = session.scalar(select(line.date).order_by(line.numero.desc()).limit(1))
    found = _gather(evidence, witnesses.lists)
    crl = tables.Crl
    with db.read() as session:
        rows = {row.autorite: row for row in session.scalars(select(crl))}
    for name, authority in evidence.authorities.items():
        row, lists = rows.get(name), found[name]
        if is_carried(authority, row):
            _plan_carried(plan, name, row, lists)
        elif row is not None or lists:
            plan.lists.append(_plan_list(authority, row, lists, plan.marks, now))
            _plan_revocations(db, plan, name, lists)
    _plan_counters(db, plan, now)
    return plan


def _gather(evidence: Evidence, folders: Sequence[Path]) -> Mapping[str, list[x509.CertificateRevocationList]]:
    """Every list that one of our authorities has signed, by authority, the lowest number first."""
    found: dict[str, dict[bytes, x509.CertificateRevocationList]] = defaultdict(dict)
    for name, authority in evidence.authorities.items():
        files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
        if evidence.publication is not None:
            files += list_files(evidence.publication, name)
        for path in files:
            content = path.read_bytes() if path.is_file() else b""
            crl = signed_list(authority, content)
            if crl is not None:
                found[name][content] = crl
    return defaultdict(list, {name: sorted(lists.values(), key=number_of) for name, lists in found.items()})


def _is_delta(crl: x509.CertificateRevocationList) -> bool:
    return any(isinstance(extension.value, x509.DeltaCRLIndicator) for extension in crl.extensions)


def _plan_carried(
    plan: Plan, name: str, row: tables.Crl | None, lists: Iterable[x509.CertificateRevocationList]
) -> None:
    newest = next(reversed([crl for crl in lists if not _is_delta(crl)]), None)
    if newest is not None and row is not None and number_of(newest) > row.numero:
        plan.carried[name] = _der(newest)


def _plan_list(
    authority: Authority,
    row: tables.Crl | None,
    lists: Sequence[x509.CertificateRevocationList],
    marks: Marks,
    now: datetime,
) -> ListPlan:
    name, stored = authority.short_name, row.dernier_numero if row is not None else 0
    full = next(reversed([crl for crl in lists if not _is_delta(crl)]), None)
    if full is not None and row is not None:
        number = number_of(full)
        # The same number for another list: the world has the published one.
        if number < row.numero or (number == row.numero and _der(full) == row.der):
            full = None
    delta = next(reversed([crl for crl in lists if _is_delta(crl)]), None) if full is not None else None
    if full is not None and delta is not None and not _completes(delta, full):
        delta = None
    seen = max([stored, marks.listes.get(name, 0), *map(number_of, lists)])
    last = max([crl.last_update_utc for crl in lists] + ([row.publie_le] if row is not None else []), default=now)
    away = max(0, int((now - last).total_seconds()))
    return ListPlan(name, stored, seen, seen + _LISTS_MARGIN + away, full, delta)


def _completes(delta: x509.CertificateRevocationList, full: x509.CertificateRevocationList) -> bool:
    """Whether the delta is one for the full list: starting at or before it, and not older."""
    base = delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number
    return base <= number_of(full) <= number_of(delta)


def _plan_revocations(db: Database, plan: Plan, name: str, lists: Iterable[x509.CertificateRevocationList]) -> None:
    """Every entry of every list, the newest one's last; what the rows say already needs nothing."""
    entries: dict[str, KnownElsewhere] = {}
    for crl in lists:
        for entry in crl:
            serial, raison = serial_hex(entry.serial_number), _NAMES[reason_of(entry)]
            entries[serial] = KnownElsewhere(name, serial, raison, entry.revocation_date_utc)
    certificat = tables.Certificat
    for part in slices(entries):
        with db.read() as session:
            rows = session.execute(
                select(certificat.id, certificat.serial, certificat.revoque_le, certificat.raison_crl).where(
                    certificat.autorite == name, certificat.serial.in_(part)
                )
            ).all()
        missing = set(part) - {row.serial for row in rows}
        plan.unknown += [entries[serial] for serial in part if serial in missing]
        for row in rows:
            known = entries[row.serial]
            if row.revoque_le is None or (known.raison == KEY_COMPROMISE != row.raison_crl):
                plan.known[row.id] = known
            elif (row.revoque_le.replace(microsecond=0), row.raison_crl) != (known.revoque_le, known.raison):
                plan.differing.append(known)


def _plan_counters(db: Database, plan: Plan, now: datetime) -> None:
    """Behind the ceiling that the marks knew; where they know no more than the database, behind what time allows."""
    compteur = tables.Compteur
    with db.read() as session:
        rows = session.execute(select(compteur.nom, compteur.prochain)).all()
        proven = _is_ahead(session, plan.marks.piste)
    away = max(0, int((now - plan.since).total_seconds())) if plan.since is not None else 0
    for nom, prochain in rows:
        behind = max(prochain, plan.marks.plafonds.get(nom, 0) + 1)
        margin = (
            _NUMBERS_MARGIN
            if proven and nom in plan.marks.plafonds
            else AHEAD + away * _NUMBERS_A_SECOND.get(nom, _LISTS_MARGIN)
        )
        plan.counters.append(Counter(nom, prochain, behind + margin))


def _is_ahead(session: Session, mark: Mark | None) -> bool:
    """Whether the marks know something of the trail that the database does not."""
    if mark is None:
        return False
    line = tables.PisteAudit
    digest = session.scalar(select(line.empreinte).where(line.numero == mark.numero))
    return digest is None or bytes(digest).hex() != mark.empreinte


def carry_out(db: Database, evidence: Evidence, plan: Plan, clock: Callable[[], datetime], marks: Path | None) -> None:
    """Do what was planned. Broken off, it is begun again: nothing is entered twice, and the plateforme stands still.

    ``marks`` is the file of this machine, which begins again from here; None when nobody seals on it. TrailError when
    the end of the audit trail is damaged.
    """
    for idents in slices(plan.known, _AT_ONCE):
        with db.write() as session:
            enter_again(session, {ident: plan.known[ident] for ident in idents}, clock(), _MOTIF)
    for name, entries in _by_authority(plan.unknown).items():
        for part in slices(entries, _AT_ONCE):
            with db.write() as session:
                enter_unknown(session, part, evidence.authorities[name].not_after, clock(), _MOTIF)
    for name, der in plan.carried.items():
        if evidence.publication is not None:
            take_carried_crl(db, evidence.publication, evidence.authorities[name], der, clock())
    ceilings = {counter.nom: counter.following + AHEAD for counter in plan.counters}
    if marks is None:
        _go_on(db, plan, ceilings, clock())
    else:
        with held(marks):
            # Ahead of the database at every moment, as always.
            write_marks(marks, advance(plan.marks, None, ceilings, {}))
            mark = _go_on(db, plan, ceilings, clock())
            write_marks(marks, Marks(piste=mark, plafonds=ceilings, listes=drawn_lists(db)))
    # Last: as long as the stop is there nobody compares.
    with db.write() as session:
        lift(session)
    log.warning("plateforme goes on behind the past", listes=len(plan.lists), revocations=len(plan.known))


def _by_authority(entries: Iterable[KnownElsewhere]) -> Mapping[str, list[KnownElsewhere]]:
    found: dict[str, list[KnownElsewhere]] = defaultdict(list)
    for entry in entries:
        found[entry.autorite].append(entry)
    return found


def _go_on(db: Database, plan: Plan, ceilings: Mapping[str, int], now: datetime) -> Mark:
    """Numbers, lists and the line of the trail, in one transaction; gives where the trail ends after it."""
    compteur = tables.Compteur
    with db.write() as session:
        for counter in plan.counters:
            # A canal may have gone on while the plan was made.
            here = update(compteur).where(compteur.nom == counter.nom)
            session.execute(here.where(compteur.prochain < counter.following).values(prochain=counter.following))
            session.execute(here.values(plafond=ceilings[counter.nom]))
        for one in plan.lists:
            _take_list(session, one, now)
        note(session, Acte.RESTORED.value, now, _told(plan))
    head, line = tables.TeteAudit, tables.PisteAudit
    with db.read() as session:
        row = session.execute(select(head.numero, line.empreinte).join(line, line.numero == head.numero)).one()
    return Mark(numero=row.numero, empreinte=bytes(row.empreinte).hex(), date=now)


def _take_list(session: Session, one: ListPlan, now: datetime) -> None:
    """The published list is the stored one from now on, and no number up to ``following`` is ever drawn again."""
    crl = tables.Crl
    row = session.scalar(select(crl).where(crl.autorite == one.autorite).with_for_update(key_share=True))
    if one.full is not None:
        if row is None:
            row = tables.Crl(autorite=one.autorite)
            session.add(row)
        row.numero, row.der = number_of(one.full), _der(one.full)
        row.this_update, row.next_update = one.full.last_update_utc, one.full.next_update_utc or now
        row.complete_le = row.this_update
        newest = one.delta or one.full
        row.publie_le = newest.last_update_utc
        row.delta = None if one.delta is None else _der(one.delta)
        row.delta_fin = None if one.delta is None else one.delta.next_update_utc
        lists = {"complete": row.der, "delta": row.delta}
        tell_crl(session, now, one.autorite, number_of(newest), lists, taken_up=True)
    if row is not None:
        row.dernier_numero = max(one.following, row.dernier_numero or 0)
        # What rows that were restored say of lists is not believed: the next one is made of all of them.
        row.socle = None
        row.apportee = False


def _told(plan: Plan) -> dict[str, object]:
    """What the line of the trail says: numbers before and after, and where the lost trail was last seen."""
    mark = plan.marks.piste
    return {
        "listes": {one.autorite: [one.stored, one.seen, one.following] for one in plan.lists},
        "compteurs": {counter.nom: [counter.stands, counter.following] for counter in plan.counters},
        "revocations": len(plan.known),
        "inconnus": len(plan.unknown),
        "ancre": None if mark is None else [mark.numero, mark.empreinte],
    }


def _der(crl: x509.CertificateRevocationList) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 -- needed nowhere else here

    return crl.public_bytes(Encoding.DER)
