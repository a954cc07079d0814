"""Into which pages and chunks a lot is cut: small ones at both ends, so that no core waits there for another one's.

At the beginning nobody can sign before the first page is registered; at the end whoever is done has nothing left to
take over. In between large ones cost less, for the statements of a page or a chunk are the same whatever its size.
"""

from __future__ import annotations

from registration.errors import Code, IgcError
from registration.policy import LotPolicy
from registration.vocabulary import NatureLot

_NATURES = {NatureLot.CERTIFICATS: "demandes de certificats", NatureLot.REVOCATIONS: "révocations"}

_SHARES = 6
_SMALLEST = 10


def page_sizes(count: int, policy: LotPolicy) -> list[int]:
    """How many of ``count`` items each page holds: each twice the one before, up to ``policy.page_size``."""
    sizes: list[int] = []
    size = min(policy.first_page, policy.page_size)
    while count > 0:
        sizes.append(min(size, count))
        count -= size
        size = min(2 * size, policy.page_size)
    return sizes


def chunk_sizes(count: int, after: int, policy: LotPolicy) -> list[int]:
    """How many of ``count`` demandes each chunk holds, when ``after`` more items of their lot come later.

    A sixth of all that is left, but not less than a tenth of ``policy.chunk_size`` and never more than that. What is
    registered at once is too little to be shared.
    """
    smallest = max(1, policy.chunk_size // _SMALLEST)
    is_small = after == 0 and count <= policy.at_once
    sizes: list[int] = []
    while count > 0:
        share = policy.chunk_size if is_small else max(smallest, (count + after) // _SHARES)
        sizes.append(min(count, policy.chunk_size, share))
        count -= sizes[-1]
    return sizes


def check_nature(index: int, nature: str, wanted: NatureLot) -> None:
    """Refuse (ERR_WS_066) what is no act on such a lot; the acteur knows that there is one."""
    if nature != wanted.value:
        raise IgcError(Code.LOT_OF_OTHER_NATURE, index=index, nature=_NATURES[NatureLot(nature)])
