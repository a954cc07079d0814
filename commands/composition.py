"""Where real parts are chosen: from the settings to a database, authorities, signers, and the use cases over them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.past.evidence import Evidence
from batch.past.guard import Guard
from batch.past.marks import FILE_NAME
from commands.textes import read_textes
from pki.authority import INDEX_NAME, Authority, key_hashes, load_authorities
from pki.errors import AuthorityError
from pki.keys.key_list import load_key_list
from pki.keys.key_policy import KeyPolicy
from registration.acteurs.identity import PeerChecker
from registration.authority import RegistrationAuthority
from registration.authority.revocations import RevocationsParCode
from registration.directory.completing import Completing
from registration.directory.port import Directory
from registration.directory.tables import TablesDirectory
from registration.policy import LotPolicy
from registration.retraits.textes import FichierTexte
from registration.rules.code_tries import TryPolicy
from registration.rules.issuers import issuer_names
from registration.values import Textes
from registration.vocabulary import Plateforme
from runtime.clock import shift_clock, system_clock
from runtime.logs import configure
from runtime.secret_file import SecretFile
from runtime.settings.model import Settings
from storage.database import Database
from storage.refusals import refusals_told
from storage.waits import BATCH, Waits

if TYPE_CHECKING:
    from registration.exploitation.desk import Exploitation
    from registration.exploitation.views import AlarmLine

log = structlog.get_logger()
_AHEAD_SECONDS = 30


@dataclass(frozen=True)
class Instance:
    """Settings, database and authorities of one process: each opened when first used, and then for good.

    ``auteur`` names this process in the audit trail; ``waits`` says how long it waits for the database.
    """

    settings: Settings
    auteur: str = "igc"
    waits: Waits = BATCH

    @cached_property
    def plateforme(self) -> Plateforme:
        """TEST or PRODUCTION."""
        return Plateforme(self.settings.plateforme)

    @cached_property
    def db(self) -> Database:
        """The database of the settings; connects when first used."""
        return Database(self.settings.database_dsn(), auteur=self.auteur, waits=self.waits)

    @cached_property
    def authorities(self) -> Mapping[str, Authority]:
        """Our authorities by short name; AuthorityError when they cannot be read."""
        return load_authorities(self.settings.pki.authorities_dir)

    @cached_property
    def client_authorities(self) -> Mapping[str, Authority]:
        """Our authorities and every other hierarchy whose client certificates are recognised.

        The other plateforme's belong there, so that its certificates are told where they come from; only certificates
        of our own plateforme are ever accepted. AuthorityError when one short name stands for two authorities.
        """
        found = dict(self.authorities)
        places = dict.fromkeys(found, self.settings.pki.authorities_dir)
        others: Path = self.settings.ws.client_ca_dir
        for folder in sorted(others.iterdir()) if others.is_dir() else ():
            if not (folder / INDEX_NAME).is_file():
                continue
            for name, authority in load_authorities(folder).items():
                if found.setdefault(name, authority).certificate_der != authority.certificate_der:
                    where = f"l'une dans {places[name]}, l'autre dans {folder}"
                    raise AuthorityError(f"{name} : deux AC différentes ont ce nom court, {where}")
                places.setdefault(name, folder)
        return found

    @cached_property
    def trust_anchors(self) -> list[bytes]:
        """The certificates a TLS listener checks clients against, DER."""
        return [authority.certificate_der for authority in self.client_authorities.values()]

    @cached_property
    def key_policy(self) -> KeyPolicy:
        """Which public keys may be certified: none of our authorities', none of the lists of predictable keys.

        P-256 is admitted when every issuing authority of this plateforme admits it.
        """
        authorities = self.authorities.values()
        issuing = [authority for authority in authorities if authority.products]
        return KeyPolicy(
            is_blocked=key_hashes(authorities).__contains__,
            is_listed=load_key_list(self.settings.pki.weak_key_files).holds,
            p256=bool(issuing) and all(authority.settings.p256 for authority in issuing),
        )

    @cached_property
    def lot_policy(self) -> LotPolicy:
        """How lots are taken and cut, and which keys may stand in them."""
        return LotPolicy(
            max_items=self.settings.ws.max_items,
            page_size=self.settings.batch.page_size,
            chunk_size=self.settings.batch.chunk_size,
            at_once=self.settings.batch.small_lot_limit,
            keys=self.key_policy,
            ps_upn_domains=self.settings.registration.ps_upn_domains,
            completion=self.completion,
            renewal_window=timedelta(days=self.settings.registration.renewal_window_days),
            issuers=issuer_names(self.authorities),
            delai_retrait=timedelta(days=self.settings.registration.retrait_days),
            grace_retrait=timedelta(days=self.settings.registration.retrait_grace_days),
        )

    @cached_property
    def directory(self) -> Directory:
        """Where structures and persons are looked for: the tables, or the LDAP server of the settings."""
        section = self.settings.directory
        if section.source == "tables":
            return TablesDirectory(self.db, self.plateforme)
        from batch.directory.ldap import LdapDirectory  # noqa: PLC0415 -- its package is not everywhere

        return LdapDirectory(section.ldap)

    @cached_property
    def completion(self) -> Completing | None:
        """How whom the tables do not know is asked for elsewhere; None where there is no elsewhere."""
        section = self.settings.directory
        if section.source == "tables":
            return None
        return Completing(
            self.db,
            self.directory,
            self.plateforme,
            fresh_seconds=section.ldap.fresh_seconds,
            retry_seconds=section.ldap.retry_seconds,
        )

    @cached_property
    def batch_policy(self) -> BatchPolicy:
        """Leases, tries and window; the window keeps every worker busy without filling the queue."""
        settings = self.settings
        return BatchPolicy(
            lease_seconds=settings.batch.lease_seconds,
            max_attempts=settings.batch.max_attempts,
            window=3 * settings.batch.worker_count(),
            idle_seconds=settings.batch.relay_seconds,
            crl_refresh=timedelta(minutes=settings.pki.crl_refresh_minutes),
            crl_validity=timedelta(hours=settings.pki.crl_validity_hours),
            crl_full_up_to=settings.pki.crl_full_up_to,
            crl_rebuild=timedelta(hours=settings.pki.crl_rebuild_hours),
            crl_issuing_point=settings.pki.crl_issuing_point,
            backdate=timedelta(minutes=settings.pki.backdate_minutes),
            ocsp_signer_life=timedelta(days=settings.publication.ocsp_signer_days),
            seal_every=timedelta(seconds=settings.pki.seal_seconds),
            lots=self.lot_policy,
        )

    @cached_property
    def textes(self) -> tuple[FichierTexte, FichierTexte]:
        """CGU and PC in force, with their content."""
        return read_textes(self.settings)

    @cached_property
    def registration_authority(self) -> RegistrationAuthority:
        """The use cases of this plateforme, for a canal."""
        return RegistrationAuthority(
            self.db,
            plateforme=self.plateforme,
            peers=PeerChecker(self.db, self.client_authorities, self.plateforme),
            chains={name: authority.chain for name, authority in self.authorities.items()},
            textes=Textes(cgu=self.textes[0].texte, pc=self.textes[1].texte),
            policy=self.lot_policy,
            directory=self.directory,
        )

    @cached_property
    def exploitation(self) -> Exploitation:
        """The operators' room of the portal; no other process so much as loads it."""
        from registration.exploitation.desk import Exploitation  # noqa: PLC0415 -- the portal's alone

        return Exploitation(self.db, system_clock, self.plateforme, self.client_authorities, self._alarm_lines)

    def _alarm_lines(self) -> list[AlarmLine]:
        from commands.checks.check_publication import as_line, find_all  # noqa: PLC0415 -- it stands above

        return [as_line(alarm) for alarm in find_all(self)]

    @cached_property
    def par_code(self) -> RevocationsParCode:
        """Revocation by code, all that the site without login may reach."""
        section = self.settings.sans_login
        policy = TryPolicy(
            per_address=section.tries_per_address,
            per_certificate=section.tries_per_certificate,
            per_second=section.checks_per_second,
            burst=_AHEAD_SECONDS * section.checks_per_second,
        )
        chains = {name: authority.chain for name, authority in self.authorities.items()}
        return RevocationsParCode(self.db, system_clock, self.plateforme, chains, policy)

    @property
    def marks_file(self) -> Path:
        """Where a worker of this machine keeps its marks of trail and numbers."""
        return self.settings.pki.seal_keys_dir / FILE_NAME

    @cached_property
    def evidence(self) -> Evidence:
        """What this process can read of what the database must not contradict."""
        return Evidence(self.authorities, self.settings.pki.publication_dir, self.marks_file, own=False)

    @cached_property
    def guard(self) -> Guard:
        """Stops the plateforme when it finds itself in the past."""
        return Guard(self.db, self.evidence, system_clock)

    @property
    def responder_files(self) -> DelegateFiles | None:
        """Where the OCSP responders have their keys; None when their pass phrase is not on this machine."""
        section = self.settings.publication
        return _delegate_files(section.ocsp_keys_dir, section.ocsp_pass_phrase_file)

    @property
    def seal_files(self) -> DelegateFiles | None:
        """Where the audit seal has its key; None when its pass phrase is not on this machine."""
        return _delegate_files(self.settings.pki.seal_keys_dir, self.settings.pki.seal_pass_phrase_file)

    def worker_context(self, name: str | None = None) -> WorkerContext:
        """What a worker process holds. Only here and in the ceremony are signing keys opened."""
        from commands.signing_keys import load_signers  # noqa: PLC0415 -- who does not sign loads nothing that could

        return WorkerContext(
            db=self.db,
            worker=name or f"worker-{os.getpid()}",
            authorities=self.authorities,
            signers=load_signers(self.settings, self.authorities),
            publication=self.settings.pki.publication_dir,
            responders=self.responder_files,
            seals=self.seal_files,
            policy=self.batch_policy,
        )

    def close(self) -> None:
        """Close the connections to the database, if there are any."""
        if "db" in self.__dict__:
            self.db.dispose()


def load_settings(config: Path | None) -> Settings:
    """The settings of this process, whose clock goes from now on as they say (``clock_shift_seconds``)."""
    settings = Settings.load(config)
    shift_clock(timedelta(seconds=settings.clock_shift_seconds))
    return settings


@contextmanager
def opened(settings: Settings, auteur: str = "igc", waits: Waits = BATCH) -> Iterator[Instance]:
    """The instance of these settings for the time of a ``with`` block."""
    instance = Instance(settings, auteur, waits)
    try:
        with refusals_told():
            yield instance
    finally:
        instance.close()


@contextmanager
def started(config: Path | None, process: str, auteur: str = "igc", waits: Waits = BATCH) -> Iterator[Instance]:
    """As ``opened``, for a process that begins: settings of the file, logs under the name of the process."""
    settings = load_settings(config)
    configure_logs(settings, process)
    if settings.clock_shift_seconds:
        log.warning("clock is ahead of the machine", seconds=settings.clock_shift_seconds)
    with opened(settings, auteur, waits) as instance:
        yield instance


def configure_logs(settings: Settings, process: str) -> None:
    """Send the logs of this process where and how the settings say."""
    configure(settings.logging.level, settings.logging.format, process=process)


def _delegate_files(folder: Path, secret: SecretFile) -> DelegateFiles | None:
    return DelegateFiles(folder, secret.read_text().encode()) if secret.path.exists() else None
