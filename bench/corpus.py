"""Certificate requests for the measures: real RSA-2048 keys, made once per machine and kept (public parts only)."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console
from rich.progress import Progress

_CHUNK = 50
_SAVE_EVERY = 500


def load_csrs(path: Path, count: int, console: Console) -> list[bytes]:
    """``count`` requests in DER; what is missing in ``path`` is made by every core and saved as it comes."""
    known: list[bytes] = msgspec.msgpack.decode(path.read_bytes(), type=list[bytes]) if path.exists() else []
    missing = count - len(known)
    if missing > 0:
        with Progress(console=console) as progress, ProcessPoolExecutor(os.cpu_count()) as pool:
            task = progress.add_task("clés RSA-2048 (une fois pour toutes)", total=missing)
            for made in pool.map(_make, [min(_CHUNK, missing - start) for start in range(0, missing, _CHUNK)]):
                known.extend(made)
                progress.advance(task, len(made))
                if len(known) % _SAVE_EVERY == 0:
                    _save(path, known)
        _save(path, known)
    return known[:count]


def _make(count: int) -> list[bytes]:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return [
        builder.sign(rsa.generate_private_key(public_exponent=65537, key_size=2048), hashes.SHA256()).public_bytes(
            Encoding.DER
        )
        for _ in range(count)
    ]


def _save(path: Path, csrs: list[bytes]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.msgpack.encode(csrs))
    temporary.replace(path)
