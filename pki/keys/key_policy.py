"""Which public keys may be certified: pure arithmetic on the public numbers, and two lists that the caller gives.

Exact size and exponent, small factors, ROCA (CVE-2017-15361), close primes (Fermat), a modulus that is a prime,
predictable keys, blocked keys.
Not here: what needs the other requests, that is the same key presented twice and moduli with a prime in common
(shared_primes.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd, isqrt, prod

from gmpy2 import is_strong_prp, mpz

from pki.errors import CsrError, CsrProblem, KeyWeakness

RSA_BITS = 2048
RSA_EXPONENT = 65537
FERMAT_ROUNDS = 100  # CA/B Baseline Requirements §6.1.1.3: at least 100 rounds.
_LARGEST_SMALL_PRIME = 751


def _primes(limit: int) -> list[int]:
    return [n for n in range(2, limit + 1) if all(n % d for d in range(2, isqrt(n) + 1))]


_SMALL_PRIMES = prod(_primes(_LARGEST_SMALL_PRIME)[1:])


def _never_blocked(_spki_sha256: bytes) -> bool:
    return False


def _never_listed(_number: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """The rules for a subject key; `is_blocked` is asked with the SHA-256 of the DER SubjectPublicKeyInfo.

    The caller's hook answers for compromised keys and for the keys of the authorities themselves; `is_listed` is asked
    with the RSA modulus, or the x coordinate of a point, and answers for predictable keys (key_list.py). `p256` admits
    EC keys on P-256 beside RSA. `primality` asks whether a modulus is itself a prime, which costs half a signature of
    RSA-4096 for each key: who judges very many leaves it to a later look at what was certified.
    """

    rsa_bits: int = RSA_BITS
    is_blocked: Callable[[bytes], bool] = _never_blocked
    is_listed: Callable[[int], bool] = _never_listed
    p256: bool = False
    primality: bool = True


DEFAULT_POLICY = KeyPolicy()


def check_rsa_key(modulus: int, exponent: int, spki_sha256: bytes, policy: KeyPolicy = DEFAULT_POLICY) -> None:
    """Return when the key may be certified; else raise CsrError with the first reason found."""
    if modulus.bit_length() != policy.rsa_bits:
        raise CsrError(CsrProblem.WRONG_KEY_SIZE)
    if exponent != RSA_EXPONENT:
        raise CsrError(CsrProblem.WRONG_EXPONENT)
    weakness = find_weakness(modulus)
    if weakness is None and policy.is_listed(modulus):
        weakness = KeyWeakness.KNOWN
    if weakness is not None:
        raise CsrError(CsrProblem.WEAK_KEY, weakness)
    _check_blocked(spki_sha256, policy)


def check_composite(modulus: int, policy: KeyPolicy = DEFAULT_POLICY) -> None:
    """Return when the modulus is composite, or nobody asks; else raise CsrError. To be asked last: it is dear."""
    if policy.primality and is_prime(modulus):
        raise CsrError(CsrProblem.WEAK_KEY, KeyWeakness.PRIME)


def is_prime(modulus: int) -> bool:
    """Tell whether an odd modulus is a prime: then it is p instead of p*q, and whoever sees it has the private key.

    Every prime passes Miller and Rabin's test to base 2, and a product of two random primes does not: one round says
    it all, for a composite made to pass it is no key to certify either.
    """
    return bool(is_strong_prp(mpz(modulus), 2))


def check_point(x: int, spki_sha256: bytes, policy: KeyPolicy) -> None:
    """Return when the key on an admitted curve, whose point has this x, is on no list; else raise CsrError."""
    if policy.is_listed(x):
        raise CsrError(CsrProblem.WEAK_KEY, KeyWeakness.KNOWN)
    _check_blocked(spki_sha256, policy)


def _check_blocked(spki_sha256: bytes, policy: KeyPolicy) -> None:
    if policy.is_blocked(spki_sha256):
        raise CsrError(CsrProblem.BLOCKED_KEY)


def find_weakness(modulus: int) -> KeyWeakness | None:
    """Return what makes the modulus easy to factor, or None."""
    if not modulus & 1:
        return KeyWeakness.EVEN_MODULUS
    if gcd(modulus, _SMALL_PRIMES) != 1:
        return KeyWeakness.SMALL_FACTOR
    if has_roca_fingerprint(modulus):
        return KeyWeakness.ROCA
    if has_close_primes(modulus):
        return KeyWeakness.CLOSE_PRIMES
    return None


# --- ROCA: both primes are powers of 65537 modulo a product of small primes, hence so is the modulus ---


def _powers_mask(prime: int) -> int:
    """Return the set of powers of 65537 modulo `prime` as a bit mask."""
    mask, power = 0, 1
    while not mask >> power & 1:
        mask |= 1 << power
        power = power * RSA_EXPONENT % prime
    return mask


# Only primes where the powers of 65537 miss some residues can tell a fingerprint from chance: the chance that a sound
# modulus passes them all is below 2**-27.
_ROCA_MASKS = tuple(
    (prime, mask) for prime in _primes(167)[1:] if (mask := _powers_mask(prime)).bit_count() < prime - 1
)
_ROCA_PRODUCT = prod(prime for prime, _ in _ROCA_MASKS)


def has_roca_fingerprint(modulus: int) -> bool:
    """Tell whether the modulus looks made by the flawed generator of CVE-2017-15361."""
    remainder = modulus % _ROCA_PRODUCT
    return all(mask >> remainder % prime & 1 for prime, mask in _ROCA_MASKS)


# --- Fermat: with n = a*a - b*b and p, q close, a is one of the first numbers above sqrt(n) ---


def _fermat_rows(modulus: int) -> tuple[int, ...]:
    """Return, for each residue of n, the bit string of the residues of a that make a*a - n a square."""
    squares = {x * x % modulus for x in range(modulus)}
    length = FERMAT_ROUNDS + 2 * modulus
    rows = []
    for n in range(modulus):
        good = [(a * a - n) % modulus in squares for a in range(modulus)]
        rows.append(sum(1 << a for a in range(length) if good[a % modulus]))
    return tuple(rows)


_FERMAT_MODULI = (64, 63, 65, 11, 17, 19, 23, 29, 31, 37)
_FERMAT_ROWS = tuple((modulus, _fermat_rows(modulus)) for modulus in _FERMAT_MODULI)
_FERMAT_PRODUCT = prod(_FERMAT_MODULI)
_ALL_ROUNDS = (1 << FERMAT_ROUNDS) - 1


def has_close_primes(modulus: int) -> bool:
    """Tell whether FERMAT_ROUNDS rounds of Fermat's method factor the modulus.

    A square root per round would cost more than the rest of the policy together. A sieve of quadratic residues
    answers all rounds at once and leaves about one root in ten keys; nothing is skipped, non-squares only.
    """
    root = isqrt(modulus)
    if root * root == modulus:
        return True
    first = root + 1
    small_n, small_a = modulus % _FERMAT_PRODUCT, first % _FERMAT_PRODUCT
    candidates = _ALL_ROUNDS
    for small, rows in _FERMAT_ROWS:
        candidates &= rows[small_n % small] >> small_a % small
    while candidates:
        offset = (candidates & -candidates).bit_length() - 1
        square = (first + offset) ** 2 - modulus
        if isqrt(square) ** 2 == square:
            return True
        candidates &= candidates - 1
    return False
