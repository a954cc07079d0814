"""What Python's ssl leaves out of a server context, by OpenSSL's own documented functions.

The context is found without looking into Python's objects: OpenSSL tells of each SSL_CTX that it makes to whom has
asked for a place in it (CRYPTO_get_ex_new_index(3)). Where its library cannot be called, nothing is done and
``found`` is None.
"""

from __future__ import annotations

import contextlib
import ctypes
import ssl
import threading
from collections.abc import Iterable, Iterator

_EX_INDEX_SSL_CTX = 1
_PURPOSE_ANY = 7
_CTRL_SET_SESSION_CACHE_MODE = 44
_CTRL_SET_CLIENT_SIGALGS_LIST = 102
_POINTER, _INT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_long
_MADE = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _INT, _LONG, _POINTER)

_seen = threading.local()


def _note(context: int, *_: object) -> None:
    if getattr(_seen, "contexts", None) is not None:
        _seen.contexts.append(context)


_made = _MADE(_note)  # kept here: OpenSSL calls it as long as the process lives


class NativeContext:
    """An SSL_CTX; good as long as the ssl.SSLContext around it lives."""

    def __init__(self, library: ctypes.CDLL, address: int) -> None:
        """``address`` in the process of ``library``."""
        self._library = library
        self._address = address

    def name_client_cas(self, certificates: Iterable[bytes]) -> None:
        """Say in the handshake whose client certificates are accepted, each name once: clients choose by it.

        RFC 5246 §7.4.4, RFC 8446 §4.2.4. ssl.SSLError when one of the DER ``certificates`` cannot be read.
        """
        for der in certificates:
            data = ctypes.c_char_p(der)
            certificate = self._library.d2i_X509(None, ctypes.byref(data), len(der))
            if not certificate:
                raise ssl.SSLError("not a certificate")
            added = self._library.SSL_CTX_add_client_CA(self._address, certificate)
            self._library.X509_free(certificate)
            if added != 1:
                raise ssl.SSLError("the name of a client CA was not taken")

    def leave_purpose_to_the_application(self) -> None:
        """Accept a client certificate of a known CA whatever its key usages say: who serves it must judge them."""
        if self._library.SSL_CTX_set_purpose(self._address, _PURPOSE_ANY) != 1:
            raise ssl.SSLError("the purpose was not set")

    def keep_no_sessions(self) -> None:
        """Resume nothing, in TLS 1.2 either, and keep no memory of who was here."""
        self._library.SSL_CTX_ctrl(self._address, _CTRL_SET_SESSION_CACHE_MODE, 0, None)

    def ask_signatures(self, algorithms: str) -> None:
        """Of a client's proof that it has its key take only these, a list as of SSL_CTX_set1_client_sigalgs_list(3)."""
        names = ctypes.c_char_p(algorithms.encode())
        if self._library.SSL_CTX_ctrl(self._address, _CTRL_SET_CLIENT_SIGALGS_LIST, 0, names) != 1:
            raise ssl.SSLError("the signature algorithms were not set")


def _load() -> ctypes.CDLL | None:
    """The library that Python's ssl itself uses, with the functions that are called here; None without them."""
    import _ssl  # noqa: PLC0415 -- the extension module: its file leads to the very same library

    try:
        library = ctypes.CDLL(_ssl.__file__)
        for function, result, arguments in (
            (library.CRYPTO_get_ex_new_index, _INT, (_INT, _LONG, _POINTER, _MADE, _POINTER, _POINTER)),
            (library.d2i_X509, _POINTER, (_POINTER, _POINTER, _LONG)),
            (library.X509_free, None, (_POINTER,)),
            (library.SSL_CTX_add_client_CA, _INT, (_POINTER, _POINTER)),
            (library.SSL_CTX_set_purpose, _INT, (_POINTER, _INT)),
            (library.SSL_CTX_ctrl, _LONG, (_POINTER, _INT, _LONG, _POINTER)),
        ):
            function.restype, function.argtypes = result, arguments
        index = library.CRYPTO_get_ex_new_index(_EX_INDEX_SSL_CTX, 0, None, _made, None, None)
    except (OSError, AttributeError):
        return None
    return library if index >= 0 else None


_library = _load()


class Watch:
    """What was made during a ``with watching()`` block."""

    found: NativeContext | None = None


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Find the one ssl.SSLContext that this thread makes in the block; ``found`` is there behind the block."""
    watch = Watch()
    _seen.contexts = []
    try:
        yield watch
    finally:
        contexts, _seen.contexts = _seen.contexts, None
    if _library is not None and len(contexts) == 1:
        watch.found = NativeContext(_library, contexts[0])
