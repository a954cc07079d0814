"""RSA-2048 keys and their CSRs, made in parallel processes, each in files of its own.

The private key is written by the process that made it, mode 0600, and never travels. A key that exists is kept: a
run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.errors import IgcClientError
from clients.files import write_atomically

KEY_BITS = 2048
"""The only key the contract accepts: RSA 2048 (type Csr of the XSD)."""

_CHUNK = 4


class KeyFileError(IgcClientError):
    """An existing key file cannot be used: other content, or a wrong pass phrase. It is left untouched."""


class KeyTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One pair to make: ``<folder>/<stem>.key`` and ``.csr``; ``common_name`` only labels the CSR."""

    folder: Path
    stem: str
    common_name: str

    @property
    def key_file(self) -> Path:
        """PKCS#8 in PEM, encrypted when a pass phrase is given."""
        return self.folder / f"{self.stem}.key"

    @property
    def csr_file(self) -> Path:
        """PKCS#10 in PEM."""
        return self.folder / f"{self.stem}.csr"


def make_keys(
    targets: Sequence[KeyTarget],
    *,
    passphrase: bytes | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[bytes]:
    """The CSRs (DER) of the targets, in order; keys and CSRs stand in their files when this returns.

    ``progress`` gets the number of pairs done since its last call. ``workers`` defaults to the machine's cores.
    Raises KeyFileError when a key file of that name exists and cannot be read with the pass phrase.
    """
    count = max(1, min(workers or os.cpu_count() or 1, len(targets)))
    chunks = [targets[start : start + _CHUNK] for start in range(0, len(targets), _CHUNK)]
    made: dict[int, list[bytes]] = {}
    # A forked child would inherit the locks of our threads (progress bar, TLS); a fresh process does not.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        waiting = {pool.submit(_make_chunk, list(chunk), passphrase): rank for rank, chunk in enumerate(chunks)}
        try:
            for done in as_completed(waiting):
                made[waiting[done]] = done.result()
                if progress:
                    progress(len(made[waiting[done]]))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [csr for rank in range(len(chunks)) for csr in made[rank]]


def make_key(target: KeyTarget, passphrase: bytes | None = None) -> bytes:
    """The CSR (DER) of one target, made here; an existing key is used again, an existing CSR only if it fits."""
    key = _existing_key(target.key_file, passphrase) if target.key_file.exists() else _new_key(target, passphrase)
    existing = _existing_csr(target.csr_file)
    if existing is not None and existing.public_key() == key.public_key():
        return existing.public_bytes(serialization.Encoding.DER)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, target.common_name[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    write_atomically(target.csr_file, request.public_bytes(serialization.Encoding.PEM))
    return request.public_bytes(serialization.Encoding.DER)


def _make_chunk(targets: list[KeyTarget], passphrase: bytes | None) -> list[bytes]:
    return [make_key(target, passphrase) for target in targets]


def _new_key(target: KeyTarget, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    protection: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    write_atomically(target.key_file, pem, mode=0o600)
    return key


def _existing_key(path: Path, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except (ValueError, TypeError, OSError) as error:
        raise KeyFileError(f"La clé {path} existe déjà et ne peut pas être relue (autre mot de passe ?).") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != KEY_BITS:
        raise KeyFileError(f"La clé {path} existe déjà et n'est pas une clé RSA de {KEY_BITS} bits.")
    return key


def _existing_csr(path: Path) -> x509.CertificateSigningRequest | None:
    try:
        return x509.load_pem_x509_csr(path.read_bytes())
    except (OSError, ValueError):
        return None
