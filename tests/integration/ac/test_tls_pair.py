"""A pair of key and certificate is replaced in steps: whatever is interrupted, a listener can start."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from commands.ceremony import tls_pair
from commands.ceremony.tls_pair import TlsPair, locked
from pki.errors import CeremonyError
from runtime import whole_files
from runtime.listening.tls import server_ssl_context
from tests.vectors.samples import CA_FROM, CA_UNTIL

STEPS = ((tls_pair, "write_new"), (tls_pair, "replace"), (tls_pair, "move"), (whole_files, "settle"))


class Crash(BaseException):
    """The machine stops here."""


def made(label: str) -> tuple[bytes, bytes]:
    """A key and a certificate of its own, PEM; on P-256, for they are read often here."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, CA_FROM, CA_UNTIL)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), pem


FORMER, OLD, NEW = made("former"), made("old"), made("new")


@pytest.fixture
def pair(tmp_path: Path) -> TlsPair:
    """The second pair in its place, the first one aside."""
    pair = TlsPair(tmp_path / "ws.pem", tmp_path / "ws.key")
    pair.replace(*FORMER)
    pair.replace(*OLD)
    return pair


def put_back(pair: TlsPair) -> None:
    for suffix, contents in (("", OLD), (".precedent", FORMER)):
        for file, kept in zip((pair.key, pair.certificate), contents, strict=True):
            file.with_name(file.name + suffix).write_bytes(kept)


def crash_at(monkeypatch: pytest.MonkeyPatch, stop: int) -> list[str]:
    """Let the steps that reach the disk happen, and the machine stop before number ``stop`` of them."""
    done: list[str] = []

    def counted(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if len(done) == stop:
                raise Crash
            done.append(name)
            return act(*arguments, **options)

        return step

    for module, name in STEPS:
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return done


def content(pair: TlsPair, suffix: str = "") -> tuple[bytes, bytes]:
    files = (pair.key.with_name(pair.key.name + suffix), pair.certificate.with_name(pair.certificate.name + suffix))
    return files[0].read_bytes(), files[1].read_bytes()


def names(pair: TlsPair) -> set[str]:
    return {path.name for path in pair.key.parent.iterdir()}


def test_former_pair_stays_aside_closed_to_others(pair: TlsPair) -> None:
    assert (content(pair), content(pair, ".precedent")) == (OLD, FORMER)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in pair.key.parent.iterdir()}
    assert modes == {"ws.pem": 0o644, "ws.key": 0o600, "ws.pem.precedent": 0o600, "ws.key.precedent": 0o600}
    assert not pair.finish()
    assert content(pair) == OLD


def crash(pair: TlsPair, monkeypatch: pytest.MonkeyPatch, stop: int) -> bool:
    """Replace the pair until the machine stops before step number ``stop``; False when all was done before."""
    with monkeypatch.context() as patched:
        crash_at(patched, stop)
        try:
            pair.replace(*NEW)
        except Crash:
            return True
        return False


def test_crash_at_every_step(pair: TlsPair, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[bool] = []
    while crash(pair, monkeypatch, len(outcomes)):
        # A listener that starts now finds a pair, the old one or the new one.
        server_ssl_context(pair.certificate, pair.key)
        pair.finish()
        outcomes.append(content(pair) == NEW)
        assert content(pair) == (NEW if outcomes[-1] else OLD)
        assert content(pair, ".precedent") == (OLD if outcomes[-1] else FORMER)
        assert names(pair) == {"ws.pem", "ws.key", "ws.pem.precedent", "ws.key.precedent"}
        put_back(pair)
    assert (content(pair), content(pair, ".precedent")) == (NEW, OLD)
    # From the moment that the new pair is whole, nothing is lost.
    assert outcomes == [False] * 3 + [True] * (len(outcomes) - 3)
    assert len(outcomes) > 2 * len(STEPS)


def test_crash_while_finishing_at_every_step(pair: TlsPair, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(first: int, second: int) -> bool:
        crash(pair, monkeypatch, first)
        with monkeypatch.context() as patched:
            crash_at(patched, second)
            try:
                pair.finish()
            except Crash:
                return True
            return False

    for first in (3, 6, 10):  # the new pair is whole; the old one is half aside; the new key has taken its place
        second = 0
        while stopped(first, second):
            server_ssl_context(pair.certificate, pair.key)
            pair.finish()
            assert (content(pair), content(pair, ".precedent")) == (NEW, OLD)
            put_back(pair)
            second += 1
        assert second > 0
        assert (content(pair), content(pair, ".precedent")) == (NEW, OLD)
        put_back(pair)


@pytest.mark.parametrize("remains", [("ws.key.nouveau",), ("ws.pem.nouveau",), ("ws.key.nouveau", "ws.pem.nouveau")])
def test_what_is_no_whole_pair_is_thrown_away(pair: TlsPair, remains: tuple[str, ...]) -> None:
    for name in remains:
        (pair.key.parent / name).write_bytes(FORMER[0] if "key" in name else NEW[1])
    assert not pair.finish()
    assert content(pair) == OLD
    assert not [name for name in names(pair) if name.endswith(".nouveau")]


def test_what_is_there_is_told(pair: TlsPair) -> None:
    certificate = pair.read()
    assert certificate is not None
    assert pair.fits(certificate)
    pair.key.write_bytes(NEW[0])
    assert not pair.fits(certificate)
    pair.key.unlink()
    assert not pair.fits(certificate)
    pair.certificate.write_text("words")
    with pytest.raises(CeremonyError):
        pair.read()
    pair.certificate.unlink()
    assert pair.read() is None


def test_one_ceremony_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "tls"), pytest.raises(CeremonyError), locked(tmp_path / "tls"):
        pass
    with locked(tmp_path / "tls"):
        pass
