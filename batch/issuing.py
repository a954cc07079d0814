"""Sign the certificates of a chunk of demandes.

Step 1: read what is to be signed. Step 2: prepare serial and bytes. Step 3: one transaction hands the demandes to
the CA core (Transmise) and stores serial and bytes. Step 4: lint and sign. Step 5: one transaction stores the
certificates (À retirer) and settles what the outbox owed. A crash anywhere leaves rows from which the next run goes
on: stored bytes are signed again, and RSA PKCS#1 v1.5 gives the same certificate, never a second one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

import msgspec
import structlog
from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.orm import Session

from batch.context import WorkerContext
from batch.told import tell_intents, tell_issued, tell_refused
from pki.errors import LintError, ProfileError
from pki.issuance import IssuedCertificate, LintedCertificate, PreparedCertificate, issue, lint, prepare, restore
from pki.serials import new_serial, serial_hex
from registration import history
from registration.cancellation import revoke_signed
from registration.giving_up import give_up, key_refusal
from registration.revocation import set_demandes
from registration.validation import content_of
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit, Plateforme
from storage import tables
from storage.bulk import insert_rows

log = structlog.get_logger()

_OPEN = (EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value)


@dataclass(frozen=True, slots=True)
class _Work:
    """A demande to sign: its plateforme, stored content and public key; ``stored`` when a run got as far before."""

    numero: int
    plateforme: Plateforme
    contenu: dict[str, Any]
    spki: bytes
    stored: PreparedCertificate | None


def issue_chunk(context: WorkerContext, numeros: Sequence[int], outbox_ids: Sequence[int] = ()) -> int:
    """Sign what of ``numeros`` still waits; gives the number of certificates stored. Safe to run twice or in parallel.

    A demande that the profile or the lint refuses becomes Non traitée; a signer that fails raises SignerError and
    the chunk is tried again. ``outbox_ids`` are settled in the last transaction.
    """
    work, unfit, blocked = _read(context, numeros)
    prepared, refused = _prepare(context, work)
    prepared, damaged = _hand_over(context, work, prepared)
    refused += unfit + damaged
    # The whole chunk is linted before the first signature: in turns, a signature of RSA-4096 drives the lint out of
    # the processor's caches and more than doubles its cost.
    linted: dict[int, LintedCertificate] = {}
    for numero, item in prepared.items():
        try:
            linted[numero] = lint(item, context.authorities[item.issuer])
        except LintError as error:
            log.exception("lint refused a certificate", numero=numero, findings=error.findings)
            refused.append(numero)
    issued = {numero: _sign(context, item) for numero, item in linted.items()}
    return _store(context, issued, refused, blocked, outbox_ids)


def _read(context: WorkerContext, numeros: Sequence[int]) -> tuple[list[_Work], list[int], list[int]]:
    """What is to be signed, and the demandes that cannot be: stored bytes that are damaged, a blocked key."""
    demande, cle, certificat = tables.Demande, tables.ClePublique, tables.Certificat
    forbidden = tables.CleInterdite
    with context.db.read() as session:
        rows = session.execute(
            select(
                demande.id,
                demande.plateforme,
                demande.contenu,
                cle.spki,
                certificat.tbs,
                certificat.autorite,
                certificat.produit,
                forbidden.spki_sha256.is_not(None),
            )
            .join(cle, cle.id_demande == demande.id)
            .outerjoin(certificat, certificat.id_demande == demande.id)
            .outerjoin(forbidden, forbidden.spki_sha256 == cle.spki_sha256)
            .where(demande.id.in_(numeros), demande.etat.in_(_OPEN), demande.etat_produit.is_(None))
            .order_by(demande.id)
        ).all()
    work: list[_Work] = []
    refused: list[int] = []
    blocked: list[int] = []
    for numero, plateforme, contenu, spki, tbs, autorite, produit, is_blocked in rows:
        if is_blocked:
            # Blocked between validation and now.
            log.error("blocked key refused", numero=numero)
            blocked.append(numero)
            continue
        stored = None
        if tbs is not None:
            stored = _restore(numero, tbs, autorite, produit)
            if stored is None:
                refused.append(numero)
                continue
        work.append(_Work(numero, Plateforme(plateforme), contenu or {}, spki, stored))
    return work, refused, blocked


def _restore(numero: int, tbs: bytes, autorite: str, produit: str) -> PreparedCertificate | None:
    """The stored bytes as they were prepared; None when they are no certificate: one demande must not sink a chunk."""
    try:
        return restore(tbs, autorite, produit)
    except LintError as error:
        log.exception("stored bytes cannot be read", numero=numero, findings=error.findings)
        return None


def _prepare(context: WorkerContext, work: Iterable[_Work]) -> tuple[dict[int, PreparedCertificate], list[int]]:
    prepared: dict[int, PreparedCertificate] = {}
    refused: list[int] = []
    now = context.clock()
    issuer_of = cache(context.issuer_of)
    for item in work:
        if item.stored is not None:
            prepared[item.numero] = item.stored
            continue
        try:
            content = content_of(item.contenu)
            authority = issuer_of(item.plateforme, content.product)
            prepared[item.numero] = prepare(authority, content, item.spki, new_serial(), now)
        except (ProfileError, msgspec.ValidationError):
            log.exception("profile refused a demande", numero=item.numero)
            refused.append(item.numero)
    return prepared, refused


def _hand_over(
    context: WorkerContext, work: Sequence[_Work], prepared: Mapping[int, PreparedCertificate]
) -> tuple[dict[int, PreparedCertificate], list[int]]:
    """Store serial and bytes of every demande still open; gives what is really to be signed, and what is damaged."""
    fresh = [item.numero for item in work if item.stored is None and item.numero in prepared]
    result = {item.numero: item.stored for item in work if item.stored is not None}
    if not fresh:
        return result, []
    damaged: list[int] = []
    demande, certificat = tables.Demande, tables.Certificat
    now = context.clock()
    with context.db.write() as session:
        # The lock makes a parallel run of the same chunk wait here; it then finds the other one's bytes.
        found = session.execute(
            select(demande.id, demande.etat)
            .where(demande.id.in_(fresh), demande.etat.in_(_OPEN), demande.etat_produit.is_(None))
            .order_by(demande.id)  # the order in which everybody locks demandes
            .with_for_update()
        )
        still_open = {row.id: row.etat for row in found}
        stored = session.execute(
            select(certificat.id_demande, certificat.tbs, certificat.autorite, certificat.produit).where(
                certificat.id_demande.in_(still_open)
            )
        ).all()
        known = {numero for numero, *_ in stored}
        for numero, tbs, autorite, produit in stored:
            if numero is not None and tbs is not None:
                theirs = _restore(numero, tbs, autorite, produit)
                if theirs is None:
                    damaged.append(numero)
                else:
                    result[numero] = theirs
        mine = [numero for numero in still_open if numero not in known]
        keys = {item.numero: item.spki for item in work}
        intents = [_intent(numero, prepared[numero], keys[numero]) for numero in mine]
        insert_rows(session, tables.Certificat, intents)
        tell_intents(session, now, [(row["id_demande"], row["autorite"], row["serial"], row["tbs"]) for row in intents])
        handed = [numero for numero in mine if still_open[numero] == EtatDemande.VALIDEE.value]
        set_demandes(session, handed, now, etat=EtatDemande.TRANSMISE.value)
        history.append_system(session, handed, now, CodeAction.HANDED_TO_CA, EtatDemande.TRANSMISE)
    result.update((numero, prepared[numero]) for numero in mine)
    return result, damaged


def _intent(numero: int, item: PreparedCertificate, spki: bytes) -> dict[str, Any]:
    return {
        "id_demande": numero,
        "autorite": item.issuer,
        "serial": serial_hex(item.serial),
        "produit": item.product,
        "tbs": item.tbs,
        "spki_sha256": hashlib.sha256(spki).digest(),
        "not_before": item.not_before,
        "not_after": item.not_after,
    }


def _sign(context: WorkerContext, item: LintedCertificate) -> IssuedCertificate:
    return issue(item, context.signers[item.prepared.issuer])


def _store(
    context: WorkerContext,
    issued: Mapping[int, IssuedCertificate],
    refused: Sequence[int],
    blocked: Sequence[int],
    outbox_ids: Sequence[int],
) -> int:
    demande = tables.Demande
    now = context.clock()
    with context.db.write() as session:
        if outbox_ids:
            # First, because the relay too locks a row of the outbox before the demandes that it gives up.
            session.execute(delete(tables.Outbox).where(tables.Outbox.id.in_(outbox_ids)))
        found = session.execute(
            select(demande.id, demande.etat, demande.etat_produit)
            .where(demande.id.in_([*issued, *refused, *blocked]))
            .order_by(demande.id)
            .with_for_update()
        ).all()
        etats = {numero: etat for numero, etat, _produit in found}
        waiting = {numero for numero, etat, produit in found if etat in _OPEN and produit is None}
        unsigned = _unsigned(session, list(issued))
        mine = [numero for numero in issued if numero in unsigned]
        _store_certificates(session, {numero: issued[numero] for numero in mine}, now)
        told = [(numero, issued[numero]) for numero in mine]
        tell_issued(session, now, [(numero, each.issuer, serial_hex(each.serial), each.der) for numero, each in told])
        available = [numero for numero in mine if etats[numero] == EtatDemande.TRANSMISE.value and not unsigned[numero]]
        set_demandes(session, available, now, etat_produit=EtatProduit.A_RETIRER.value)
        history.append_system(session, available, now, CodeAction.ISSUED, EtatDemande.TRANSMISE)
        # Cancelled, given up or revoked while it was being signed: it must not stay valid.
        revoke_signed(session, [numero for numero in mine if numero not in set(available)], now)
        give_up(session, [numero for numero in refused if numero in waiting], now)
        give_up(session, [numero for numero in blocked if numero in waiting], now, key_refusal())
        tell_refused(session, now, [numero for numero in (*refused, *blocked) if numero in waiting])
    return len(mine)


def _unsigned(session: Session, numeros: Sequence[int]) -> dict[int | None, datetime | None]:
    """Those whose certificate is not stored yet, with the moment at which it was revoked all the same."""
    certificat = tables.Certificat
    rows = session.execute(
        select(certificat.id_demande, certificat.revoque_le).where(
            certificat.id_demande.in_(numeros), certificat.emis_le.is_(None)
        )
    )
    return {row.id_demande: row.revoque_le for row in rows}


_UPDATE_CERTIFICAT = (
    update(cast("Table", tables.Certificat.__table__))
    .where(cast("Table", tables.Certificat.__table__).c.id_demande == bindparam("numero"))
    .values(der=bindparam("der_"), emis_le=bindparam("now"), tbs=None)
)


def _store_certificates(session: Session, issued: Mapping[int, IssuedCertificate], now: datetime) -> None:
    """The signed bytes contain the prepared ones, which are dropped."""
    if issued:
        session.execute(
            _UPDATE_CERTIFICAT,
            [{"numero": numero, "der_": certificate.der, "now": now} for numero, certificate in issued.items()],
        )
