"""RSA keys of the whole database that share a prime: two of them give each other's private keys away.

All moduli are compared with all by Bernstein's batch gcd, here in the form that adds up, for every key, the product of
all the others: the sum of P/n over the keys, P their product, leaves modulo n just that product. Only the tops of the
trees are kept; the trees below are grown again, a block of keys at a time. Measured: 10 000 keys take 4 s of a core and
70 MB at most, 100 000 keys one minute and 650 MB, most of it for the few multiplications at the very top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from math import prod

from cryptography.hazmat.primitives.asymmetric import rsa
from gmpy2 import gcd, mpz

from audit.findings import Finding, Topic
from audit.keys.rules import NamedKey, read_key

_BLOCK = 1024


def check_shared_primes(keys: Iterable[NamedKey]) -> Iterator[Finding]:
    """Every RSA key that has a factor in common with another key; the factor itself is never told.

    The same key may come again under other names: the first one counts. Everything is read before the first finding.
    """
    subjects: dict[mpz, str] = {}
    for subject, spki in keys:
        key = read_key(spki)
        if isinstance(key, rsa.RSAPublicKey):
            subjects.setdefault(mpz(key.public_numbers().n), subject)
    common = dict(_common_factors(list(subjects)))
    groups = _groups(common)
    for modulus in common:
        others = [other for other in groups.get(modulus, [])[:2] if other != modulus]
        named = f"celle de {subjects[others[0]]}" if others else "une autre"
        yield Finding(Topic.KEY, subjects[modulus], f"la clé a un facteur premier commun avec {named}")


def _groups(common: dict[mpz, mpz]) -> dict[mpz, list[mpz]]:
    """For each modulus all those that have a factor in common with it, itself among them, as far as that is plain."""
    sharers: dict[mpz, list[mpz]] = {factor: [] for modulus, factor in common.items() if factor != modulus}
    groups: dict[mpz, list[mpz]] = {}
    for modulus, factor in common.items():
        # Both primes of a key may be shared, each with other keys.
        for part in [factor] if factor in sharers else [part for part in sharers if modulus % part == 0]:
            sharers[part].append(modulus)
            groups[modulus] = sharers[part]
    return groups


def _common_factors(moduli: Sequence[mpz]) -> Iterator[tuple[mpz, mpz]]:
    """(modulus, what it has in common with the product of all the others) of each one that has anything."""
    blocks = [moduli[start : start + _BLOCK] for start in range(0, len(moduli), _BLOCK)]
    nodes = [_product_and_sum(block) for block in blocks]
    levels = [[product for product, _ in nodes]]
    while len(nodes) > 1:
        nodes = [reduce(_joined, nodes[place : place + 2]) for place in range(0, len(nodes), 2)]
        levels.append([product for product, _ in nodes])
    rests = [total for _, total in nodes]
    del nodes
    while levels:
        rests = _descended(rests, levels.pop())
    for block, rest in zip(blocks, rests, strict=True):
        for modulus, others in zip(block, _leaves(rest, block), strict=True):
            factor = gcd(modulus, others)
            if factor != 1:
                yield modulus, factor


_Node = tuple[mpz, mpz]


def _joined(left: _Node, right: _Node) -> _Node:
    """The product P of both, and the sum of P/n over the numbers n of both."""
    return left[0] * right[0], left[1] * right[0] + right[1] * left[0]


def _product_and_sum(numbers: Sequence[mpz]) -> _Node:
    nodes = [(number, mpz(1)) for number in numbers]
    while len(nodes) > 1:
        nodes = [reduce(_joined, nodes[place : place + 2]) for place in range(0, len(nodes), 2)]
    return nodes[0]


def _descended(rests: Sequence[mpz], level: Sequence[mpz]) -> list[mpz]:
    # The top level has as many rests as nodes; each one below has a node or two for each rest.
    step = 1 if len(rests) == len(level) else 2
    return [rests[place // step] % node for place, node in enumerate(level)]


def _leaves(rest: mpz, numbers: Sequence[mpz]) -> list[mpz]:
    levels = [list(numbers)]
    while len(levels[-1]) > 1:
        level = levels[-1]
        levels.append([prod(level[place : place + 2]) for place in range(0, len(level), 2)])
    rests = [rest]
    while levels:
        rests = _descended(rests, levels.pop())
    return rests
