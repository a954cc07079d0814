"""The key and the certificate of a TLS listener on disk, replaced so that a crash leaves no listener without a pair.

Two files cannot change at once, so a replacement goes in steps:

1. The new key, then the new certificate, are written beside as ``.nouveau``: with the latter the new pair is whole.
2. The former pair is copied beside as ``.precedent``, closed to others.
3. The new key takes its place. From here to step 4 it belongs to the pending certificate, which runtime/tls.py tries
   when the one in place has another key.
4. The new certificate takes its place.

``finish`` goes on where a crash has left off.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pki.errors import CeremonyError
from pki.secret_files import replace_secret, write_new
from runtime.tls import pending_certificate


@dataclass(frozen=True, slots=True)
class TlsPair:
    """Where a listener finds its certificate (with its chain) and its key, PEM."""

    certificate: Path
    key: Path

    def read(self) -> x509.Certificate | None:
        """The listener's certificate, None when there is no file; CeremonyError when it holds something else."""
        return _read(self.certificate)

    def fits(self, certificate: x509.Certificate) -> bool:
        """Whether the key in place is that of the certificate; a key that cannot be used is not."""
        return _is_key_of(self.key, certificate)

    def replace(self, key_pem: bytes, chain_pem: bytes) -> None:
        """Put a new pair in place; the former one, if any, stays beside as ``.precedent`` with mode 0600.

        The caller holds ``locked``, and the chain begins with the certificate of the key.
        """
        self.certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._discard()
        write_new(self._pending_key, key_pem, secret=True)
        write_new(self._pending, chain_pem, secret=False)
        _settle(self._pending)
        self._keep_former()
        self._take_place()

    def finish(self) -> bool:
        """Finish a replacement that a crash has interrupted; False when there was none that could be finished."""
        try:
            pending = _read(self._pending)
        except CeremonyError:
            pending = None
        if pending is not None and self.fits(pending):
            _move(self._pending, self.certificate)
            return True
        if pending is not None and _is_key_of(self._pending_key, pending):
            self._keep_former()
            self._take_place()
            return True
        self._discard()
        return False

    @property
    def _pending(self) -> Path:
        return pending_certificate(self.certificate)

    @property
    def _pending_key(self) -> Path:
        return pending_certificate(self.key)

    def _discard(self) -> None:
        """Remove what is not a whole pair; the certificate first, so that no key is missed."""
        self._pending.unlink(missing_ok=True)
        self._pending_key.unlink(missing_ok=True)

    def _keep_former(self) -> None:
        for file in (self.key, self.certificate):
            if file.exists():
                former = file.with_name(f"{file.name}.precedent")
                replace_secret(former, file.read_bytes())
        _settle(self.certificate)
        _settle(self.key)

    def _take_place(self) -> None:
        _move(self._pending_key, self.key)
        _move(self._pending, self.certificate)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone with the pairs of a folder, made if missing; CeremonyError when another ceremony is at them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CeremonyError(f"another ceremony is working in {folder.name}") from None
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0]
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise CeremonyError(f"{file.name}: no readable certificate") from None


def _is_key_of(file: Path, certificate: x509.Certificate) -> bool:
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        return False
    except OSError:
        raise CeremonyError(f"{file.name}: no readable key") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def _move(source: Path, target: Path) -> None:
    source.replace(target)
    _settle(target)


def _settle(file: Path) -> None:
    """Make the names in the file's folder durable: the steps must reach the disk in their order."""
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
