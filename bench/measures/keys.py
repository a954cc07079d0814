"""The issue path on one core: bare RSA-4096 signatures, the path without and with the inline lint, and a token.

All in one run on the same core, in turns, so that a neighbour's noise falls on every figure. The ratio of the lint is
its cost per certificate within that path over that of a bare RSA-4096 signature.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench.measuring.figures import Book, Sample
from bench.measuring.window import Meter
from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, RootConfig
from pki.ceremony.perform import advance
from pki.ceremony.steps import Workshop
from pki.certificates.content import CertificateContent
from pki.certificates.serials import new_serial
from pki.issuing.issuance import PreparedCertificate, issue, lint, prepare
from pki.issuing.signers.pkcs11 import load_pkcs11_signer
from pki.issuing.signers.software import SoftwareSigner
from pki.issuing.signers.stores import FileStore, KeyStore, TokenStore
from pki.issuing.signers.token import Token
from pki.signer import Signer
from pki.signing import sign

_SECONDS = 0.4
_TURNS = 7
_BITS: Literal[4096] = 4096
_CHUNK = 50  # prepared, linted and signed together, as the batch does
_PIN = "pin of the bench"
_PASS_PHRASE = b"a pass phrase of the bench"
_NOW = datetime.now(UTC)


def measure_keys(book: Book) -> None:
    """Enter sign_*, issue_*, lint_* and pkcs11_per_s, which is None where SoftHSM2 is not installed."""
    folder = Path(tempfile.mkdtemp(prefix="igc-bench-"))
    try:
        _measure_software(folder, book)
        if shutil.which("softhsm2-util"):
            _measure_token(folder, book)
        else:
            book.note("pkcs11_per_s", None)
    finally:
        shutil.rmtree(folder)


def _measure_software(folder: Path, book: Book) -> None:
    store = FileStore(folder / "keys", _PASS_PHRASE)
    authority = _ceremony(folder / "software", store, "software")
    key = store.open(authority.short_name, authority.public_key)
    signer = SoftwareSigner(authority, key)
    scheme, digest = PKCS1v15(), SHA256()
    wanted = _different_requests()
    message = _prepare(authority, next(wanted)).tbs
    lint_seconds: list[float] = []

    def bare() -> None:
        for _ in range(_CHUNK):
            key.sign(message, scheme, digest)

    def without() -> None:
        for item in [_prepare(authority, next(wanted)) for _ in range(_CHUNK)]:
            sign(item.tbs, signer, authority.public_key)

    def linted() -> None:
        prepared = [_prepare(authority, next(wanted)) for _ in range(_CHUNK)]
        start = time.process_time()
        clean = [lint(item, authority) for item in prepared]
        lint_seconds.append(time.process_time() - start)
        for item in clean:
            issue(item, signer)

    rates = _in_turns({"bare": bare, "without": without, "with": linted})
    for name, key_name in (("bare", "sign_rsa4096"), ("without", "issue_without_lint"), ("with", "issue_with_lint")):
        book.add(f"{key_name}_per_s_core", rates[name], 1)
    lint_each = statistics.median(lint_seconds) / _CHUNK
    share = book.figures["issue_with_lint_per_s_core"].strangers
    book.add("lint_us", [Sample(1e6 * seconds / _CHUNK, share) for seconds in lint_seconds], 1)
    book.add("lint_cost_ratio", [Sample(lint_each * bare_rate.value, share) for bare_rate in rates["bare"]])


def _measure_token(folder: Path, book: Book) -> None:
    before = os.environ.get("SOFTHSM2_CONF")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    try:
        initialise = ["softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", _PIN, "--so-pin", _PIN]
        subprocess.run(initialise, check=True, capture_output=True)
        pin_file = folder / "pin"
        pin_file.touch(mode=0o600)
        pin_file.write_text(_PIN)
        token = Token(_module(), "bench", pin_file, writable=True)
        authority = _ceremony(folder / "token", TokenStore(token), "pkcs11")
        signer: Signer = load_pkcs11_signer(authority, token)
        wanted = _different_requests()

        def in_token() -> None:
            prepared = [_prepare(authority, next(wanted)) for _ in range(_CHUNK)]
            for item in [lint(item, authority) for item in prepared]:
                issue(item, signer)

        book.add("pkcs11_per_s", _in_turns({"token": in_token})["token"], 1)
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


def _module() -> Path:
    folders = ("/usr/lib/softhsm", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm")
    return next(path for folder in folders if (path := Path(folder) / "libsofthsm2.so").exists())


def _ceremony(folder: Path, store: KeyStore, place: str) -> Authority:
    issuing = IssuingConfig(short_name="ACI", common_name="AC MESURE", products=("ORG_SIGN",), key=place)  # type: ignore[arg-type]  # one of the two places
    config = CeremonyConfig(
        plateforme="TEST",
        key_bits=_BITS,
        issuing=(issuing,),
        root=RootConfig(short_name="ACR", key=place),  # type: ignore[arg-type]  # a place, as the settings have it
    )
    workshop = Workshop(authorities=folder, stores={place: store}, root_stores={place: store})
    return advance(config, workshop, _NOW).authorities["ACI-TEST"]


# SubjectPublicKeyInfo of RSA-2048: all but the modulus is fixed.
_HEAD = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
_TAIL = bytes.fromhex("0203010001")


def _different_requests() -> Iterator[tuple[CertificateContent, bytes]]:
    """Yield requests of one hospital, as in a lot: names and keys differ every time, so that no cache helps."""
    for number in count():
        content = CertificateContent(
            product="ORG_SIGN",
            common_name=f"service applicatif {number}",
            state="Paris (75)",
            organization="HOPITAL DE L'EXEMPLE",
            organizational_unit="10B0000000",
        )
        yield content, _HEAD + b"\xc5" + os.urandom(254) + b"\x01" + _TAIL


def _prepare(authority: Authority, wanted: tuple[CertificateContent, bytes]) -> PreparedCertificate:
    return prepare(authority, *wanted, new_serial(), _NOW)


def _in_turns(actions: dict[str, Callable[[], object]]) -> dict[str, list[Sample]]:
    """The rates of certificates of each action on a chunk, each measured a short while in every turn."""
    rates: dict[str, list[Sample]] = {name: [] for name in actions}
    for _ in range(_TURNS):
        for name, action in actions.items():
            meter, start, done = Meter(), time.process_time(), 0
            while time.process_time() - start < _SECONDS:
                action()
                done += _CHUNK
            rate = done / (time.process_time() - start)
            rates[name].append(Sample(rate, meter.read().strangers_share))
    return rates
