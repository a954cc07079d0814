"""Keys revoked as compromised: nobody may present them again, on either plateforme, in no canal.

The truth is the revocation itself (keyCompromise); the table is what can be asked quickly. Who revokes calls
``block_compromised`` in the same transaction; the batch calls it again before each CRL, for whoever forgot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from registration.errors import Code, IgcError
from registration.slicing import slices
from registration.validation import Examined
from storage import tables
from storage.bulk import insert_rows

KEY_COMPROMISE = "keyCompromise"


def blocked_among(session: Session, keys: Iterable[bytes]) -> set[bytes]:
    """Which of these keys, each the SHA-256 of its SubjectPublicKeyInfo, are blocked."""
    table = tables.CleInterdite
    found: set[bytes] = set()
    for part in slices(list(keys)):
        found.update(
            bytes(key) for key in session.scalars(select(table.spki_sha256).where(table.spki_sha256.in_(part)))
        )
    return found


def refuse_blocked(session: Session, examined: Sequence[Examined]) -> None:
    """Append the refusal to every form whose key is blocked: one query for a whole page."""
    asked = [(item, item.csr.spki_sha256) for item in examined if item.csr is not None and not item.refusals]
    blocked = blocked_among(session, {key for _, key in asked})
    for item, key in asked:
        if key in blocked:
            item.refusals.append(IgcError(Code.CSR_REFUSED, champ="csr", raison="la clé est interdite."))


def block_compromised(session: Session, now: datetime) -> int:
    """Block the key of every certificate revoked for keyCompromise that is not blocked yet; gives their number."""
    certificat, blocked = tables.Certificat, tables.CleInterdite
    rows = session.execute(
        select(certificat.id, certificat.der)
        .outerjoin(blocked, blocked.id_certificat == certificat.id)
        .where(
            certificat.revoque_le.is_not(None),
            # Written out, so that the planner sees that the partial index serves.
            text(f"certificat.raison_crl = '{KEY_COMPROMISE}'"),
            certificat.der.is_not(None),
            blocked.spki_sha256.is_(None),
        )
    ).all()
    insert_rows(
        session,
        blocked,
        [{"spki_sha256": _spki_sha256(der or b""), "id_certificat": id_, "cree_le": now} for id_, der in rows],
        ignore_conflicts=True,
    )
    return len(rows)


def block_keys(session: Session, keys: Iterable[bytes], now: datetime) -> None:
    """Block keys known from elsewhere, each the SHA-256 of its SubjectPublicKeyInfo."""
    rows = [{"spki_sha256": key, "id_certificat": None, "cree_le": now} for key in sorted(set(keys))]
    insert_rows(session, tables.CleInterdite, rows, ignore_conflicts=True)


def _spki_sha256(der: bytes) -> bytes:
    key = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
