"""Keys revoked as compromised: nobody may present them again, on either plateforme, in no canal.

A revocation for keyCompromise blocks its key in the same transaction (revoking.py beside this), and the batch looks
again after each CRL whether a revocation without its block, or a block without its revocations, is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import bindparam, exists, select, text
from sqlalchemy.orm import Session

from registration.rules.revocation import KEY_COMPROMISE
from registration.vocabulary import Acte
from storage import tables
from storage.bulk import insert_rows, slices
from storage.trail import note

TOLD_AT_ONCE = 150
"""How many keys, or certificates, a line of the audit trail names: as many as the log keeps when it must hold them."""


# Made once: it is asked for every single demande.
_AMONG = select(tables.CleInterdite.spki_sha256).where(
    tables.CleInterdite.spki_sha256.in_(bindparam("keys", expanding=True))
)


def blocked_among(session: Session, keys: Iterable[bytes]) -> set[bytes]:
    """Which of these keys, each the SHA-256 of its SubjectPublicKeyInfo, are blocked."""
    connection, found = session.connection(), set[bytes]()
    for part in slices(keys):
        found.update(bytes(key) for key in connection.scalars(_AMONG, {"keys": part}))
    return found


def block_keys(session: Session, keys: Mapping[bytes, int | None], now: datetime, motif: str) -> None:
    """Block keys, each the SHA-256 of its SubjectPublicKeyInfo, with a certificate of it if there is one.

    What was blocked before stays as it is; what is new is told to the audit trail.
    """
    known = blocked_among(session, keys)
    new = {key: keys[key] for key in sorted(keys) if key not in known}
    rows = [{"spki_sha256": key, "id_certificat": ident, "cree_le": now} for key, ident in new.items()]
    insert_rows(session, tables.CleInterdite, rows, ignore_conflicts=True)
    for told in slices(new, TOLD_AT_ONCE):
        contenu = {"cles": [key.hex() for key in told], "motif": motif}
        note(session, Acte.KEY_BLOCKED.value, now, contenu, essential=False)


def find_unblocked(session: Session, limit: int) -> list[bytes]:
    """Keys of certificates revoked for keyCompromise that are not blocked."""
    certificat, blocked = tables.Certificat, tables.CleInterdite
    rows = session.scalars(
        select(certificat.spki_sha256)
        .outerjoin(blocked, blocked.spki_sha256 == certificat.spki_sha256)
        .where(
            certificat.revoque_le.is_not(None),
            # Written out, so that the planner sees that the partial index serves.
            text(f"certificat.raison_crl = '{KEY_COMPROMISE}'"),
            certificat.spki_sha256.is_not(None),
            blocked.spki_sha256.is_(None),
        )
        .limit(limit)
    )
    return [bytes(key) for key in rows if key is not None]


def find_certified(session: Session, now: datetime, limit: int) -> list[bytes]:
    """Blocked keys with a certificate that is in force and not revoked."""
    certificat, blocked = tables.Certificat, tables.CleInterdite
    # A question for each blocked key, so that the table of all certificates is never gone through.
    in_force = exists().where(
        certificat.spki_sha256 == blocked.spki_sha256, certificat.revoque_le.is_(None), certificat.not_after > now
    )
    return [bytes(key) for key in session.scalars(select(blocked.spki_sha256).where(in_force).limit(limit))]
