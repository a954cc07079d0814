"""Two hosts beside this one: network namespaces, each with a cable (veth) of its own to here, and none to the other."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

NETWORK = "198.18.0.0/15"  # RFC 2544 §C.2.2: for benchmarks, routed nowhere


@dataclass(frozen=True, slots=True)
class Host:
    """``name`` is that of its namespace; ``address`` its own, ``gateway`` the one of this machine on its cable."""

    name: str
    address: str
    gateway: str

    def there(self, argv: Sequence[str] = ()) -> list[str]:
        """The command line that runs another one on this host, in the process that it is started as."""
        return ["ip", "netns", "exec", self.name, *argv]


def missing() -> str | None:
    """Why there can be no such hosts here, in French; None when there can."""
    if os.geteuid() != 0:
        return "il faut root pour faire des espaces de noms réseau"
    if shutil.which("ip") is None:
        return "il manque ip (Debian : iproute2)"
    probe = f"igc-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"cette machine ne permet pas d'espaces de noms réseau ({done.stderr.strip()})"
    _ip("netns", "delete", probe)
    return None


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Both for the time of a ``with`` block."""
    with ExitStack() as stack:
        yield stack.enter_context(_host("a", 1)), stack.enter_context(_host("b", 2))


@contextmanager
def _host(letter: str, number: int) -> Iterator[Host]:
    host = Host(f"igc-{os.getpid()}-{letter}", f"198.18.{number}.2", f"198.18.{number}.1")
    here, there = f"igc{os.getpid()}{letter}"[-15:], "eth0"
    _ip("netns", "add", host.name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", host.name)
        _ip("address", "add", f"{host.gateway}/24", "dev", here)
        _ip("link", "set", here, "up")
        inside = ("-n", host.name)
        _ip(*inside, "address", "add", f"{host.address}/24", "dev", there)
        _ip(*inside, "link", "set", there, "up")
        _ip(*inside, "link", "set", "lo", "up")
        yield host
    finally:
        # The cable goes with the namespace of its other end.
        _ip("netns", "delete", host.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
