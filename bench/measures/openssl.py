"""openssl as an authority and a responder: the same key, the same certificates, in the clear for the bench."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from batch.context import WorkerContext
from bench.measures.revoked import AUTHORITY, LIFE
from commands.composition import Instance
from pki.delegates.delegated import load_delegated_signer, signer_file
from pki.delegates.ocsp_signer import RESPONDER
from pki.issuing.signers.stores import key_file
from runtime.settings.model import Settings
from tests.support.queue_server import free_port

_READY_SECONDS = 60.0


def wait_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Until it is; RuntimeError when the process ends before, or after a minute."""
    deadline = time.monotonic() + _READY_SECONDS
    while not ready():
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError("a responder does not start")
        time.sleep(0.1)


class Openssl:
    """openssl with the key of the same authority and the index of the same certificates, in the clear for the bench."""

    def __init__(self, folder: Path, settings: Settings, context: WorkerContext) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        authority = context.authorities[AUTHORITY]
        (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        phrase = settings.pki.pass_phrase_file.path
        subprocess.run(
            ["openssl", "pkey", "-in", key_file(settings.pki.keys_dir, AUTHORITY), "-passin", f"file:{phrase}",
             "-out", folder / "ca.key"],
            check=True,
        )  # fmt: skip
        files = Instance(settings).responder_files
        if files is None:
            raise RuntimeError("no pass phrase of the responders")
        delegate = load_delegated_signer(
            RESPONDER, authority, signer_file(RESPONDER, files.folder, AUTHORITY), files.passphrase
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
        end, revoked = (f"{moment:%y%m%d%H%M%SZ}" for moment in (now + LIFE, now - timedelta(days=2)))
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
        port = free_port()
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
            wait_ready(process, lambda: b"waiting for OCSP client connections" in log.read_bytes())
            yield port
        finally:
            process.terminate()
            process.wait()
