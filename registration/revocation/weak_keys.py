"""Certified keys that are broken in a way that one key, or one page of a lot, does not show: found, then revoked.

A prime shared with a key certified before, by whom and whenever, breaks both (pki/keys/shared_primes.py); a modulus
that is itself a prime hides nothing. Asked before the signature, the first would cost every key a look at all others,
and the second half a signature of RSA-4096. So the batch looks when nothing else waits, an hour after the signature at
the latest. Whoever knows a factor has the private key: the certificates of such keys are revoked for keyCompromise,
those of both holders, and the keys are blocked. Nobody can have somebody else's sound key revoked by this, for the
reasons that shared_primes.py gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import gcd

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from pki.certificates.reading import UNREADABLE
from pki.keys.key_policy import is_prime
from pki.keys.shared_primes import find_shared_primes, find_shared_with, product_of
from registration.life.outbox import is_anything_owed
from registration.revocation.revoking import revoke_keys
from storage import tables
from storage.bulk import slices
from storage.database import Database

log = structlog.get_logger()

AT_ONCE = 1_000
"""Keys of one look: five seconds of a core beside 100 000 certified before."""
_BLOCK = 4_096
_LATEST = timedelta(hours=1)
_PRIME = "clé faible : son module est un nombre premier"
_SHARED = "clé faible : facteur premier commun avec une autre clé certifiée"
_certificat, _bloc = tables.Certificat, tables.BlocCles
_UNEXAMINED = and_(_certificat.emis_le.is_not(None), _certificat.id_bloc.is_(None))


@dataclass(frozen=True, slots=True)
class _New:
    """Certificates whose keys nobody has looked at yet; ``keys`` are the moduli not certified before, by digest."""

    ids: list[int]
    keys: dict[int, bytes]


def any_due(db: Database, now: datetime) -> bool:
    """Whether certified keys wait to be looked at, and nothing else does, or they have waited for an hour."""
    with db.read() as session:
        oldest = session.scalar(select(_certificat.emis_le).where(_UNEXAMINED).order_by(_certificat.id).limit(1))
        return oldest is not None and (now - oldest >= _LATEST or not is_anything_owed(session))


def examine_some(db: Database, now: datetime) -> int:
    """Look at the keys of the next certificates, revoke those of weak ones; gives how many certificates were looked at.

    What is weak is revoked before anything is marked as seen: a crash between the two repeats the look. Of two looks
    at the same time, one marks nothing.
    """
    with db.read() as session:
        new = _read_new(session)
    weak = _find_weak(db, new)
    for motif, keys in weak.items():
        if keys:
            log.error("weak keys were certified", why=motif, keys=sorted(key.hex() for key in keys))
            with db.write() as session:
                revoke_keys(session, keys, now, motif)
    if new.ids:
        with db.write() as session:
            _mark(session, new)
    return len(new.ids)


def _read_new(session: Session) -> _New:
    rows = session.execute(
        select(_certificat.id, _certificat.spki_sha256, _certificat.der)
        .where(_UNEXAMINED)
        .order_by(_certificat.id)
        .limit(AT_ONCE)
    ).all()
    # The same key again, as on the other plateforme, shares no prime with itself: it is in a block already.
    known: set[bytes] = set()
    for part in slices(sorted({row.spki_sha256 for row in rows if row.spki_sha256 is not None})):
        found = session.scalars(
            select(_certificat.spki_sha256).where(_certificat.spki_sha256.in_(part), _certificat.id_bloc.is_not(None))
        )
        known |= {bytes(digest) for digest in found if digest is not None}
    fresh = ((row.der, bytes(row.spki_sha256)) for row in rows if row.spki_sha256 is not None)
    moduli = ((_modulus(der), digest) for der, digest in fresh if digest not in known)
    return _New([row.id for row in rows], {modulus: digest for modulus, digest in moduli if modulus is not None})


def _modulus(der: bytes | None) -> int | None:
    """The RSA modulus of a certificate; None for another key, and for bytes that are none, which the auditor names."""
    try:
        key = x509.load_der_x509_certificate(der or b"").public_key()
    except UNREADABLE:
        return None
    return key.public_numbers().n if isinstance(key, rsa.RSAPublicKey) else None


def _find_weak(db: Database, new: _New) -> dict[str, set[bytes]]:
    """The digests of weak keys by what is wrong with them; nothing is held meanwhile."""
    shared = {new.keys[modulus] for modulus in find_shared_primes(new.keys)}
    suspects = find_shared_with(new.keys, (product for _, product in _blocks(db)))
    if suspects:
        shared |= _look_closer(db, {modulus: new.keys[modulus] for modulus in suspects})
    return {_PRIME: {digest for modulus, digest in new.keys.items() if is_prime(modulus)}, _SHARED: shared}


def _look_closer(db: Database, suspects: Mapping[int, bytes]) -> set[bytes]:
    """The digests of those keys, and of keys seen before, that have a prime in common with one another."""
    weak: set[bytes] = set()
    for ident, product in _blocks(db):
        factors = {modulus: gcd(modulus, product % modulus) for modulus in suspects}
        # A proper factor is known now, whatever becomes of its other holder's certificate.
        weak |= {suspects[modulus] for modulus, factor in factors.items() if 1 < factor < modulus}
        for other, digest in _keys_of(db, ident) if any(factor != 1 for factor in factors.values()) else ():
            sharers = {suspects[modulus] for modulus in suspects if 1 < gcd(modulus, other) < modulus}
            weak |= sharers | {digest} if sharers else sharers
    return weak


def _keys_of(db: Database, bloc: int) -> list[tuple[int, bytes]]:
    """(modulus, digest) of each key of a block."""
    with db.read() as session:
        rows = session.execute(
            select(_certificat.der, _certificat.spki_sha256).where(_certificat.id_bloc == bloc)
        ).all()
    moduli = ((_modulus(der), bytes(digest)) for der, digest in rows if digest is not None)
    return [(modulus, digest) for modulus, digest in moduli if modulus is not None]


def _blocks(db: Database) -> Iterator[tuple[int, int]]:
    """(id, product) of each block, one in memory at a time."""
    with db.read() as session:
        ids = session.scalars(select(_bloc.id).order_by(_bloc.id)).all()
    for ident in ids:
        with db.read() as session:
            produit = session.scalars(select(_bloc.produit).where(_bloc.id == ident)).one()
        yield ident, int.from_bytes(produit, "big")


def _mark(session: Session, new: _New) -> None:
    """Put the keys into a block, and note it with their certificates; nothing when another look has done so."""
    waiting: list[int] = []
    for part in slices(new.ids):
        query = select(_certificat.id).where(_certificat.id.in_(part), _UNEXAMINED)
        waiting += session.scalars(query.order_by(_certificat.id).with_for_update(key_share=True))
    if waiting != new.ids:
        return
    bloc = session.scalar(select(_bloc).order_by(_bloc.id.desc()).limit(1).with_for_update(key_share=True))
    if bloc is None or bloc.nombre + len(new.keys) > _BLOCK:
        bloc = tables.BlocCles(nombre=0, produit=b"\x01")
        session.add(bloc)
    product = product_of([int.from_bytes(bloc.produit, "big"), *new.keys])
    bloc.nombre += len(new.keys)
    bloc.produit = product.to_bytes(-(-product.bit_length() // 8), "big")
    session.flush()  # the number of a new block
    for part in slices(new.ids):
        session.execute(
            update(_certificat)
            .where(_certificat.id.in_(part))
            .values(id_bloc=bloc.id)
            .execution_options(synchronize_session=False)
        )
