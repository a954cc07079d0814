"""Keys of one lot that break each other: RSA moduli with a prime in common.

Every page is looked at by itself, when its items are judged; keys of other pages and of other lots are the auditor's.
"""

from __future__ import annotations

from collections.abc import Sequence

from pki.shared_primes import find_shared_primes
from registration.errors import Code, IgcError
from registration.validation import Examined


def refuse_shared_primes(examined: Sequence[Examined]) -> None:
    """Append the refusal to every form whose key has a prime in common with another key among these.

    A form that is refused already counts too, as long as its CSR proves possession: the other key is broken all the
    same.
    """
    by_modulus: dict[int, list[Examined]] = {}
    for item in examined:
        if item.csr is not None and item.csr.modulus is not None:
            by_modulus.setdefault(item.csr.modulus, []).append(item)
    for modulus in find_shared_primes(by_modulus):
        for item in by_modulus[modulus]:
            item.refusals.append(IgcError(Code.CSR_REFUSED, champ="csr", raison=_RAISON))


_RAISON = "la clé est faible : elle a un facteur premier commun avec une autre clé du même lot."
