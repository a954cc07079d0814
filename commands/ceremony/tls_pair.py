"""The key and the certificate of a TLS listener on disk, replaced so that a crash leaves no listener without a pair.

Two files cannot change at once, so a replacement goes in steps:

1. The new key, then the new certificate, are written beside as ``.nouveau``: with the latter the new pair is whole.
2. The former pair is copied beside as ``.precedent``, closed to others.
3. The new key takes its place. From here to step 4 it belongs to the pending certificate, which
   runtime/listening/tls.py tries when the one in place has another key.
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

from batch.issuing.own_certificates import Enrolled
from pki.certificates.reading import UNREADABLE
from pki.errors import CeremonyError
from runtime.listening.tls import pending_certificate
from runtime.whole_files import move, replace, write_new


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
        self._keep_former()
        self._take_place()

    def finish(self) -> bool:
        """Finish a replacement that a crash has interrupted; False when there was none that could be finished."""
        try:
            pending = _read(self._pending)
        except CeremonyError:
            pending = None
        if pending is not None and self.fits(pending):
            move(self._pending, self.certificate)
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
                replace(former, file.read_bytes(), secret=True)

    def _take_place(self) -> None:
        move(self._pending_key, self.key)
        move(self._pending, self.certificate)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone with the pairs of a folder, made if missing; CeremonyError when another ceremony is at them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CeremonyError(f"une autre cérémonie travaille déjà dans {folder}") from None
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0]
    except FileNotFoundError:
        return None
    except (OSError, *UNREADABLE):
        raise CeremonyError(f"{file} : certificat illisible") from None


def _is_key_of(file: Path, certificate: x509.Certificate) -> bool:
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        return False
    except OSError:
        raise CeremonyError(f"{file} : clé illisible") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def write_pair(certificate_file: Path, key_file: Path, enrolled: Enrolled) -> None:
    """Key first: a certificate file that exists means that both are there."""
    certificate_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file.unlink(missing_ok=True)
    write_new(key_file, enrolled.key_pem, secret=True)
    write_new(certificate_file, enrolled.chain_pem, secret=False)
