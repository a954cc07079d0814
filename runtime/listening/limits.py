"""What a client of a listener may cost, and how much of it this process can reach."""

from __future__ import annotations

import resource
from dataclasses import dataclass, replace

import structlog

log = structlog.get_logger()
_OWN_DESCRIPTORS = 256
"""Kept for everything that is no connection: databases, bodies in temporary files, logs, what is being closed."""
_FEWEST = 16


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may cost. Times in seconds, sizes in bytes.

    ``max_connections`` counts every connection from accept to close, ``max_handshakes`` those among them whose TLS
    handshake is not over; beyond either, one that waits gives way (``House``).
    ``header_timeout`` runs from the end of the handshake (or the first byte of a later request) to the end of the
    headers, ``body_timeout`` from there to the end of the body. ``stall_timeout`` (body) and ``write_timeout``
    (answer) are windows: in each of them at least ``min_progress`` bytes must move, or everything that is left.
    ``linger_bytes``: how much of a body already answered is still read and thrown away, so that a client which sends
    before it reads can see the answer (RFC 9112 §9.6).
    """

    max_connections: int = 4000
    max_handshakes: int = 500
    max_header_bytes: int = 16 * 1024
    handshake_timeout: float = 10.0
    header_timeout: float = 10.0
    body_timeout: float = 600.0
    stall_timeout: float = 20.0
    write_timeout: float = 30.0
    keep_alive_timeout: int = 75
    min_progress: int = 16 * 1024
    linger_bytes: int = 64 * 1024 * 1024
    graceful_stop: int = 10
    backlog: int = 1024


def reachable(limits: Limits, *, listeners: int = 1) -> Limits:
    """The limits that each of so many listeners of this process can keep: its descriptors are raised to the hard limit.

    With too few of them ``max_connections`` is lowered, said once in the log: a server that runs out of descriptors
    can neither serve nor send away.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return limits
    room = max(_FEWEST, (hard - _OWN_DESCRIPTORS) // listeners)
    if room < limits.max_connections:
        log.warning("connections limited by descriptors", wanted=limits.max_connections, granted=room, descriptors=hard)
        return replace(limits, max_connections=room, max_handshakes=min(limits.max_handshakes, room))
    return limits
