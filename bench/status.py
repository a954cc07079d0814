"""What relying parties wait for: CRLs and OCSP against openssl's own in the same run, and how fast a revocation shows.

openssl gets the same certificates, the same keys and the same client; windows alternate, so that a neighbour's noise
falls on both. ``openssl ocsp`` closes each connection after its answer, which is all that it offers: our rate on kept
connections is compared with that, and our rate on new ones is told beside it.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from rich.console import Console
from sqlalchemy import update

from batch.context import WorkerContext
from batch.crls import publish
from commands.composition import open_database, responder_files, worker_context
from commands.test_plateforme import Ceremony, make_plateforme
from pki.delegated import load_delegated_signer, signer_file
from pki.ocsp_response import MEDIA_TYPE_REQUEST
from pki.ocsp_signer import RESPONDER
from pki.serials import new_serial, serial_hex
from pki.signers.stores import key_file
from runtime.bound_process import bound
from runtime.probes import tcp_answers
from runtime.settings import CONFIG_VARIABLE, Settings
from storage import tables
from storage.bulk import insert_rows

_AUTHORITY = "ACI-EL-ORG-TEST"
_SIZES = (1_000, 10_000, 100_000)
_CRL_RUNS = 3
_ROUNDS = 5
_WINDOW_SECONDS = 1.0
_REVOCATIONS = 200
_KEY_BITS = 4096  # the real authority's
_LIFE = timedelta(days=900)
_NONCE = b"n" * 32
_READY_SECONDS = 60.0
_PICKED_UP_SECONDS = 5.0


def measure_status(folder: Path, console: Console) -> dict[str, Any]:
    """Values for latest.json: crl_*_s, crl_*_ratio, ocsp_*_per_s, ocsp_*_ratio, ocsp_ready_share, revocation_p95_ms."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "igc.toml"
    config.write_text(f'data_dir = "."\n[publication]\nport = {_free_port()}\n')
    settings = Settings.load(config)
    make_plateforme(settings, Ceremony(key_bits=_KEY_BITS))
    db = open_database(settings)
    try:
        context = worker_context(settings, db, name="bench")
        peer = _Openssl(folder / "openssl", settings, context)
        values, serials = _crls(context, peer, console)
        with _publication(settings, config), peer.responder() as port:
            values |= _ocsp(settings, context, port, serials, console)
            values |= _revocations(settings, config, context, console)
    finally:
        db.dispose()
    return values


def _crls(context: WorkerContext, peer: _Openssl, console: Console) -> tuple[dict[str, Any], list[int]]:
    values: dict[str, Any] = {}
    serials: list[int] = []
    for size in _SIZES:
        added = [new_serial() for _ in range(size - len(serials))]
        _insert_revoked(context, added)
        peer.add_revoked(added)
        serials += added
        ours, theirs = [], []
        for _ in range(_CRL_RUNS):
            ours.append(_seconds(lambda: publish(context, _AUTHORITY)))
            theirs.append(_seconds(peer.make_crl))
        name = f"{size // 1000}k"
        values[f"crl_{name}_s"] = round(statistics.median(ours), 3)
        values[f"crl_{name}_openssl_s"] = round(statistics.median(theirs), 3)
        values[f"crl_{name}_ratio"] = round(statistics.median(ours) / statistics.median(theirs), 3)
        console.print(
            f"CRL de {size} entrées : {values[f'crl_{name}_s']} s, openssl {values[f'crl_{name}_openssl_s']} s"
        )
    return values, serials


def _insert_revoked(context: WorkerContext, serials: Sequence[int]) -> None:
    now = context.clock()
    revoked_at = now - timedelta(days=2)
    rows = [
        {
            "autorite": _AUTHORITY,
            "serial": serial_hex(serial),
            "produit": "ORG_AUTH_CLI",
            "not_before": now - timedelta(days=3),
            "not_after": now + _LIFE,
            "emis_le": now - timedelta(days=3),
            "revoque_le": revoked_at - timedelta(seconds=rank),
            "raison_crl": "keyCompromise",
        }
        for rank, serial in enumerate(serials)
    ]
    with context.db.write() as session:
        insert_rows(session, tables.Certificat, rows)


def _ocsp(
    settings: Settings, context: WorkerContext, openssl_port: int, serials: Sequence[int], console: Console
) -> dict[str, Any]:
    ours = settings.publication.port
    plain = _message(_request(context, serials[0]), keep=True)
    closing = _message(_request(context, serials[0]), keep=False)
    nonce = _message(_request(context, serials[0], _NONCE), keep=True)
    windows: dict[str, tuple[int, bytes, bool]] = {
        "openssl_ocsp_per_s": (openssl_port, closing, False),
        "ocsp_cached_per_s": (ours, plain, True),
        "ocsp_cached_new_connections_per_s": (ours, closing, False),
        "ocsp_signed_per_s": (ours, nonce, True),
    }
    rates: dict[str, list[float]] = {name: [] for name in windows}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for _ in range(_ROUNDS):
            for name, window in windows.items():
                rates[name].append(pool.apply(_ask, window))
    values: dict[str, Any] = {name: round(statistics.median(found), 1) for name, found in rates.items()}
    values["ocsp_cached_ratio"] = round(values["ocsp_cached_per_s"] / values["openssl_ocsp_per_s"], 2)
    console.print(f"OCSP : {values}")
    return values


def _ask(port: int, message: bytes, keep: bool) -> float:  # noqa: FBT001 -- one of three plain values sent to a process
    """Answers per second of one client that asks the same again and again."""
    done, connection = 0, None
    start = time.perf_counter()
    while time.perf_counter() - start < _WINDOW_SECONDS:
        if connection is None:
            connection = _connect(port)
        _exchange(connection, message)
        done += 1
        if not keep:
            connection.close()
            connection = None
    return done / (time.perf_counter() - start)


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _exchange(connection: socket.socket, message: bytes) -> bytes:
    """The body of the answer; RuntimeError when it is not a whole OCSPResponse."""
    connection.sendall(message)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head, body = received[:end].lower(), received[end + 4 :]
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _more(connection)
    if not body.startswith(b"\x30\x82"):
        raise RuntimeError("no answer with a status")
    return body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise RuntimeError("the responder hung up")
    return data


def _revocations(settings: Settings, config: Path, context: WorkerContext, console: Console) -> dict[str, Any]:
    """From the transaction that revokes until an OCSP answer says so, while the long CRL is made over and over.

    Beside it, how many of the first requests for certificates a few seconds old needed no signature.
    """
    fresh = [new_serial() for _ in range(_REVOCATIONS)]
    _insert_revoked(context, fresh)
    with context.db.write() as session:
        session.execute(update(tables.Certificat).where(_is_one_of(fresh)).values(revoque_le=None, raison_crl=None))
    time.sleep(_PICKED_UP_SECONDS)
    asked_at, prepared = datetime.now(UTC).replace(microsecond=0), 0
    stop = multiprocessing.get_context("spawn").Event()
    publisher = multiprocessing.get_context("spawn").Process(target=_keep_publishing, args=(config, stop))
    publisher.start()
    times = []
    try:
        connection = _connect(settings.publication.port)
        for serial in fresh:
            message = _message(_request(context, serial), keep=True)
            prepared += _expect(connection, message, ocsp.OCSPCertStatus.GOOD).this_update_utc < asked_at
            start = time.perf_counter()
            with context.db.write() as session:
                session.execute(
                    update(tables.Certificat)
                    .where(_is_one_of([serial]))
                    .values(revoque_le=datetime.now(UTC), raison_crl="keyCompromise")
                )
            _expect(connection, message, ocsp.OCSPCertStatus.REVOKED)
            times.append((time.perf_counter() - start) * 1000)
        connection.close()
    finally:
        stop.set()
        publisher.join()
    p95 = statistics.quantiles(times, n=20)[-1]
    console.print(f"révocation visible par OCSP : médiane {statistics.median(times):.1f} ms, p95 {p95:.1f} ms")
    return {
        "ocsp_ready_share": round(prepared / len(fresh), 3),
        "revocation_p50_ms": round(statistics.median(times), 2),
        "revocation_p95_ms": round(p95, 2),
    }


def _is_one_of(serials: Sequence[int]) -> Any:  # noqa: ANN401 -- a condition
    return (tables.Certificat.autorite == _AUTHORITY) & tables.Certificat.serial.in_(map(serial_hex, serials))


def _expect(connection: socket.socket, message: bytes, status: ocsp.OCSPCertStatus) -> ocsp.OCSPResponse:
    answer = ocsp.load_der_ocsp_response(_exchange(connection, message))
    if answer.certificate_status is not status:
        raise RuntimeError("an answer was older than the row")
    return answer


def _keep_publishing(config: Path, stop: Any) -> None:  # noqa: ANN401 -- an event of multiprocessing
    """A worker that does nothing but make the long CRL, over and over."""
    settings = Settings.load(config)
    context = worker_context(settings, open_database(settings), name="bench-publisher")
    while not stop.is_set():
        publish(context, _AUTHORITY)


def _request(context: WorkerContext, serial: int, nonce: bytes | None = None) -> bytes:
    authority = context.authorities[_AUTHORITY]
    issuer = x509.SubjectKeyIdentifier.from_public_key(authority.public_key).digest
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(_sha1(authority.name_der), issuer, serial, SHA1())  # noqa: S303 -- CertIDs are made of it
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _message(body: bytes, *, keep: bool) -> bytes:
    connection = b"" if keep else b"Connection: close\r\n"
    head = (
        b"POST / HTTP/1.1\r\nHost: ocsp.igc.example\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
        % (MEDIA_TYPE_REQUEST.encode(), len(body))
        + connection
    )
    return head + b"\r\n" + body


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _publication(settings: Settings, config: Path) -> Iterator[None]:
    command = bound([sys.executable, "-m", "commands", "publication"])
    env = {**os.environ, CONFIG_VARIABLE: str(config)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, lambda: tcp_answers("127.0.0.1", settings.publication.port))
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not ready():
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError("a responder does not start")
        time.sleep(0.1)


class _Openssl:
    """openssl with the key of the same authority and the index of the same certificates, in the clear for the bench."""

    def __init__(self, folder: Path, settings: Settings, context: WorkerContext) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        authority = context.authorities[_AUTHORITY]
        (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        phrase = settings.pki.pass_phrase_file.path
        subprocess.run(
            ["openssl", "pkey", "-in", key_file(settings.pki.keys_dir, _AUTHORITY), "-passin", f"file:{phrase}",
             "-out", folder / "ca.key"],
            check=True,
        )  # fmt: skip
        files = responder_files(settings)
        if files is None:
            raise RuntimeError("no pass phrase of the responders")
        delegate = load_delegated_signer(
            RESPONDER, authority, signer_file(RESPONDER, files.folder, _AUTHORITY), files.passphrase
        )
        (folder / "ocsp.pem").write_bytes(delegate.certificate.public_bytes(Encoding.PEM))
        (folder / "ocsp.key").write_bytes(
            delegate.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (folder / "index.txt").touch()
        (folder / "index.txt.attr").write_text("unique_subject = no\n")
        (folder / "crlnumber").write_text("01\n")
        (folder / "openssl.cnf").write_text(
            "[ca]\ndefault_ca = bench\n[bench]\ndatabase = index.txt\ncrlnumber = crlnumber\ncertificate = ca.pem\n"
            "private_key = ca.key\ndefault_md = sha256\ndefault_crl_days = 3\ncrl_extensions = crl\n"
            "unique_subject = no\n[crl]\nauthorityKeyIdentifier = keyid\n"
        )

    def add_revoked(self, serials: Sequence[int]) -> None:
        """The same certificates, in openssl's own form."""
        now = datetime.now(UTC)
        end, revoked = (f"{moment:%y%m%d%H%M%SZ}" for moment in (now + _LIFE, now - timedelta(days=2)))
        lines = [
            f"R\t{end}\t{revoked},keyCompromise\t{serial:032X}\tunknown\t/C=FR/CN={serial:x}\n" for serial in serials
        ]
        with (self.folder / "index.txt").open("a") as index:
            index.writelines(lines)

    def make_crl(self) -> None:
        """``openssl ca -gencrl``."""
        subprocess.run(
            ["openssl", "ca", "-config", "openssl.cnf", "-gencrl", "-out", "crl.pem"],
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    @contextmanager
    def responder(self) -> Iterator[int]:
        """``openssl ocsp`` as a responder; gives its port."""
        port = _free_port()
        where = {name: str(self.folder / name) for name in ("index.txt", "ca.pem", "ocsp.pem", "ocsp.key")}
        command = [
            "openssl", "ocsp", "-index", where["index.txt"], "-CA", where["ca.pem"], "-rsigner", where["ocsp.pem"],
            "-rkey", where["ocsp.key"], "-port", str(port), "-ndays", "1", "-ignore_err",
        ]  # fmt: skip
        # A connection without a request would keep it busy: it is believed when it says that it waits.
        log = self.folder / "ocsp.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            _wait(process, lambda: b"waiting for OCSP client connections" in log.read_bytes())
            yield port
        finally:
            process.terminate()
            process.wait()
