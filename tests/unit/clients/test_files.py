"""File names taken from references, and files that are whole or absent."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import files
from clients.files import (
    TEMPORARY_SUFFIX,
    alone_in,
    existing_path,
    reason_of,
    sweep,
    unique_stems,
    write_atomically,
    write_new,
    write_plainly,
)

REFERENCES = st.from_regex(r"[A-Za-z0-9._:/\-]{1,64}", fullmatch=True)


def test_names_come_from_references_else_from_positions() -> None:
    assert unique_stems([(1, "poste-1"), (2, None), (3, "a/b:c")]) == ["poste-1", "00002", "a_b_c"]


@pytest.mark.parametrize("reference", ["..", ".", "../../etc/passwd", "/etc/passwd", "-rf", ".cache", "C:/x"])
def test_a_reference_never_leads_out_of_the_folder(reference: str, tmp_path: Path) -> None:
    (stem,) = unique_stems([(1, reference)])
    assert (tmp_path / f"{stem}.p7b").parent == tmp_path
    assert not stem.startswith((".", "-"))


@given(st.lists(st.one_of(st.none(), REFERENCES, st.sampled_from(["A", "a", "a-2", "00001", "a/", "a:"])), max_size=30))
def test_names_are_unique_on_any_file_system_and_stable(references: list[str | None]) -> None:
    items = list(enumerate(references, start=1))
    stems = unique_stems(items)
    assert len({stem.casefold() for stem in stems}) == len(items)
    assert unique_stems(items) == stems


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "manifeste.csv"
    write_atomically(path, b"avant")
    with pytest.raises(TypeError):
        write_atomically(path, "pas des octets")  # type: ignore[arg-type]  # a mistake that fails half-way
    assert path.read_bytes() == b"avant"
    assert [one.name for one in tmp_path.iterdir()] == ["manifeste.csv"]


def test_the_mode_is_the_one_asked_for_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "sous" / "cle"
    write_atomically(path, b"1")
    write_atomically(path, b"2", mode=0o600)
    assert path.read_bytes() == b"2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


ROOT = Path(__file__).resolve().parents[3]
HALF_WRITTEN = """
import os, sys
from pathlib import Path
from clients.files import write_atomically
os.fsync = lambda _descriptor: (print("half written", flush=True), sys.stdin.read())
write_atomically(Path(sys.argv[1]), b"secret")
"""


@pytest.fixture
def half_written(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the middle of a write into the folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HALF_WRITTEN, str(tmp_path / "cle.key")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half written\n"
        yield process
        process.kill()


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(TEMPORARY_SUFFIX)]


def test_what_a_killed_process_left_goes_and_what_another_writes_stays(
    tmp_path: Path, half_written: subprocess.Popen[bytes]
) -> None:
    assert len(temporaries(tmp_path)) == 1
    sweep(tmp_path)
    assert len(temporaries(tmp_path)) == 1, "its process lives"
    half_written.kill()
    half_written.wait(10)
    assert len(temporaries(tmp_path)) == 1
    write_atomically(tmp_path / "autre", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["autre"]


def test_sweeping_touches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".profil").write_bytes(b"1")
    (tmp_path / f"a{TEMPORARY_SUFFIX}").write_bytes(b"1")
    os.mkfifo(tmp_path / f".tube{TEMPORARY_SUFFIX}")
    (tmp_path / f".dossier{TEMPORARY_SUFFIX}").mkdir()
    before = sorted(tmp_path.iterdir())
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_a_temporary_file_swept_between_its_creation_and_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    swept: list[Path] = []

    def flock(stream: BinaryIO, operation: int) -> None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        real(stream, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    write_atomically(tmp_path / "etat", b"1")
    assert (tmp_path / "etat").read_bytes() == b"1"
    assert len(swept) == 1


def test_without_fchmod_and_flock_files_are_whole_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fchmod")
    monkeypatch.setattr(files, "fcntl", None)
    write_atomically(tmp_path / "cle", b"1", mode=0o600)
    write_atomically(tmp_path / "cle", b"2", mode=0o600)
    assert (tmp_path / "cle").read_bytes() == b"2"
    assert stat.S_IMODE((tmp_path / "cle").stat().st_mode) == 0o600
    recent, old = tmp_path / f".r{TEMPORARY_SUFFIX}", tmp_path / f".o{TEMPORARY_SUFFIX}"
    for path in (recent, old):
        path.write_bytes(b"")
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    sweep(tmp_path)
    assert temporaries(tmp_path) == [recent.name]


def test_a_file_system_without_locks_is_written_and_never_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_stream: object, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refused)
    left = tmp_path / f".a{TEMPORARY_SUFFIX}"
    left.write_bytes(b"")
    write_atomically(tmp_path / "etat", b"1")
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [left, tmp_path / "etat"]


@pytest.mark.parametrize("reference", ["con", "NUL", "aux.2", "Com1", "LPT9.x"])
def test_no_key_is_written_to_a_device_of_windows(reference: str) -> None:
    (stem,) = unique_stems([(1, reference)])
    assert stem == f"_{reference}"


def test_names_close_to_those_of_devices_stay_as_they_are() -> None:
    assert unique_stems([(1, "console"), (2, "com10"), (3, "nul-1")]) == ["console", "com10", "nul-1"]


def test_every_reason_is_french_and_none_is_the_library_s() -> None:
    assert "disque est plein" in reason_of(OSError(errno.ENOSPC, "No space left on device"))
    assert reason_of(OSError("odd")) == "erreur None du système"
    assert reason_of(OSError(12345, "odd")) == "erreur 12345 du système"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "absent"])
def test_a_name_that_no_file_can_have_is_no_traceback(tmp_path: Path, name: str) -> None:
    assert existing_path(tmp_path / name) == tmp_path / name


@pytest.mark.parametrize("links", [True, False])
def test_what_is_new_never_takes_the_place_of_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        # As a FAT or some network file systems answer.
        monkeypatch.setattr(os, "link", lambda *_arguments, **_options: (_ for _ in ()).throw(PermissionError(1, "no")))
    path = tmp_path / "a.key"
    write_new(path, b"1")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), path.stat().st_nlink) == (b"1", 0o600, 1)
    with pytest.raises(FileExistsError):
        write_new(path, b"2")
    assert path.read_bytes() == b"1"
    assert [one.name for one in tmp_path.iterdir()] == ["a.key"]


@pytest.mark.parametrize("write", [write_atomically, write_new, write_plainly])
def test_an_error_of_the_system_names_the_file_that_was_meant(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        with pytest.raises(OSError, match="27") as caught:
            write(tmp_path / "a.p7b", b"x" * 4096)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert caught.value.filename == str(tmp_path / "a.p7b")
    assert reason_of(caught.value) == "il dépasse la taille permise à ce compte ou sur ce disque"
    assert list(tmp_path.glob(".*")) == []


def test_one_process_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path / "r") as first, alone_in(tmp_path / "r") as second, alone_in(tmp_path / "autre") as other:
        assert (first, second, other) == (True, False, True)
    with alone_in(tmp_path / "r") as again:
        assert again
