"""Files that are either whole or absent: written beside, flushed, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """``path`` durably holds exactly ``content`` with ``mode`` when this returns; on any failure it is as before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp creates with mode 0600, so that a private key is never readable by others, not even for a moment.
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:32]}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def unique_stems(references: Iterable[tuple[int, str | None]]) -> list[str]:
    """A file name without suffix for each (position, reference), in order: safe, and unique whatever the case.

    The reference serves when there is one, else the position. The same lot always gives the same names, so that a
    key, its CSR and its certificate share theirs.
    """
    taken: set[str] = set()
    stems: list[str] = []
    for position, reference in references:
        stem = _safe_stem(reference) if reference else f"{position:05d}"
        while stem.casefold() in taken:
            stem = f"{stem}-{position}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _safe_stem(reference: str) -> str:
    # Separators of folders and drives go, and so does a first sign that would hide the file or look like an option.
    stem = "".join(character if character.isalnum() or character in "._-" else "_" for character in reference)
    return f"_{stem[1:]}" if stem.startswith((".", "-")) else stem
