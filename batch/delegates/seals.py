"""Seal the audit trail: lines that vouch for the history, then a signed checkpoint of all lines.

A checkpoint says: up to this line, this is what the trail was. Its empreinte also goes to the marks of this machine and
to the log of the process, so that somebody outside of the database holds it too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import Row, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.delegates.keys import is_known, is_revoked, make_delegate
from batch.past.marks import Mark, Marks, advance, drawn_lists, held, read_marks, write_marks
from pki.certificates.serials import serial_hex
from pki.delegates.delegated import DelegatedSigner, load_delegated_signer, signer_file
from pki.delegates.seal import SEAL, checkpoint_text
from pki.errors import SignerError
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
                # It takes the lock and looks, by a right that this account does not have.
                return session.scalar(select(func.historique_settled())) or 0
            return session.scalar(select(func.max(tables.Historique.id))) or 0
    except OperationalError:
        log.info("the history is busy, its seal waits")
        return 0


def _seal_block(context: WorkerContext, bound: int) -> int:
    """Vouch for the next lines up to ``bound``, in the order of the trail's lock; gives how many they were."""
    head, line = tables.TeteAudit, tables.Historique
    columns = [column for column in line.__table__.columns if column is not line.__table__.c.id]
    with context.db.write() as session:
        first = (session.scalar(select(head.historique).with_for_update(key_share=True)) or 0) + 1
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

    The marks of this machine remember it: the next checkpoint is refused unless it goes on from there, whatever the
    database says by then. TrailError when the lines since do not follow: what is broken is not vouched for.
    """
    if context.seals is None or context.marks is None:
        return None
    with held(context.marks, wait=False) as mine:
        # Another process of this machine is at it.
        return _sign_checkpoint(context, context.seals, context.marks) if mine else None


def _sign_checkpoint(context: WorkerContext, files: DelegateFiles, path: Path) -> int | None:
    head, checkpoint = tables.TeteAudit, tables.Scellement
    marks = read_marks(path)
    mark = marks.piste if marks is not None else None
    with context.db.read() as session:
        numero, digest = session.execute(select(head.numero, head.empreinte)).one()
        last = session.execute(
            select(checkpoint.numero, checkpoint.empreinte).order_by(checkpoint.numero.desc()).limit(1)
        ).one_or_none()
        sealed, known = (last.numero, bytes(last.empreinte)) if last else (0, bytes(32))
        if mark is not None:
            # Not from what the database says was sealed: who rewrote the one could rewrite the other.
            sealed, known = mark.numero, bytes.fromhex(mark.empreinte)
        elif last is not None:
            log.warning("no marks of the audit trail here, it is believed as it is", numero=last.numero)
        _check_lines(session, sealed, known, numero, digest)
    if numero == (last.numero if last else 0):
        _remember(context, path, marks, Mark(numero=numero, empreinte=digest.hex(), date=context.clock()))
        return None
    signer = _seal_signer(context, files)
    if signer is None:
        return None
    now = context.clock()
    row = {
        "numero": numero,
        "empreinte": digest,
        "date": now,
        "autorite": signer.authority,
        "serial": serial_hex(signer.certificate.serial_number),
        "signature": signer.sign(checkpoint_text(numero, digest, now)),
    }
    with context.db.write() as session:
        insert_rows(session, checkpoint, [row], ignore_conflicts=True)
    _remember(context, path, marks, Mark(numero=numero, empreinte=digest.hex(), date=now))
    log.info("audit checkpoint", numero=numero, empreinte=digest.hex(), autorite=signer.authority)
    return numero


def _remember(context: WorkerContext, path: Path, marks: Marks | None, mark: Mark) -> None:
    """Put what is new into the marks; the first line is nothing to remember."""
    if mark.numero == 0 or (marks is not None and marks.piste is not None and marks.piste.numero >= mark.numero):
        return
    write_marks(path, advance(marks, mark, {}, drawn_lists(context.db)))


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
    """The seal of this machine, made when it is missing, unreadable, out of service, or has lived half of its life."""
    autorite = _sealing_authority(context)
    if autorite is None:
        return None
    file = signer_file(SEAL, files.folder, autorite)
    for may_make in (True, False):
        try:
            signer = load_delegated_signer(SEAL, context.authorities[autorite], file, files.passphrase)
            _check_in_service(context, signer)
        except SignerError as error:
            if not may_make:
                raise
            log.info("no audit seal yet", autorite=autorite, why=str(error))
        else:
            if signer.not_before <= context.clock() < signer.not_before + context.policy.seal_life / 2 or not may_make:
                return signer
        make_delegate(context, files, SEAL, autorite, context.policy.seal_life, lambda *_claimed: True)
    return None


def _check_in_service(context: WorkerContext, signer: DelegatedSigner) -> None:
    """SignerError for a certificate that is revoked, and for one that a restored database does not know any more."""
    serial = serial_hex(signer.certificate.serial_number)
    with context.db.read() as session:
        if is_revoked(session, signer.authority, serial) or not is_known(session, signer.authority, serial):
            raise SignerError(f"{signer.authority} : le certificat du sceau d'audit est révoqué ou inconnu")


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
