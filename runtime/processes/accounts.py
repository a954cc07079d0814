"""Accounts of the system that processes run under, and the secrets that each of them is handed.

Only root can start a process under another account. It reads the secrets, and gives each process copies of those that
its work needs, in a folder that its account alone may enter: nobody else has to be able to open the originals.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import OperatorError

_CLOSED = stat.S_IRWXG | stat.S_IRWXO


class AccountError(OperatorError):
    """An account does not exist, or a secret cannot be handed to it. The text is French."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account with all its groups, and the folder that programs look for its own files in."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str

    @property
    def env(self) -> dict[str, str]:
        """Who a process is, for the libraries that ask its environment."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}

    def may_read(self, path: Path) -> bool:
        """Whether the modes of the file and of every folder above let this account read it."""
        try:
            return all(self._has(folder, stat.S_IXUSR) for folder in path.absolute().parents) and self._has(
                path, stat.S_IRUSR
            )
        except OSError:
            return False

    def may_list(self, folder: Path) -> bool:
        """As ``may_read``, for a folder and the names in it."""
        return self.may_read(folder) and self._has(folder, stat.S_IXUSR)

    def _has(self, path: Path, right: int) -> bool:
        status = path.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & right)
        if status.st_gid in {self.gid, *self.groups}:
            return bool(status.st_mode & right >> 3)
        return bool(status.st_mode & right >> 6)


def find_account(name: str) -> Account:
    """The account of this name; AccountError when there is none, or when it is root's."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise AccountError(f"le compte {name} n'existe pas sur cette machine") from None
    if entry.pw_uid == 0:
        raise AccountError(f"{name} est root : un compte sans privilège est attendu")
    groups = tuple(sorted(set(os.getgrouplist(name, entry.pw_gid))))
    return Account(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)


@contextmanager
def handed_out(folder: Path) -> Iterator[HandedOut]:
    """Copies of secrets below ``folder``, for the time of a ``with`` block; what an earlier run left is removed."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.chmod(0o711)
    for left in folder.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    try:
        yield HandedOut(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class HandedOut:
    """Gives each account its copies; see ``handed_out``."""

    def __init__(self, folder: Path) -> None:
        """Nothing is copied yet."""
        self._folder = folder

    def give(self, account: Account, name: str, secrets: Mapping[str, Path]) -> dict[str, Path]:
        """Copy secrets for the process of this name; gives where each copy is, by the same keys.

        What is not there is left out. AccountError when one is open to others, or belongs to neither root nor the
        account.
        """
        place = self._folder / name
        place.mkdir(mode=0o700)
        copies = {key: _copy(source, place / key, account) for key, source in secrets.items() if source.exists()}
        os.chown(place, account.uid, account.gid)
        return copies


def _copy(source: Path, target: Path, account: Account) -> Path:
    with open(source, "rb", opener=_open_plainly) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_mode & _CLOSED or status.st_uid not in {0, account.uid}:
            raise AccountError(f"{source} : attendu à root ou à {account.name}, fermé aux autres (chmod 600)")
        content = file.read()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        copy.write(content)
        os.fchown(copy.fileno(), account.uid, account.gid)
    return target


def _open_plainly(path: str, flags: int) -> int:
    # Neither through a link that somebody else has put there, nor waiting for the writer of a pipe.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
