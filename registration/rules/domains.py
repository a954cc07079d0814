"""Domain patterns of the explicit habilitations (guide §7, perimeter).

A pattern never matches across a label boundary: ``*hopital.fr`` does not cover ``evilhopital.fr`` (ours).
All arguments are lower-case A-labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from registration.rules.fields import normalize_domain
from registration.vocabulary import Offre

_PREFIXES = ("*@", "*.", "*", "")


@lru_cache(maxsize=4096)
def normalize_pattern(pattern: str) -> str | None:
    """A pattern with its domain as lower-case A-labels; None when it is none, so that it covers nothing.

    A domain has at least two labels: ``*fr`` would give every name of a country away (ours).
    """
    prefix = next(prefix for prefix in _PREFIXES if pattern.startswith(prefix))
    domain = normalize_domain(pattern[len(prefix) :])
    return None if domain is None else prefix + domain


def covers_mail_domain(patterns: Iterable[str], domain: str, *, bare_is_exact: bool) -> bool:
    """Whether one pattern allows mail addresses in ``domain``.

    ``*@d`` allows only d, ``*d`` d and its subdomains, ``*.d`` only subdomains. A bare ``d`` allows only d where the
    offre knows that form (SERV, not PRO).
    """
    return any(_covers(pattern, domain, bare_is_exact=bare_is_exact) for pattern in patterns)


def covers_mail_of_any(patterns: Iterable[tuple[Offre, str]], domain: str) -> bool:
    """Whether one of these patterns, each with its offre, allows mail addresses in ``domain``."""
    return any(_covers(pattern, domain, bare_is_exact=offre is Offre.SERV) for offre, pattern in patterns)


def covers_server_name(patterns: Iterable[str], fqdn: str) -> bool:
    """Whether one pattern of offre SERV allows ``fqdn`` for SSL_SERV: a bare name only itself, ``*d`` d and below."""
    return any(not pattern.startswith("*@") and _covers(pattern, fqdn, bare_is_exact=True) for pattern in patterns)


def _covers(pattern: str, name: str, *, bare_is_exact: bool) -> bool:
    if pattern.startswith("*@"):
        return name == pattern[2:]
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) > len(pattern) - 1
    if pattern.startswith("*"):
        return name == pattern[1:] or name.endswith("." + pattern[1:])
    return bare_is_exact and name == pattern
