"""RSA keys for tests, the same at every run and worthless: anyone can compute them from this file.

A prime is the first one above a number made of its label; the distance is written down so that nothing is searched.
"""

import hashlib
from functools import cache
from math import gcd

import gmpy2
from cryptography.hazmat.primitives.asymmetric import rsa

EXPONENT = 65537

# label: (distance of p, distance of q), for a modulus of 2048 bits.
DISTANCES = {
    "root": (832, 1912),
    "issuing": (740, 48),
    "issuing-2": (370, 514),
    "leaf": (1144, 2078),
    "leaf-2": (686, 418),
    "production": (24, 50),
    "stranger": (106, 1616),
}


def base(label: str, bits: int = 1024) -> int:
    """Return an odd number of `bits` bits whose two highest bits are set."""
    octets = b"".join(hashlib.sha512(f"{label}/{part}".encode()).digest() for part in range(-(-bits // 512)))
    number = int.from_bytes(octets, "big") >> (8 * len(octets) - bits)
    return number | 3 << bits - 2 | 1


def is_prime(number: int, rounds: int = 24) -> bool:
    """Tell whether a number is prime, by Miller and Rabin."""
    return bool(gmpy2.is_prime(number, rounds))


def next_prime(number: int) -> int:
    """Return the first prime from an odd number on that suits EXPONENT."""
    while gcd(number - 1, EXPONENT) != 1 or not is_prime(number):
        number += 2
    return number


def key_of(p: int, q: int, exponent: int = EXPONENT) -> rsa.RSAPrivateKey:
    """Return the key of two primes, unchecked, so that weak ones can be made too."""
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p,
        q,
        d,
        rsa.rsa_crt_dmp1(d, p),
        rsa.rsa_crt_dmq1(d, q),
        rsa.rsa_crt_iqmp(p, q),
        public,
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def prime(name: str) -> int:
    """Return one of the two primes of a test key, such as "leaf-p"."""
    label, _, half = name.rpartition("-")
    return base(name) + DISTANCES[label]["pq".index(half)]


@cache
def key(label: str) -> rsa.RSAPrivateKey:
    """Return the key of a label in DISTANCES."""
    return key_of(prime(f"{label}-p"), prime(f"{label}-q"))
