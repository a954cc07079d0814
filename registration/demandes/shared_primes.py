"""Keys of one lot that break each other: RSA moduli with a prime in common.

Every page is looked at by itself, when its items are judged; those of other pages and lots are looked at once they are
certified (``revocation/weak_keys``), and by the auditor.
"""

from __future__ import annotations

from collections.abc import Sequence

from pki.keys.shared_primes import find_shared_primes
from registration.demandes.candidates import Candidate
from registration.errors import Code, IgcError


def refuse_shared_primes(candidates: Sequence[Candidate]) -> None:
    """Refuse every candidate whose key has a prime in common with another key among these.

    A form that is refused already counts too, as long as its CSR proves possession: the other key is broken all the
    same.
    """
    by_modulus: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        csr = candidate.verdict.csr
        if csr is not None and csr.modulus is not None:
            by_modulus.setdefault(csr.modulus, []).append(candidate)
    for modulus in find_shared_primes(by_modulus):
        for candidate in by_modulus[modulus]:
            candidate.refuse(IgcError(Code.CSR_REFUSED, champ="csr", raison=_RAISON))


_RAISON = "la clé est faible : elle a un facteur premier commun avec une autre clé du même lot."
