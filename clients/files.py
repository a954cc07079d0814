"""Files that are either whole or absent: written beside, flushed, then renamed.

Works wherever Python does: what a system lacks (fchmod and flock, on Windows) is replaced by the next best.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from clients.text import spellings

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module or nothing

TEMPORARY_SUFFIX = ".igc-tmp"
_LOCK_NAME = ".igc-client.verrou"
_ABANDONED_SECONDS = 600.0
"""Without flock, a temporary file of this age is nobody's: writing one takes milliseconds."""
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{rank}" for port in ("com", "lpt") for rank in range(1, 10))}
"""Names that Windows gives to devices, whatever the suffix: a key written there would be lost."""

_REASONS = {
    errno.ENOENT: "il n'existe pas",
    errno.EACCES: "accès refusé, ou fichier ouvert dans un autre programme",
    errno.EPERM: "accès refusé",
    errno.EEXIST: "un fichier porte déjà ce nom",
    errno.EISDIR: "c'est un dossier",
    errno.ENOTDIR: "un nom de son chemin n'est pas celui d'un dossier",
    errno.ENOSPC: "le disque est plein",
    errno.EDQUOT: "le quota du disque est atteint",
    errno.EFBIG: "il dépasse la taille permise à ce compte ou sur ce disque",
    errno.EROFS: "le disque est en lecture seule",
    errno.ENAMETOOLONG: "son nom est trop long",
    errno.EMFILE: "trop de fichiers ouverts",
    errno.EIO: "le disque ne répond pas",
}


def reason_of(error: OSError) -> str:
    """Why the system refused a file, in French."""
    return _REASONS.get(error.errno or 0, f"erreur {error.errno} du système")


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """``path`` durably holds exactly ``content`` with ``mode`` when this returns; on any failure it is as before.

    What a killed process left half-written in the same folder goes away at the first write of the next one. Raises
    OSError, which names ``path``.
    """
    with _naming(path):
        _write_whole(path, content, mode, Path.replace)


def write_new(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """As ``write_atomically``, for what must never take another's place. Raises FileExistsError where ``path`` exists.

    Two processes that make the same file at once leave one of the two whole, and the other one is told.
    """
    with _naming(path):
        _write_whole(path, content, mode, _rename_to_nothing)


def write_plainly(path: Path, content: bytes) -> None:
    """``content`` in ``path``, without a promise about a failure in between. Raises OSError, which names ``path``."""
    with _naming(path):
        path.write_bytes(content)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Whether no other process is inside this block for the same folder, which is made when it is not there.

    Where the system has no locks (Windows, some network file systems) everybody is alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield True
        return
    with (folder / _LOCK_NAME).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass
        yield True


def sweep(folder: Path) -> None:
    """Removes the temporary files of this package in ``folder`` whose process is gone; leaves the others alone."""
    for temporary in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):
            if not temporary.is_file():
                continue
            if fcntl is not None:
                with temporary.open("rb") as stream:
                    # A process that still writes holds the lock; the system takes it from one that was killed.
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    temporary.unlink()
            elif time.time() - temporary.stat().st_mtime > _ABANDONED_SECONDS:
                temporary.unlink()


def existing_path(path: Path) -> Path:
    """The path of the file that exists, in whichever Unicode form its name is kept; ``path`` when there is none."""
    for spelling in spellings(str(path)):
        with contextlib.suppress(OSError, ValueError):  # a name that no file can have
            if Path(spelling).exists():
                return Path(spelling)
    return path


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


_sweep_once = functools.lru_cache(maxsize=64)(sweep)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An error of the system names the file that was meant: not its temporary name, which nobody knows, nor none."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _write_whole(path: Path, content: bytes, mode: int, put: Callable[[Path, Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent.absolute())
    stream, temporary = _open_temporary(path)
    try:
        with stream:
            stream.write(content)
            _set_mode(stream, temporary, mode)
            stream.flush()
            os.fsync(stream.fileno())
            if fcntl is not None:
                put(temporary, path)
        if fcntl is None:
            # Windows renames no open file.
            put(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _rename_to_nothing(temporary: Path, path: Path) -> None:
    if fcntl is None:  # Windows refuses by itself
        temporary.rename(path)
        return
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # No links on this file system: the next best, which two processes at the very same moment can still get past.
        if path.exists() or path.is_symlink():
            raise FileExistsError(errno.EEXIST, "exists") from None
        temporary.replace(path)
    else:
        temporary.unlink()


def _open_temporary(path: Path) -> tuple[BinaryIO, Path]:
    """An empty file of ours beside ``path``, mode 0600, locked for as long as it is open."""
    while True:
        # mkstemp creates with mode 0600, so that a private key is never readable by others, not even for a moment.
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:32]}.", suffix=TEMPORARY_SUFFIX, dir=path.parent)
        stream = os.fdopen(handle, "wb")
        temporary = Path(name)
        if fcntl is None:
            return stream, temporary
        with contextlib.suppress(OSError):  # some network file systems know no lock: then nobody sweeps there either
            fcntl.flock(stream, fcntl.LOCK_EX)
        if temporary.exists():
            return stream, temporary
        # Another process swept it between its creation and its lock.
        stream.close()


def _set_mode(stream: BinaryIO, temporary: Path, mode: int) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(stream.fileno(), mode)
    else:
        temporary.chmod(mode)


def _safe_stem(reference: str) -> str:
    # Separators of folders and drives go, and so does a first sign that would hide the file or look like an option.
    stem = "".join(character if character.isalnum() or character in "._-" else "_" for character in reference)
    if stem.partition(".")[0].casefold() in _DEVICES:
        return f"_{stem}"
    return f"_{stem[1:]}" if stem.startswith((".", "-")) else stem
