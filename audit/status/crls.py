"""Every CRL against the rows it is made of: what is stored, what is published, and who stands on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select, tuple_

from audit import expected
from audit.certificates import extensions
from audit.certificates.extensions import Rule
from audit.context import Audit
from audit.findings import Topic
from audit.reading import asn1
from audit.reading.authorities import Authority
from audit.reading.crl import DELTA, ISSUING_POINT, NUMBER, RevokedList, read_list
from audit.reading.rows import number_of, snapshot
from storage import tables

_SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
# A revocation is dated before it is committed, at most as long before as a writer waits for the database.
_COMMIT = timedelta(seconds=60)
_LATE = timedelta(minutes=10)
_CLOCKS = timedelta(minutes=5)
_REASONS = {
    "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5, "privilegeWithdrawn": 9,
}  # fmt: skip
_PAGE = 2_000
# One list may be wrong in every entry; so many say enough.
_MOST_PER_LIST = 500
_TRIES = 3
_FILE_TRIES = 8
_PAUSE_SECONDS = 0.1
_FAR = "thisUpdate est loin du moment de sa signature"
_certificat, _crl = tables.Certificat, tables.Crl

Fault = tuple[str, str]
"""Which list, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists of an authority as they stand in its row."""

    row: Any
    full: RevokedList
    delta: RevokedList | None


def check_crls(audit: Audit) -> None:
    """Look at the lists of every authority. What changes meanwhile is looked at again before it is called a fault."""
    audit.meter.start("CRL", len(audit.authorities))
    for authority in audit.authorities.values():
        row, found = _row(audit, authority), []
        for _ in range(_TRIES):
            found = list(islice(_faults(audit, authority, row), _MOST_PER_LIST))
            if not found or (again := _row(audit, authority)) == row:
                break
            row = again
        for subject, text in found:
            audit.report.add(Topic.CRL, subject, text)
        if row is not None:
            audit.report.checked["CRL"] += 1 if row.delta is None else 2
        audit.meter.advance()


def _row(audit: Audit, authority: Authority) -> Any:  # noqa: ANN401 -- a row or None
    query = select(*_crl.__table__.columns).where(_crl.autorite == authority.short_name)
    with snapshot(audit.db) as session:
        return session.execute(query).one_or_none()


def _faults(audit: Audit, authority: Authority, row: Any) -> Iterator[Fault]:  # noqa: ANN401 -- a Row
    if row is None:
        yield from _unstored_faults(audit, authority)
        return
    full_name, delta_name = f"CRL {authority.short_name}", f"delta CRL {authority.short_name}"
    now = audit.clock()
    try:
        full = read_list(bytes(row.der))
    except ValueError as error:
        yield full_name, f"illisible : {error}"
        return
    try:
        delta = None if row.delta is None else read_list(bytes(row.delta))
    except ValueError as error:
        delta = None
        yield delta_name, f"illisible : {error}"
    yield from ((full_name, text) for text in form_faults(authority, full, now, is_delta=False))
    if (full.number, full.this_update, full.next_update) != (
        row.numero, _second(row.this_update), _second(row.next_update),
    ):  # fmt: skip
        yield full_name, "le numéro ou les dates ne sont pas ceux de la ligne"
    if not _is_backdated(full, row.complete_le) and not row.apportee:
        yield full_name, _FAR
    if row.delta is None and not row.apportee and extensions.delta_points(authority):
        yield delta_name, "manque, alors que les certificats nomment son adresse (freshestCRL)"
    if delta is not None:
        yield from ((delta_name, text) for text in form_faults(authority, delta, now, is_delta=True))
        yield from ((delta_name, text) for text in _delta_faults(row, full, delta))
    if row.apportee and authority.products:
        yield full_name, "dite apportée d'une racine, alors que cette autorité émet : personne ne la refait"
    if not row.apportee or authority.products:  # an offline root revokes authorities, which have no row here
        yield from _entry_faults(audit, authority, _Lists(row, full, delta), now)
    yield from _file_faults(audit, authority, row)


def _is_backdated(found: RevokedList, made: datetime) -> bool:
    """Whether thisUpdate is before the signature, and not more than any settings allow."""
    return made - expected.MOST_BACKDATED <= found.this_update <= made + _CLOCKS


def _second(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)


def _unstored_faults(audit: Audit, authority: Authority) -> Iterator[Fault]:
    """An authority that issues must have a list; that of an offline root may be a file that nobody has taken up."""
    subject = f"CRL {authority.short_name}"
    if authority.products:
        yield subject, "aucune liste : l'autorité émet, et personne ne peut savoir ce qu'elle a révoqué"
        return
    content = _read(_paths(audit, authority)[0])
    if content is None:
        return
    audit.report.checked["CRL"] += 1
    try:
        found = read_list(content)
    except ValueError as error:
        yield subject, f"illisible : {error}"
        return
    yield from ((subject, text) for text in form_faults(authority, found, audit.clock(), is_delta=False))


def form_faults(authority: Authority, found: RevokedList, now: datetime, *, is_delta: bool) -> Iterator[str]:
    """What is wrong with a list, whoever stands on it."""
    yield from found.faults
    if set(found.algorithms) != {_SHA256_WITH_RSA} or not authority.has_signed(found.signed, found.signature):
        yield "la signature n'est pas celle de l'autorité"
    if found.issuer != authority.certificate.subject_raw:
        yield "l'émetteur nommé n'est pas l'autorité"
    if found.next_update <= found.this_update:
        yield "nextUpdate ne suit pas thisUpdate"
    elif found.next_update <= now:
        yield f"échue depuis le {found.next_update:%d/%m/%Y à %H:%M} UTC"
    if found.this_update > now + _CLOCKS:
        yield "thisUpdate est dans le futur"
    yield from extensions.extension_faults(found.extensions, _rules(authority, is_delta=is_delta), ordered=False)


def _rules(authority: Authority, *, is_delta: bool) -> list[Rule]:
    settings, url = authority.settings, authority.url
    rules = [extensions.issuer_key_rule(authority), Rule("cRLNumber", NUMBER, form=_is_number)]
    if settings.crl_url:
        # [0] distributionPoint of the address, everything else by default (RFC 5280 §5.2.5).
        uri = asn1.encode(0x86, url(settings.crl_url).encode())
        point = asn1.encode(asn1.SEQUENCE, asn1.encode(0xA0, asn1.encode(0xA0, uri)))
        rules.append(Rule("issuingDistributionPoint", ISSUING_POINT, point, critical=True, optional=True))
    if is_delta:
        rules.append(Rule("deltaCRLIndicator", DELTA, form=_is_number, critical=True))
    elif deltas := extensions.delta_points(authority):
        rules.append(Rule("freshestCRL", extensions.FRESHEST, deltas, optional=True))
    return rules


def _is_number(value: bytes) -> bool:
    content = asn1.content_of(value, asn1.INTEGER)
    return asn1.whole_number(content) >= 0 and len(content) <= 20  # noqa: PLR2004 -- RFC 5280 §5.2.3


def _delta_faults(row: Any, full: RevokedList, delta: RevokedList) -> Iterator[str]:  # noqa: ANN401 -- a Row
    if delta.base is None or not delta.base <= full.number <= delta.number:
        yield "ne complète pas la liste entière : son numéro ou celui de sa base ne va pas avec elle"
    if delta.number > row.dernier_numero:
        yield "porte un numéro qui n'a pas été tiré"
    if delta.this_update < full.this_update:
        yield "est plus ancienne que la liste entière"
    if not _is_backdated(delta, row.publie_le):
        yield _FAR
    if delta.next_update != _second(row.delta_fin):
        yield "sa fin n'est pas celle de la ligne"


def _entry_faults(audit: Audit, authority: Authority, lists: _Lists, now: datetime) -> Iterator[Fault]:
    """Every revoked row against both lists; what then remains on a list was never revoked."""
    full_name, delta_name = f"CRL {authority.short_name}", f"delta CRL {authority.short_name}"
    on_full = lists.full.entries
    on_delta = {} if lists.delta is None else lists.delta.entries
    # thisUpdate is earlier than what the lists describe; that it is near to it has been seen above.
    described = lists.row.complete_le
    latest = described if lists.delta is None else lists.row.publie_le
    newest_name = full_name if lists.delta is None else delta_name
    for row in _revoked(audit, authority):
        serial = number_of(row.serial)
        entries = {full_name: on_full.pop(serial, None), delta_name: on_delta.pop(serial, None)}
        wanted = (_second(row.revoque_le), _REASONS.get(row.raison_crl, 0))
        for name, entry in entries.items():
            made = described if name == full_name else latest
            if entry is not None and entry != wanted and not (entry[0] == wanted[0] and _changed_since(row, made)):
                yield name, f"série {row.serial} : date ou raison autres que celles de la révocation"
        if row.revoque_le < described - _COMMIT and row.not_after > described:
            if entries[full_name] is None:
                yield full_name, f"série {row.serial} : révoquée, et absente de la liste"
        elif entries == {full_name: None, delta_name: None} and row.not_after > latest:
            if row.revoque_le < latest - _COMMIT:
                yield newest_name, f"série {row.serial} : révoquée, et absente de la liste"
            elif row.revoque_le < now - audit.crl_refresh - _LATE:
                yield full_name, f"série {row.serial} : révoquée le {row.revoque_le:%d/%m/%Y à %H:%M} UTC, pas publiée"
    yield from _stranger_faults(audit, authority, full_name, on_full)
    yield from _stranger_faults(audit, authority, delta_name, on_delta)


def _changed_since(row: Any, moment: datetime) -> bool:  # noqa: ANN401 -- a row
    """Whether the reason became a stronger one since a list was made, which says the former one until the next."""
    return row.raison_modifiee_le is not None and row.raison_modifiee_le >= moment - _COMMIT


def _revoked(audit: Audit, authority: Authority) -> Iterator[Any]:
    """The revoked rows of an authority, by the index of revocations."""
    query = (
        select(
            _certificat.id,
            _certificat.serial,
            _certificat.revoque_le,
            _certificat.raison_crl,
            _certificat.raison_modifiee_le,
            _certificat.not_after,
        )
        .where(_certificat.autorite == authority.short_name, _certificat.revoque_le.is_not(None))
        .order_by(_certificat.revoque_le, _certificat.id)
        .limit(_PAGE)
    )
    following = query
    while True:
        with snapshot(audit.db) as session:
            rows = session.execute(following).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1]
        following = query.where(tuple_(_certificat.revoque_le, _certificat.id) > (last.revoque_le, last.id))


def _stranger_faults(
    audit: Audit, authority: Authority, name: str, entries: dict[int, tuple[datetime, int]]
) -> Iterator[Fault]:
    """Entries that no revoked row explains."""
    for serial in entries:
        query = select(_certificat.revoque_le).where(
            _certificat.autorite == authority.short_name, _certificat.serial == f"{serial:032x}"
        )
        with snapshot(audit.db) as session:
            row = session.execute(query).one_or_none()
        if row is None:
            yield name, f"série {serial:032x} : inconnue"
        elif row.revoque_le is None:
            yield name, f"série {serial:032x} : sur la liste, et pas révoquée"


def _paths(audit: Audit, authority: Authority) -> tuple[Path, Path]:
    folder = audit.publication_dir / "CRL"
    return folder / f"{authority.short_name}.crl", folder / f"{authority.short_name}-delta.crl"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _file_faults(audit: Audit, authority: Authority, row: Any) -> Iterator[Fault]:  # noqa: ANN401 -- a Row
    """The published files are the stored bytes; a list that is just being replaced is given the time for it.

    While lists follow one another a file is a moment behind its row, or ahead of the row read before: it is as it must
    be once anything that was seen of both is the same. A file that nobody replaces never is.
    """
    names = f"CRL {authority.short_name}", f"delta CRL {authority.short_name}"
    paths = _paths(audit, authority)
    stored: list[set[bytes | None]] = [set(), set()]
    published: list[set[bytes | None]] = [set(), set()]
    for attempt in range(_FILE_TRIES):
        if attempt:
            # Soon at first: where lists follow each other quickly, a long pause sees neither end of what is under way.
            time.sleep(_PAUSE_SECONDS * (attempt - 1))
            row = _row(audit, authority) or row
        for which, content in enumerate((row.der, row.delta)):
            stored[which].add(None if content is None else bytes(content))
            published[which].add(_read(paths[which]))
        if all(ours & theirs for ours, theirs in zip(stored, published, strict=True)):
            return
    for name, path, ours, theirs in zip(names, paths, stored, published, strict=True):
        if not ours & theirs:
            yield name, f"le fichier publié {path.name} {_what_is_wrong(authority, row, theirs)}"


def _what_is_wrong(authority: Authority, row: Any, published: set[bytes | None]) -> str:  # noqa: ANN401 -- a Row
    if published == {None}:
        return "manque"
    for content in published:
        try:
            found = read_list(content or b"")
        except ValueError:
            continue
        if found.number > row.dernier_numero and authority.has_signed(found.signed, found.signature):
            return f"porte le n° {found.number}, la base s'arrête au n° {row.dernier_numero} : elle a été restaurée"
    return "n'est pas la liste de la base"
