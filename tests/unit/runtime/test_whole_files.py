"""A file is there whole or not at all, under its name for good, and closed when it is secret."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.whole_files import AlreadyThereError, replace, write_new


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("act", [write_new, replace])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, act: Callable[..., None]) -> None:
    before = os.umask(0o077)
    try:
        act(tmp_path / "public", b"a", secret=False)
        act(tmp_path / "secret", b"b", secret=True)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "public"), mode(tmp_path / "secret")) == (0o644, 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["public", "secret"]


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_new(file, b"first", secret=False)
    with pytest.raises(AlreadyThereError) as refused:
        write_new(file, b"second", secret=False)
    assert str(file) in str(refused.value)
    assert file.read_bytes() == b"first"
    replace(file, b"second", secret=True)
    assert (file.read_bytes(), mode(file)) == (b"second", 0o600)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("act", [write_new, replace])
def test_what_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[..., None]
) -> None:
    file = tmp_path / "file"
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        act(file, b"content", secret=False)
    assert list(tmp_path.iterdir()) == []
