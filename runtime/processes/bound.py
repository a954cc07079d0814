"""Children that never outlive the process which started them, not even its SIGKILL (Linux).

``bound`` wraps a command line; run as a script, this file is the wrapper: it binds itself, then becomes the command.
A launcher and not a ``preexec_fn``, which is unsafe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_NO_USER = "-"


def bound(
    argv: Sequence[str],
    *,
    signum: signal.Signals = signal.SIGKILL,
    user: tuple[int, int] | None = None,
    groups: Sequence[int] = (),
) -> list[str]:
    """The command line to start as a direct child of this process: ``argv``, which gets ``signum`` when we die.

    The kernel watches the thread that forks, not the process: start children from a thread that lives as long
    as they do. With ``user`` (uid, gid) the command runs as that account, with these further ``groups`` and no others;
    only root may ask for it.
    """
    account = _NO_USER if user is None else ":".join(map(str, (*user, *groups)))
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(signum)), account, *argv]


def die_with_parent(signum: signal.Signals = signal.SIGKILL, *, parent: int) -> None:
    """Have the kernel send ``signum`` to this process when ``parent`` (the pid it was forked from) ends.

    For processes that fork by themselves, such as a worker's work-horse: call it first thing in the child.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # The parent may have died before the call: then nobody will ever send the signal.
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)


def main(arguments: Sequence[str]) -> None:
    """Become the command; the change of account comes first, because it clears the binding (prctl(2))."""
    parent, signum, account, *argv = arguments
    if account != _NO_USER:
        uid, gid, *groups = (int(part) for part in account.split(":"))
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    die_with_parent(signal.Signals(int(signum)), parent=int(parent))
    os.execvp(argv[0], argv)  # noqa: S606 -- a fixed list of ours, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
