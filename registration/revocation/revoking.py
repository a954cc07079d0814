"""The one door of every revocation: certificates, demandes, keys, history and audit trail, in one transaction.

A demande de révocation that waits for its day is closed with it. Whoever has to be told that a certificate was revoked
follows from what ``revoke`` gives.

Revoking is final and dated once; no list is made here, the CRLs and OCSP follow from the rows. A certificate revoked
for keyCompromise takes its key along: the key is blocked, every other certificate of it is revoked too, and a demande
that waits with it ends. Statements are a fixed number whatever the number of certificates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from registration.life import revocations, transitions
from registration.life.giving_up import give_up, key_refusal
from registration.notices.owing import owe
from registration.revocation.blocked_keys import TOLD_AT_ONCE, block_keys, find_certified, find_unblocked
from registration.rules.revocation import KEY_COMPROMISE, Consequence, Outcome, consequence, judge
from registration.vocabulary import Acte, Avis, CodeAction, EtatDemande, EtatProduit, Plateforme
from storage import tables
from storage.bulk import insert_rows, slices
from storage.database import Database
from storage.trail import note

_AT_ONCE = 500
_OPEN = (EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value)
_BLOCKED_MOTIF = "clé interdite"
UNKNOWN_PRODUCT = "INCONNU"
"""Stands where a product stands for a certificate of which only its revocation is known."""


class Revoked(NamedTuple):
    """What became of one certificate; ``raison`` and ``revoque_le`` are those that stand now, None when it expired."""

    id_certificat: int
    id_demande: int | None
    autorite: str
    serial: str
    produit: str
    outcome: Outcome
    raison: str | None
    revoque_le: datetime | None


@dataclass(frozen=True, slots=True)
class Revocations:
    """What a revocation did. ``given_up`` are demandes that waited with a blocked key."""

    certificates: tuple[Revoked, ...]
    given_up: tuple[int, ...]


def revoke(session: Session, raisons: Mapping[int, str], now: datetime, motif: str) -> Revocations:
    """Revoke certificates, each by the id of its row with its reason (a name of pki.status.reasons.REASONS).

    ``motif`` says to the audit trail why. What is revoked or expired stays as it is (rules/revocation.py); with
    keyCompromise the other certificates of the key are among the result. A broken audit trail does not prevent it.
    """
    done = [_revoke(session, {ident: raisons[ident] for ident in part}, now, motif) for part in _parts(sorted(raisons))]
    return Revocations(
        certificates=tuple(one for part in done for one in part.certificates),
        given_up=tuple(numero for part in done for numero in part.given_up),
    )


def revoke_of_demandes(
    session: Session, numeros: Collection[int], raison: str, now: datetime, motif: str
) -> Revocations:
    """Revoke the certificates of these demandes, as far as they have one."""
    certificat = tables.Certificat
    ids: list[int] = []
    for part in slices(sorted(numeros)):
        ids += session.scalars(select(certificat.id).where(certificat.id_demande.in_(part)))
    return revoke(session, dict.fromkeys(ids, raison), now, motif)


def revoke_keys(session: Session, keys: Collection[bytes], now: datetime, motif: str) -> Revocations:
    """Block keys, each the SHA-256 of its SubjectPublicKeyInfo, and revoke every certificate of them."""
    done = [_carry_out(session, {}, set(part), now, motif) for part in _parts(sorted(keys))]
    return Revocations(
        certificates=tuple(one for part in done for one in part.certificates),
        given_up=tuple(numero for part in done for numero in part.given_up),
    )


class KnownElsewhere(NamedTuple):
    """A revocation that a published list carries and the database does not: with its reason and its date."""

    autorite: str
    serial: str
    raison: str
    revoque_le: datetime


def enter_again(session: Session, entries: Mapping[int, KnownElsewhere], now: datetime, motif: str) -> Revocations:
    """As ``revoke``, for revocations that were published before: each keeps its date. Keyed by the id of the row."""
    raisons = {ident: entry.raison for ident, entry in entries.items()}
    dates = {ident: entry.revoque_le for ident, entry in entries.items()}
    return _revoke(session, raisons, now, motif, dates)


def enter_unknown(
    session: Session, entries: Sequence[KnownElsewhere], not_after: datetime, now: datetime, motif: str
) -> None:
    """Enter revocations of certificates that the database does not know at all, so that no list loses them.

    ``not_after``, when they have expired at the latest, is until when the lists carry them.
    """
    rows = [
        {
            "autorite": entry.autorite,
            "serial": entry.serial,
            "produit": UNKNOWN_PRODUCT,
            "not_before": entry.revoque_le,
            "not_after": not_after,
            "revoque_le": entry.revoque_le,
            "raison_crl": entry.raison,
        }
        for entry in entries
    ]
    insert_rows(session, tables.Certificat, rows)
    _tell(session, [[*entry[:3], _moment(entry.revoque_le)] for entry in entries], now, motif)


def settle_compromised(db: Database, now: datetime) -> int:
    """Do what is left of compromises: a revocation whose key is not blocked, a blocked key that is still certified.

    Such a rest comes from a demande that was registered, or signed, while its key was being blocked. Gives the
    number of keys.
    """
    settled: set[bytes] = set()
    while True:
        with db.read() as session:
            keys = {*find_unblocked(session, _AT_ONCE), *find_certified(session, now, _AT_ONCE)}
        if keys <= settled:
            return len(settled)
        with db.write() as session:
            revoke_keys(session, keys, now, _BLOCKED_MOTIF)
        settled |= keys


def _parts(values: Sequence[Any]) -> Iterable[list[Any]]:
    return slices(values, _AT_ONCE)


def _revoke(
    session: Session,
    raisons: Mapping[int, str],
    now: datetime,
    motif: str,
    dates: Mapping[int, datetime] = MappingProxyType({}),
) -> Revocations:
    compromised = [ident for ident, raison in raisons.items() if raison == KEY_COMPROMISE]
    keys: set[bytes] = set()
    if compromised:
        certificat = tables.Certificat
        found = session.scalars(select(certificat.spki_sha256).where(certificat.id.in_(compromised)))
        keys = {bytes(key) for key in found if key is not None}
    return _carry_out(session, raisons, keys, now, motif, dates)


def _carry_out(
    session: Session,
    raisons: Mapping[int, str],
    keys: set[bytes],
    now: datetime,
    motif: str,
    dates: Mapping[int, datetime] = MappingProxyType({}),
) -> Revocations:
    # Demandes before certificates, each in the order of their numbers: as everybody locks them.
    demandes = _lock_demandes(session, raisons, keys)
    rows = _lock_certificats(session, raisons, keys)
    block_keys(session, _with_certificate(rows, keys), now, motif)
    wanted = {row.id: _raison(row, raisons, keys) for row in rows}
    results = tuple(_judge(row, wanted[row.id], dates.get(row.id, now)) for row in rows)
    _update_certificats(session, results, now)
    revocations.close_superseded(session, [one.id_certificat for one in results if one.outcome is Outcome.REVOKED], now)
    given_up = _settle_demandes(session, demandes, rows, results, keys, now)
    changed = [
        [one.autorite, one.serial, one.raison, _moment(one.revoque_le)] for one in results if one.outcome.is_change
    ]
    _tell(session, changed, now, motif)
    return Revocations(results, given_up)


def _tell(session: Session, changed: Iterable[Sequence[str | None]], now: datetime, motif: str) -> None:
    for told in slices(changed, TOLD_AT_ONCE):
        note(session, Acte.REVOKED.value, now, {"certificats": told, "motif": motif}, essential=False)


def _moment(date: datetime | None) -> str | None:
    return None if date is None else date.astimezone(UTC).isoformat(timespec="microseconds")


def _concerned(ids: Iterable[int], keys: Collection[bytes]) -> ColumnElement[bool]:
    certificat = tables.Certificat
    if not keys:
        return certificat.id.in_(ids)
    return or_(certificat.id.in_(ids), certificat.spki_sha256.in_(keys))


def _lock_demandes(session: Session, ids: Collection[int], keys: Collection[bytes]) -> Sequence[Any]:
    """The demandes of the certificates, and those that wait with one of the keys."""
    demande, certificat, cle = tables.Demande, tables.Certificat, tables.ClePublique
    numeros = set(session.scalars(select(certificat.id_demande).where(_concerned(ids, keys))))
    if keys:
        # Both plateformes named, so that the primary key serves.
        waiting = select(cle.id_demande).where(cle.plateforme.in_(list(Plateforme)), cle.spki_sha256.in_(keys))
        numeros |= set(session.scalars(waiting))
    rows: list[Any] = []
    # Named one by one: a planner without fresh statistics would read the whole table for a subquery.
    for part in slices(sorted(numero for numero in numeros if numero is not None)):
        rows += session.execute(
            select(demande.id, demande.etat, demande.etat_produit)
            .where(demande.id.in_(part))
            .order_by(demande.id)
            .with_for_update(key_share=True)
        )
    return rows


def _lock_certificats(session: Session, ids: Collection[int], keys: Collection[bytes]) -> Sequence[Any]:
    """Read after the demandes are held: what was stored while they were waited for is here too."""
    certificat = tables.Certificat
    return session.execute(
        select(
            certificat.id,
            certificat.id_demande,
            certificat.autorite,
            certificat.serial,
            certificat.produit,
            certificat.spki_sha256,
            certificat.not_after,
            certificat.emis_le,
            certificat.revoque_le,
            certificat.raison_crl,
        )
        .where(_concerned(ids, keys))
        .order_by(certificat.id)
        .with_for_update(key_share=True)
    ).all()


def _with_certificate(rows: Sequence[Any], keys: Collection[bytes]) -> dict[bytes, int | None]:
    """Each key with one of its certificates, if there is one."""
    found: dict[bytes, int | None] = dict.fromkeys(keys)
    found.update((bytes(row.spki_sha256), row.id) for row in rows if row.spki_sha256 in found)
    return found


def _raison(row: Any, raisons: Mapping[int, str], keys: Collection[bytes]) -> str:  # noqa: ANN401 -- a row
    return KEY_COMPROMISE if row.spki_sha256 in keys else raisons[row.id]


def _judge(row: Any, raison: str, now: datetime) -> Revoked:  # noqa: ANN401 -- a row
    outcome = judge(raison, revoque_le=row.revoque_le, raison_crl=row.raison_crl, not_after=row.not_after, now=now)
    return Revoked(
        id_certificat=row.id,
        id_demande=row.id_demande,
        autorite=row.autorite,
        serial=row.serial,
        produit=row.produit,
        outcome=outcome,
        raison=raison if outcome.is_change else row.raison_crl,
        revoque_le=now if outcome is Outcome.REVOKED else row.revoque_le,
    )


def _update_certificats(session: Session, results: Iterable[Revoked], now: datetime) -> None:
    """One statement for each reason, kind of change and date."""
    certificat = tables.Certificat
    groups: dict[tuple[Outcome, str | None, datetime | None], list[int]] = defaultdict(list)
    for one in results:
        if one.outcome.is_change:
            date = one.revoque_le if one.outcome is Outcome.REVOKED else now
            groups[one.outcome, one.raison, date].append(one.id_certificat)
    for (outcome, raison, date), ids in groups.items():
        dated = certificat.revoque_le if outcome is Outcome.REVOKED else certificat.raison_modifiee_le
        for part in slices(ids):
            session.execute(
                update(certificat)
                .where(certificat.id.in_(part))
                .values({certificat.raison_crl: raison, dated: date})
                .execution_options(synchronize_session=False)
            )


def _settle_demandes(
    session: Session,
    demandes: Sequence[Any],
    rows: Sequence[Any],
    results: Sequence[Revoked],
    keys: Collection[bytes],
    now: datetime,
) -> tuple[int, ...]:
    """Take each demande to where its certificate is; gives those that were given up."""
    certificats = {row.id_demande: (row, one.revoque_le is not None) for row, one in zip(rows, results, strict=True)}
    steps: dict[Consequence, list[int]] = defaultdict(list)
    withdrawn: list[int] = []
    for numero, etat, produit in demandes:
        row, revoked = certificats.get(numero, (None, False))
        step = consequence(
            EtatDemande(etat),
            EtatProduit(produit) if produit else None,
            signed=row is not None and row.emis_le is not None,
            revoked=revoked,
            # Without a certificate it is here because of its key.
            blocked=row is None or row.spki_sha256 in keys,
        )
        if step is not None:
            steps[step].append(numero)
        if step is Consequence.REVOKE and etat == EtatDemande.CLOSE.value:
            withdrawn.append(numero)
    if steps[Consequence.GIVE_UP]:
        give_up(session, steps[Consequence.GIVE_UP], now, key_refusal())
    cancelled = steps[Consequence.CANCEL] + steps[Consequence.CANCEL_AND_REVOKE]
    transitions.move(session, CodeAction.CANCELLED, cancelled, now)
    # Who cancelled it himself has that notice; the revocation that follows from it is no news.
    owe(session, Avis.CANCELLED, cancelled, now)
    owe(session, Avis.REVOKED, withdrawn, now)
    ended = steps[Consequence.REVOKE] + steps[Consequence.CANCEL_AND_REVOKE]
    transitions.move(session, CodeAction.CERTIFICATE_REVOKED, ended, now)
    return tuple(steps[Consequence.GIVE_UP])
