"""Where real parts are chosen: from the settings to a database, authorities, signers, and the use cases over them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from pki.authority import INDEX_NAME, Authority, key_hashes, load_authorities
from pki.key_list import load_key_list
from pki.key_policy import DEFAULT_POLICY as DEFAULT_KEYS
from pki.key_policy import KeyPolicy
from registration.authority import RegistrationAuthority
from registration.peers import PeerChecker
from registration.policy import LotPolicy
from registration.vocabulary import Plateforme
from runtime.secret_file import SecretFile
from runtime.settings import Settings
from storage.database import Database


def open_database(settings: Settings, auteur: str = "igc") -> Database:
    """The database of the settings; connects when first used. ``auteur`` names this process in the audit trail."""
    return Database(settings.database_dsn(), auteur=auteur)


def key_policy(settings: Settings) -> KeyPolicy:
    """Which public keys may be certified: none of our authorities', none of the lists of predictable keys.

    P-256 is admitted when every issuing authority of this plateforme admits it.
    """
    authorities = load_authorities(settings.pki.authorities_dir).values()
    blocked = key_hashes(authorities)
    issuing = [authority for authority in authorities if authority.products]
    return KeyPolicy(
        is_blocked=blocked.__contains__,
        is_listed=load_key_list(settings.pki.weak_key_files).holds,
        p256=bool(issuing) and all(authority.settings.p256 for authority in issuing),
    )


def lot_policy(settings: Settings, keys: KeyPolicy = DEFAULT_KEYS) -> LotPolicy:
    """How lots are taken and cut, and which keys may stand in them."""
    return LotPolicy(
        max_items=settings.ws.max_items,
        page_size=settings.batch.page_size,
        chunk_size=settings.batch.chunk_size,
        at_once=settings.batch.small_lot_limit,
        keys=keys,
    )


def batch_policy(settings: Settings, keys: KeyPolicy = DEFAULT_KEYS) -> BatchPolicy:
    """Leases, tries and window; the window keeps every worker busy without filling the queue."""
    return BatchPolicy(
        lease_seconds=settings.batch.lease_seconds,
        max_attempts=settings.batch.max_attempts,
        window=3 * settings.batch.worker_count(),
        idle_seconds=settings.batch.relay_seconds,
        crl_refresh=timedelta(minutes=settings.pki.crl_refresh_minutes),
        crl_validity=timedelta(hours=settings.pki.crl_validity_hours),
        crl_full_up_to=settings.pki.crl_full_up_to,
        crl_issuing_point=settings.pki.crl_issuing_point,
        ocsp_signer_life=timedelta(days=settings.publication.ocsp_signer_days),
        seal_every=timedelta(seconds=settings.pki.seal_seconds),
        lots=lot_policy(settings, keys),
    )


def load_client_authorities(settings: Settings) -> Mapping[str, Authority]:
    """Our authorities and every other hierarchy whose client certificates are recognised.

    The other plateforme's belong there, so that its certificates are told where they come from; only certificates of
    our own plateforme are ever accepted.
    """
    found = dict(load_authorities(settings.pki.authorities_dir))
    others: Path = settings.ws.client_ca_dir
    if others.is_dir():
        for folder in sorted(others.iterdir()):
            if (folder / INDEX_NAME).is_file():
                found.update(load_authorities(folder))
    return found


def trust_anchors(authorities: Mapping[str, Authority]) -> list[bytes]:
    """The certificates a TLS listener checks clients against, DER."""
    return [authority.certificate_der for authority in authorities.values()]


def registration_authority(settings: Settings, db: Database) -> RegistrationAuthority:
    """The use cases of this plateforme, for a canal."""
    plateforme = Plateforme(settings.plateforme)
    authorities = load_authorities(settings.pki.authorities_dir)
    return RegistrationAuthority(
        db,
        plateforme=plateforme,
        peers=PeerChecker(db, load_client_authorities(settings), plateforme),
        chains={name: authority.chain for name, authority in authorities.items()},
        policy=lot_policy(settings, key_policy(settings)),
    )


def responder_files(settings: Settings) -> DelegateFiles | None:
    """Where the OCSP responders have their keys; None when their pass phrase is not on this machine."""
    return _delegate_files(settings.publication.ocsp_keys_dir, settings.publication.ocsp_pass_phrase_file)


def seal_files(settings: Settings) -> DelegateFiles | None:
    """Where the audit seal has its key; None when its pass phrase is not on this machine."""
    return _delegate_files(settings.pki.seal_keys_dir, settings.pki.seal_pass_phrase_file)


def _delegate_files(folder: Path, secret: SecretFile) -> DelegateFiles | None:
    return DelegateFiles(folder, secret.read_text().encode()) if secret.path.exists() else None


def worker_context(settings: Settings, db: Database, name: str | None = None) -> WorkerContext:
    """What a worker process holds. Only here and in the ceremony are signing keys opened."""
    from commands.signing_keys import load_signers  # noqa: PLC0415 -- who does not sign loads nothing that could

    authorities = load_authorities(settings.pki.authorities_dir)
    return WorkerContext(
        db=db,
        worker=name or f"worker-{os.getpid()}",
        authorities=authorities,
        signers=load_signers(settings, authorities),
        publication=settings.pki.publication_dir,
        responders=responder_files(settings),
        seals=seal_files(settings),
        policy=batch_policy(settings, key_policy(settings)),
    )
