"""Domain patterns of the explicit habilitations (guide §7, perimeter).

A pattern never matches across a label boundary: ``*hopital.fr`` does not cover ``evilhopital.fr`` (ours).
All arguments are lower-case A-labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from registration.rules.fields import normalize_domain
from registration.vocabulary import Offre, Saisie

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


def offered(patterns: Iterable[str], offre: Offre) -> tuple[tuple[str, Saisie], ...]:
    """Each domain that these patterns of one habilitation offer, once, with what may be written in front of it.

    Nothing for a bare ``d`` or ``*@d``, a name of choice for ``*d``, always one for ``*.d``. Of several the most
    permissive: who holds ``*@d`` and ``*.d`` has what ``*d`` gives. A bare ``d`` is none on offre PRO (guide §7).
    """
    exact: set[str] = set()
    below: set[str] = set()
    for pattern in patterns:
        prefix = next(prefix for prefix in _PREFIXES if pattern.startswith(prefix))
        domain = pattern[len(prefix) :]
        if prefix in {"*@", "*"} or (prefix == "" and offre is Offre.SERV):
            exact.add(domain)
        if prefix in {"*.", "*"}:
            below.add(domain)
    return tuple((domain, _saisie(domain in exact, domain in below)) for domain in sorted(exact | below))


def _saisie(is_exact: bool, is_below: bool) -> Saisie:  # noqa: FBT001 -- both at once
    if is_exact and is_below:
        return Saisie.FACULTATIVE
    return Saisie.OBLIGATOIRE if is_below else Saisie.NON_MODIFIABLE


def compose(texte: str, domaine: str, saisie: Saisie) -> str | None:
    """The name that ``texte`` makes in front of an offered domain, one dot between them; None where it may not stand.

    Nothing may be there for NON_MODIFIABLE, something must for OBLIGATOIRE. Whether it is a name is not looked at.
    """
    if not texte:
        return None if saisie is Saisie.OBLIGATOIRE else domaine
    if saisie is Saisie.NON_MODIFIABLE or texte.startswith(".") or texte.endswith(".") or "@" in texte:
        return None
    return f"{texte}.{domaine}"
