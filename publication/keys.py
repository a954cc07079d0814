"""The responders' keys as they stand in their folder: read again when the batch has replaced a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

import structlog

from pki.authority import Authority
from pki.delegated import DelegatedSigner, load_delegated_signer, signer_file
from pki.errors import SignerError
from pki.ocsp_signer import RESPONDER

log = structlog.get_logger()

_LOOK_AGAIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Loaded:
    mark: tuple[int, int]
    signer: DelegatedSigner


class ResponderKeys:
    """The current signer of each authority, for several threads. Only these keys are ever opened here."""

    def __init__(self, authorities: Mapping[str, Authority], folder: Path, passphrase: bytes) -> None:
        """Nothing is read yet."""
        self._authorities = authorities
        self._folder = folder
        self._passphrase = passphrase
        self._loaded: dict[str, _Loaded] = {}
        self._looked_at: dict[str, datetime] = {}
        self._missing: set[str] = set()
        self._lock = Lock()

    def current(self, autorite: str, now: datetime) -> DelegatedSigner | None:
        """The signer that is valid now; None when there is none, which is logged when it begins.

        A new file that cannot be used leaves the former signer in service until its certificate expires.
        """
        with self._lock:
            looked_at = self._looked_at.get(autorite)
            # The clock may have gone back.
            if looked_at is None or not looked_at <= now < looked_at + _LOOK_AGAIN:
                self._looked_at[autorite] = now
                self._look(autorite)
            loaded = self._loaded.get(autorite)
        if loaded is None or not loaded.signer.not_before <= now < loaded.signer.not_after:
            if autorite not in self._missing:
                log.error("no valid ocsp responder", autorite=autorite)
                self._missing.add(autorite)
            return None
        self._missing.discard(autorite)
        return loaded.signer

    def _look(self, autorite: str) -> None:
        file = signer_file(RESPONDER, self._folder, autorite)
        loaded = self._loaded.get(autorite)
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_ino)
            if loaded is None or loaded.mark != mark:
                signer = load_delegated_signer(RESPONDER, self._authorities[autorite], file, self._passphrase)
                self._loaded[autorite] = _Loaded(mark, signer)
                log.info("ocsp responder loaded", autorite=autorite, not_after=signer.not_after)
        except (OSError, SignerError) as error:
            log.warning("ocsp responder cannot be loaded", autorite=autorite, error=str(error))
