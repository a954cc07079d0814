"""A secret is read only from a file that nobody else can open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.secret_file import SecretFile, SecretFileError


@pytest.fixture
def secret(tmp_path: Path) -> SecretFile:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"tr\xc3\xa8s secret\r\n")
    return SecretFile(path)


def test_text_comes_without_its_line_end(secret: SecretFile) -> None:
    assert secret.read_text() == "très secret"
    assert secret.read_bytes() == b"tr\xc3\xa8s secret\r\n"


@pytest.mark.parametrize("written", ["{}", "{}\n", "{}\r\n", "{}\n\r\n\n", "\ufeff{}", "\ufeff{}\r\n"])
@pytest.mark.parametrize("text", ["très secret", "a  b", "tre\u0300s secret", "#;,\"'"])
def test_only_what_editors_add_is_dropped(secret: SecretFile, written: str, text: str) -> None:
    secret.path.write_bytes(written.format(text).encode())
    assert secret.read_text() == text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("un\ndeux", "une seule ligne"),
        ("\nun", "une seule ligne"),
        ("un\rdeux\n", "une seule ligne"),
        (" secret", "espace"),
        ("secret \n", "espace"),
        ("secret\t", "espace"),
        ("secret\u00a0\n", "espace"),
        ("se\u00a0cret", "U+00A0"),
        ("se\u200bcret", "U+200B"),
        ("secret\ufeff", "U+FEFF"),
        ("\ufeff\ufeffsecret", "U+FEFF"),
        ("se\x00cret", "U+0000"),
        ("se\u3164cret", "U+3164"),
        ("\ufeff", "vide"),
        ("\ufeff\r\n", "vide"),
    ],
)
def test_what_another_reader_would_take_differently_is_refused(secret: SecretFile, content: str, told: str) -> None:
    secret.path.write_bytes(content.encode())
    with pytest.raises(SecretFileError) as caught:
        secret.read_text()
    assert told in caught.value.raison
    assert "secret" not in caught.value.raison.replace("le secret", "")


def test_utf_16_is_refused_without_showing_it(secret: SecretFile) -> None:
    secret.path.write_bytes("phrase".encode("utf-16"))
    with pytest.raises(SecretFileError, match="UTF-8") as caught:
        secret.read_text()
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_open_to_others_is_refused(secret: SecretFile, mode: int) -> None:
    secret.path.chmod(mode)
    with pytest.raises(SecretFileError, match="chmod 600"):
        secret.read_text()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n", b"x" * 65_537])
def test_an_empty_huge_or_undecodable_secret_is_refused(secret: SecretFile, content: bytes) -> None:
    secret.path.write_bytes(content)
    with pytest.raises(SecretFileError):
        secret.read_text()


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for path in (tmp_path, tmp_path / "absent", tmp_path / "fifo"):
        with pytest.raises(SecretFileError) as caught:
            SecretFile(path).read_bytes()
        assert caught.value.path == path


def test_a_rotated_secret_is_seen(secret: SecretFile) -> None:
    secret.path.write_text("nouveau")
    assert secret.read_text() == "nouveau"


def test_neither_text_nor_error_shows_the_content(secret: SecretFile) -> None:
    secret.path.chmod(0o644)
    with pytest.raises(SecretFileError) as caught:
        secret.read_text()
    assert "très" not in f"{secret} {secret!r} {caught.value}"
