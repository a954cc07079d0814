"""Files that are written whole: no reader and no crash ever sees half of one. What is secret has mode 0600.

Each is written under a temporary name beside its place and then takes it in one step; content and name are durable
when the call returns. What root writes belongs to the account whose file or folder it is.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import OperatorError

_OWNER_ONLY = 0o600
_PUBLIC = 0o644
_FOR_GROUP = 0o640


class AlreadyThereError(OperatorError):
    """A file of this name exists, and is never overwritten. The text is French, for the operator."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} existe déjà et n'est jamais remplacé")
        self.path = path


def write_new(path: Path, content: bytes, *, secret: bool) -> None:
    """Create a file; AlreadyThereError when the path exists, whatever it is."""
    with _written(path, content, secret=secret) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise AlreadyThereError(path) from None
    settle(path)


def replace(path: Path, content: bytes, *, secret: bool) -> None:
    """Put a file in the place of the one that may be there: who reads at this moment gets the old or the new one.

    In a folder that hands its group on (setgid), a secret is for this group to read: so one account writes what
    another one works with.
    """
    with _written(path, content, secret=secret) as temporary:
        if secret and path.parent.stat().st_mode & stat.S_ISGID:
            temporary.chmod(_FOR_GROUP)
        temporary.replace(path)
    settle(path)


def move(source: Path, target: Path) -> None:
    """Rename a file within its file system, over the one that may be there."""
    source.replace(target)
    settle(target)


def settle(path: Path) -> None:
    """Make the name of a file durable, and its absence too: steps must reach the disk in their order."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _owner(path: Path) -> tuple[int, int] | None:
    """Who a file belongs to that root writes: to whom the one that it replaces did, else to whom the folder does.

    So what a command of root has written can be read by the process whose file it is.
    """
    if os.geteuid() != 0:
        return None
    known = path if path.exists() else path.parent
    status = known.stat()
    return status.st_uid, status.st_gid


def adopt(descriptor: int, path: Path) -> None:
    """Give a file that root has opened to the account of its folder, for files that are written to and not replaced."""
    if os.geteuid() == 0:
        status = path.parent.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


@contextmanager
def _written(path: Path, content: bytes, *, secret: bool) -> Iterator[Path]:
    """A file of this content beside ``path``, for the time of a ``with`` block."""
    owner = _owner(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    mode = _OWNER_ONLY if secret else _PUBLIC
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            # The umask may have closed a file that others are meant to read.
            os.fchmod(stream.fileno(), mode)
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
