"""What must not stand in certificates of PRODUCTION: the invented names, addresses and OIDs of the defaults.

A ceremony signs them into authorities for good, so they are refused before the first key is made.
"""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from pki.ceremony.configuration import CeremonyConfig, check_config

# Reserved for documentation, tests and one's own machine (RFC 2606, RFC 6761; addresses: RFC 5737, RFC 3849).
_TOP_LEVELS = frozenset({"example", "test", "invalid", "localhost"})
_DOMAINS = ("example.com", "example.net", "example.org")
_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "::/127", "2001:db8::/32"),
    )
)
# RFC 5612: the enterprise number of examples. The joint arc 2.999 is for examples as well.
_OID_ARCS = ("1.3.6.1.4.1.32473", "2.999")
_EXAMPLE = re.compile(r"\bEXEMPLES?\b|\bEXAMPLES?\b", re.IGNORECASE)


def fictitious_authorities(config: CeremonyConfig) -> tuple[str, ...]:
    """Return what a configuration of PRODUCTION would sign into authorities and is invented, one French line each."""
    return tuple(_of_authorities(config)) if config.plateforme == "PRODUCTION" else ()


def fictitious_servers(config: CeremonyConfig) -> tuple[str, ...]:
    """As above, for the TLS listeners; `localhost` may stand beside a real name."""
    return tuple(_of_servers(config)) if config.plateforme == "PRODUCTION" else ()


def _of_authorities(config: CeremonyConfig) -> Iterator[str]:
    for key in ("organization", "infrastructure"):
        yield from _name(key, getattr(config, key))
    if not config.identifier.split(" ")[-1].strip("0"):
        yield f"identifier : « {config.identifier} » n'est l'identifiant de personne"
    yield from _name("root.common_name", config.root.common_name)
    for issuing in config.issuing:
        yield from _name(f"issuing {issuing.short_name}.common_name", issuing.common_name)
    settings = check_config(config)
    for key, value in msgspec.to_builtins(settings).items():
        if key.endswith(("_url", "_uri")) and value:
            yield from _address(f"settings.{key}", value)
        elif key.endswith("_oid"):
            yield from _oid(f"settings.{key}", value)
    for key, value in msgspec.to_builtins(settings.private_oids).items():
        yield from _oid(f"settings.private_oids.{key}", value)


def _of_servers(config: CeremonyConfig) -> Iterator[str]:
    for server in config.servers:
        place = f"servers {server.name}"
        yield from _name(f"{place}.organization", server.organization)
        for name in server.dns_names:
            if is_reserved(name) and not (name == "localhost" and name != server.dns_names[0]):
                yield f"{place}.dns_names : « {name} » n'existe pas sur Internet"


def _name(key: str, value: str) -> Iterator[str]:
    if _EXAMPLE.search(value):
        yield f"{key} : « {value} » est un nom d'exemple"


def _oid(key: str, value: str) -> Iterator[str]:
    if any(value == arc or value.startswith(f"{arc}.") for arc in _OID_ARCS):
        yield f"{key} : {value} est un OID réservé à la documentation"


def _address(key: str, value: str) -> Iterator[str]:
    host = urlsplit(value).hostname or ""
    if not host or is_reserved(host):
        yield f"{key} : l'adresse {value} n'existe pas sur Internet"


def is_reserved(host: str) -> bool:
    """Return whether a host name or address can never be that of a public service."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return name.rpartition(".")[2] in _TOP_LEVELS or any(
            name == domain or name.endswith(f".{domain}") for domain in _DOMAINS
        )
    return any(address in network for network in _NETWORKS)
