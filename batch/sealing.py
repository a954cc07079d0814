"""Seal the audit trail: lines that vouch for the history, then a signed checkpoint of all lines.

A checkpoint says: up to this line, this is what the trail was. Its empreinte also goes to the log of the process, so
that somebody outside the database holds it too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import Row, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.delegates import is_revoked, make_delegate
from pki.delegated import DelegatedSigner, load_delegated_signer, signer_file
from pki.errors import SignerError
from pki.seal import SEAL, checkpoint_text
from pki.serials import serial_hex
from registration.vocabulary import Acte
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from storage.trail import TrailError, line_digest, note

log = structlog.get_logger()

# Lines of the history that one line of the trail vouches for, at most.
_BLOCK = 1_000
_LOCATOR_OCTETS = 4
_LINES_AT_ONCE = 200


def any_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    """Whether something is not sealed, and the last checkpoint is old or bears the date of a clock since set back."""
    head, line, checkpoint = tables.TeteAudit, tables.Historique, tables.Scellement
    with db.read() as session:
        numero, historique = session.execute(select(head.numero, head.historique)).one()
        last = session.execute(
            select(checkpoint.numero, checkpoint.date).order_by(checkpoint.numero.desc()).limit(1)
        ).one_or_none()
        behind = (session.scalar(select(func.max(line.id))) or 0) > historique
    if last is None:
        return behind or numero > 0
    return (behind or numero > last.numero) and not now - policy.seal_every < last.date <= now


def seal(context: WorkerContext) -> None:
    """Seal what is new; several processes may be at it. TrailError when the trail is not what the last seal saw."""
    seal_history(context)
    sign_checkpoint(context)


def seal_history(context: WorkerContext) -> int:
    """Vouch in the trail for every line of the history that is committed; gives their number."""
    bound = _last_settled(context.db)
    sealed = 0
    while count := _seal_block(context, bound):
        sealed += count
    return sealed


def _last_settled(db: Database) -> int:
    """A line of the history up to which no other can appear any more; 0 when that cannot be known now.

    PostgreSQL hands numbers out before the commit: who holds the lock below has waited for all of them.
    """
    try:
        with db.write() as session:
            if db.engine.dialect.name == "postgresql":
                session.execute(text("SET LOCAL lock_timeout = '2s'"))
                session.execute(text("LOCK TABLE historique IN SHARE MODE"))
            return session.scalar(select(func.max(tables.Historique.id))) or 0
    except OperationalError:
        log.info("the history is busy, its seal waits")
        return 0


def _seal_block(context: WorkerContext, bound: int) -> int:
    """Vouch for the next lines up to ``bound``, in the order of the trail's lock; gives how many they were."""
    head, line = tables.TeteAudit, tables.Historique
    columns = [column for column in line.__table__.columns if column is not line.__table__.c.id]
    with context.db.write() as session:
        first = (session.scalar(select(head.historique).with_for_update()) or 0) + 1
        rows = session.execute(
            select(line.id, *columns).where(line.id.between(first, bound)).order_by(line.id).limit(_BLOCK)
        ).all()
        if not rows:
            return 0
        last = rows[-1].id
        note(session, Acte.HISTORY.value, context.clock(), _vouch(first, last, rows))
        session.execute(update(head).values(historique=last))
    return len(rows)


def _vouch(first: int, last: int, rows: Sequence[Row[tuple[object, ...]]]) -> dict[str, object]:
    """What a line of the trail says of lines of the history: enough to prove a change, and to find where it is."""
    digests = [row_digest(row) for row in rows]
    return {
        "de": first,
        "a": last,
        "nombre": len(rows),
        "sha256": hashlib.sha256(b"".join(digests)).hexdigest(),
        "reperes": b"".join(digest[:_LOCATOR_OCTETS] for digest in digests).hex(),
    }


def row_digest(row: Sequence[object]) -> bytes:
    """SHA-256 over the values of a line in the order of its columns, a JSON array; dates in UTC to the microsecond."""
    values = [value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value for value in row]
    return hashlib.sha256(msgspec.json.encode(values)).digest()


def sign_checkpoint(context: WorkerContext) -> int | None:
    """Sign where the trail ends now, and give that line's numero; None when nothing is new or no seal can be had.

    TrailError when the lines since the last checkpoint do not follow from it: what is broken is not vouched for.
    """
    if context.seals is None:
        return None
    head, checkpoint = tables.TeteAudit, tables.Scellement
    with context.db.read() as session:
        numero, digest = session.execute(select(head.numero, head.empreinte)).one()
        last = session.execute(
            select(checkpoint.numero, checkpoint.empreinte).order_by(checkpoint.numero.desc()).limit(1)
        ).one_or_none()
        if numero == (last.numero if last else 0):
            return None
        _check_lines(session, last.numero if last else 0, last.empreinte if last else bytes(32), numero, digest)
    signer = _seal_signer(context, context.seals)
    if signer is None:
        return None
    now = context.clock()
    signature = signer.sign(checkpoint_text(numero, digest, now))
    row = {
        "numero": numero,
        "empreinte": digest,
        "date": now,
        "autorite": signer.authority,
        "serial": serial_hex(signer.certificate.serial_number),
        "signature": signature,
    }
    with context.db.write() as session:
        insert_rows(session, checkpoint, [row], ignore_conflicts=True)
    log.info("audit checkpoint", numero=numero, empreinte=digest.hex(), autorite=signer.authority)
    return numero


def _check_lines(session: Session, numero: int, digest: bytes, end: int, wanted: bytes) -> None:
    line = tables.PisteAudit
    while numero < end:
        rows = session.scalars(
            select(line).where(line.numero > numero, line.numero <= end).order_by(line.numero).limit(_LINES_AT_ONCE)
        ).all()
        if not rows:
            break
        for row in rows:
            digest = line_digest(digest, row.numero, row.date, row.acte, row.auteur, row.contenu)
            if row.numero != numero + 1 or row.empreinte != digest:
                raise TrailError(f"the audit trail is broken at line {numero + 1}")
            numero = row.numero
        session.expunge_all()
    if numero != end or digest != wanted:
        raise TrailError(f"the audit trail is broken at line {numero + 1}")


def _seal_signer(context: WorkerContext, files: DelegateFiles) -> DelegatedSigner | None:
    """The seal of this machine, made when it is missing, unreadable, revoked, or has lived half of its life."""
    autorite = _sealing_authority(context)
    if autorite is None:
        return None
    file = signer_file(SEAL, files.folder, autorite)
    for may_make in (True, False):
        try:
            signer = load_delegated_signer(SEAL, context.authorities[autorite], file, files.passphrase)
            _check_not_revoked(context, signer)
        except SignerError as error:
            if not may_make:
                raise
            log.info("no audit seal yet", autorite=autorite, why=str(error))
        else:
            if signer.not_before <= context.clock() < signer.not_before + context.policy.seal_life / 2 or not may_make:
                return signer
        make_delegate(context, files, SEAL, autorite, context.policy.seal_life, lambda *_claimed: True)
    return None


def _check_not_revoked(context: WorkerContext, signer: DelegatedSigner) -> None:
    with context.db.read() as session:
        if is_revoked(session, signer.authority, serial_hex(signer.certificate.serial_number)):
            raise SignerError(f"{signer.authority}: the certificate of the audit seal is revoked")


def _sealing_authority(context: WorkerContext) -> str | None:
    """Of the issuing authorities whose key is here: one that certifies seals of structures, else any, the newest."""
    now = context.clock()
    able = [
        authority
        for name, authority in context.authorities.items()
        if name in context.signers and authority.products and authority.not_before <= now < authority.not_after
    ]
    if not able:
        return None
    best = max(reversed(able), key=lambda authority: ("ORG_SIGN" in authority.products, authority.not_before))
    return best.short_name
