"""The responders' keys as they stand in their folder: read again when the batch has replaced a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

import structlog
from sqlalchemy import select

from pki.authority import Authority
from pki.certificates.serials import serial_hex
from pki.delegates.delegated import DelegatedSigner, load_delegated_signer, signer_file
from pki.delegates.ocsp_signer import RESPONDER
from pki.errors import SignerError
from storage import tables
from storage.database import Database

log = structlog.get_logger()

_LOOK_AGAIN = timedelta(seconds=5)
# Of an authority: the one in service and those whose answers may still be kept.
_SIGNERS_KNOWN = 4


@dataclass(frozen=True, slots=True)
class _Loaded:
    mark: tuple[int, int]
    signer: DelegatedSigner


class ResponderKeys:
    """The current signer of each authority, for several threads. Only these keys are ever opened here."""

    def __init__(self, authorities: Mapping[str, Authority], folder: Path, passphrase: bytes, db: Database) -> None:
        """Nothing is read yet. ``db`` is asked whether a responder's own certificate is revoked."""
        self._authorities = authorities
        self._db = db
        self._folder = folder
        self._passphrase = passphrase
        self._loaded: dict[str, _Loaded] = {}
        self._looked_at: dict[str, datetime] = {}
        self._missing: set[str] = set()
        self._known: dict[str, list[DelegatedSigner]] = {}
        self._revoked: set[DelegatedSigner] = set()
        self._lock = Lock()

    def current(self, autorite: str, now: datetime) -> DelegatedSigner | None:
        """The signer that is valid now; None when there is none, which is logged when it begins.

        A new file that cannot be used leaves the former signer in service until its certificate expires; one that is
        revoked is out of service some seconds later. SQLAlchemyError when that cannot be asked.
        """
        with self._lock:
            self._look_if_due(autorite, now)
            loaded = self._loaded.get(autorite)
            if loaded is not None and loaded.signer in self._revoked:
                loaded = None
        if loaded is None or not loaded.signer.not_before <= now < loaded.signer.not_after:
            if autorite not in self._missing:
                log.error("no valid ocsp responder", autorite=autorite)
                self._missing.add(autorite)
            return None
        self._missing.discard(autorite)
        return loaded.signer

    def vouches(self, autorite: str, signer: DelegatedSigner, now: datetime) -> bool:
        """Whether what this signer of an authority signed earlier may still be handed out: not once it is revoked.

        Clients do not ask themselves (id-pkix-ocsp-nocheck). SQLAlchemyError when it cannot be asked.
        """
        with self._lock:
            self._look_if_due(autorite, now)
            return signer not in self._revoked

    def _look_if_due(self, autorite: str, now: datetime) -> None:
        looked_at = self._looked_at.get(autorite)
        # The clock may have gone back.
        if looked_at is None or not looked_at <= now < looked_at + _LOOK_AGAIN:
            self._look(autorite)
            self._look_for_revocations(autorite)
            self._looked_at[autorite] = now

    def _look(self, autorite: str) -> None:
        file = signer_file(RESPONDER, self._folder, autorite)
        loaded = self._loaded.get(autorite)
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_ino)
            if loaded is None or loaded.mark != mark:
                signer = load_delegated_signer(RESPONDER, self._authorities[autorite], file, self._passphrase)
                self._loaded[autorite] = _Loaded(mark, signer)
                known = self._known.setdefault(autorite, [])
                known.append(signer)
                del known[:-_SIGNERS_KNOWN]
                log.info("ocsp responder loaded", autorite=autorite, not_after=signer.not_after)
        except (OSError, SignerError) as error:
            log.warning("ocsp responder cannot be loaded", autorite=autorite, error=str(error))

    def _look_for_revocations(self, autorite: str) -> None:
        """Also of former signers, whose answers may still be kept."""
        by_serial = {serial_hex(one.certificate.serial_number): one for one in self._known.get(autorite, [])}
        if not by_serial:
            return
        certificat = tables.Certificat
        query = select(certificat.serial).where(
            certificat.autorite == autorite, certificat.serial.in_(by_serial), certificat.revoque_le.is_not(None)
        )
        with self._db.read() as session:
            revoked = {by_serial[serial] for serial in session.scalars(query)}
        for signer in revoked - self._revoked:
            log.error("ocsp responder is revoked", autorite=autorite, serial=f"{signer.certificate.serial_number:x}")
        self._revoked |= revoked
