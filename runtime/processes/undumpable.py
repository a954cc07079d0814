"""No copy of this process's memory reaches a disk or a debugger: it holds keys and secrets (Linux)."""

from __future__ import annotations

import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4


def forbid_dumps() -> None:
    """No core dump of this process, not even through a handler, and no tracing by its own account.

    Children inherit the limit; a program that they execute must call this itself (prctl(2)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
