"""A secret kept in a file of its own: settings and command lines only ever carry its path."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from runtime.errors import OperatorError
from runtime.unseen import untypable_in

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_MAX_BYTES = 65_536
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretFileError(OperatorError):
    """The file cannot be used as a secret. ``raison`` is French, for the operator; the content is never in it."""

    def __init__(self, path: Path, raison: str) -> None:
        super().__init__(f"{path} : {raison}")
        self.path = path
        self.raison = raison


@dataclass(frozen=True)
class SecretFile:
    """Where a secret is. ``read_bytes`` and ``read_text`` open it anew each time, so that a rotated secret is seen."""

    path: Path

    def read_bytes(self, owners: Collection[int] = ()) -> bytes:
        """The whole file, as it is; ``owners`` are accounts (uid) that it may belong to beside this process and root.

        SecretFileError when it is missing, empty, above 64 KiB, not a regular file, of another owner than this
        process or root, or open in any way to its group or to others.
        """
        try:
            with open(self.path, "rb", opener=_open_at_once) as file:
                # Checked on the open file, so that nobody can exchange it between the check and the reading.
                self._check(os.fstat(file.fileno()), owners)
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise SecretFileError(self.path, f"fichier illisible ({error.strerror})") from error
        if not content:
            raise SecretFileError(self.path, "fichier vide")
        if len(content) > _MAX_BYTES:
            raise SecretFileError(self.path, f"fichier de plus de {_MAX_BYTES} octets")
        return content

    def read_text(self) -> str:
        """The secret: one line of UTF-8 text, without what editors add, which is a byte order mark and line ends.

        Nothing else is dropped or changed. SecretFileError as for ``read_bytes``, and when there are several lines, a
        blank at an end, or a character that nobody sees: another program, or whoever types the secret, would take
        something else for it.
        """
        try:
            text = self.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            # Without its cause, which quotes the content.
            raise SecretFileError(self.path, "le contenu n'est pas du texte UTF-8") from None
        secret = text.rstrip("\r\n")
        if not secret:
            raise SecretFileError(self.path, "fichier vide")
        if "\n" in secret or "\r" in secret:
            raise SecretFileError(self.path, "une seule ligne attendue")
        if secret != secret.strip():
            raise SecretFileError(self.path, "le secret commence ou finit par une espace")
        if found := untypable_in(secret):
            raise SecretFileError(self.path, f"le secret contient un caractère invisible ({found})")
        return secret

    def _check(self, status: os.stat_result, owners: Collection[int]) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise SecretFileError(self.path, "ce n'est pas un fichier ordinaire")
        if status.st_uid not in {0, os.geteuid(), *owners}:
            raise SecretFileError(self.path, "le fichier appartient à un autre compte")
        if status.st_mode & _OTHERS:
            raise SecretFileError(self.path, "le fichier est ouvert à d'autres comptes (chmod 600 attendu)")

    def __str__(self) -> str:
        return str(self.path)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def build(value: Any) -> SecretFile:  # noqa: ANN401 -- a path already validated, or one of us
            return value if isinstance(value, cls) else cls(value)

        path = core_schema.no_info_after_validator_function(build, handler(Path))
        return core_schema.union_schema([core_schema.is_instance_schema(cls), path])


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK a named pipe would block here until somebody writes.
    return os.open(path, flags | os.O_NONBLOCK)
