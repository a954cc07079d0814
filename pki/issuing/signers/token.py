"""One PKCS#11 token as one process uses it: one session behind one lock, opened anew when it is lost.

The library is initialised without promises about threads, and SoftHSM stays broken for a process once two threads
have met inside it: every call goes through `Token.run`. A child process starts anew, since PKCS#11 does not carry
sessions over a fork.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TypeVar

import pkcs11
from pkcs11.exceptions import (
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from pki.errors import SignerError
from runtime.secret_file import SecretFile, SecretFileError

_Result = TypeVar("_Result")
_BAD_PIN = (PinIncorrect, PinInvalid, PinLenRange, PinLocked, PinExpired)


class _Library:
    """A loaded module of this process, with the one session of each of its tokens."""

    def __init__(self, module: str, *, inherited: bool) -> None:
        self.lock = RLock()
        self.sessions: dict[str, pkcs11.Session] = {}
        self.refused: set[str] = set()  # tokens that refused the PIN: asking again would lock them
        self._library = pkcs11.lib(module)
        if inherited:
            self.reset()

    def session(self, token: "Token") -> pkcs11.Session:
        found = self.sessions.get(token.label)
        if found is not None and token.writable and not found.rw:
            self.sessions.pop(token.label).close()
            found = None
        if found is None:
            found = self.sessions[token.label] = self._open(token)
        return found

    def _open(self, token: "Token") -> pkcs11.Session:
        if token.label in self.refused:
            raise SignerError(f"jeton {token.label} : code (PIN) déjà refusé, il n'est pas présenté de nouveau")
        pin = _read_pin(token)
        try:
            return self._library.get_token(token_label=token.label).open(rw=token.writable, user_pin=pin)
        except _BAD_PIN as error:
            self.refused.add(token.label)
            raise SignerError(f"jeton {token.label} : code (PIN) refusé ({type(error).__name__})") from None
        except UserAlreadyLoggedIn:
            raise SignerError(f"jeton {token.label} : ce processus y est déjà connecté par ailleurs") from None

    def reset(self) -> None:
        """Forget every session and initialise the library again: the strongest cure for whatever was lost."""
        self.sessions.clear()
        with suppress(PKCS11Error):
            self._library.finalize()
        self._library.initialize()


_loading = RLock()  # two threads that load one module at the same time would initialise it twice
_libraries: dict[str, _Library] = {}
_inherited: set[str] = set()


def _forget_parent() -> None:
    global _loading  # noqa: PLW0603 -- another thread of the parent may have held it
    _loading = RLock()
    _inherited.update(_libraries)
    _libraries.clear()


os.register_at_fork(after_in_child=_forget_parent)


def _library(module: str) -> _Library:
    with _loading:
        found = _libraries.get(module)
        if found is None:
            found = _libraries[module] = _Library(module, inherited=module in _inherited)
            _inherited.discard(module)
        return found


def _read_pin(token: "Token") -> str:
    try:
        return token.pin_file.read_text()
    except SecretFileError:
        raise SignerError(f"jeton {token.label} : fichier du code (PIN) inutilisable, chmod 600 attendu") from None


class Token:
    """A token named by the path of its module and its label; the PIN is in a file, read at each login.

    `writable` opens a session that may create keys (the ceremony); signing needs none.
    """

    def __init__(self, module: Path, label: str, pin_file: Path, *, writable: bool = False) -> None:
        """Opens nothing yet."""
        self.label = label
        self.pin_file = SecretFile(pin_file)
        self.writable = writable
        self._module = str(module)

    def __repr__(self) -> str:
        return f"Token({self.label!r})"

    def run(self, action: Callable[[pkcs11.Session], _Result]) -> _Result:
        """Return what `action` returns for the session; when the token fails, open it anew and try exactly once more.

        SignerError when that fails too, when there is no such module or token, or when the PIN is refused: a refused
        PIN is never presented a second time by the same process.
        """
        try:
            library = _library(self._module)
            with library.lock:
                try:
                    return action(library.session(self))
                except PKCS11Error:
                    library.reset()
                    return action(library.session(self))
        except PKCS11Error as error:
            # Only the kind of error: texts of a driver may hold anything.
            raise SignerError(f"jeton {self.label} : {type(error).__name__}") from None
