"""The OCSP answers kept ready, in bounded number: those asked for last, and those of the newest certificates."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from threading import Lock

from pki.delegates.delegated import DelegatedSigner
from publication.statuses import StatusRow

FORMS = 2
"""Answers per certificate that nobody asked for yet: to CertIDs by SHA-1 and by SHA-256."""


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """An OCSPResponse, DER. `next_update` is None for what nobody may keep: errors, unknown, answers to a nonce.

    `modified` answers If-Modified-Since: thisUpdate, but None for revoked, for the good answer before it may bear the
    same second.
    """

    body: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None
    etag: str = ""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer with what it was made from: good only against the same row, from `since` until `until`."""

    answer: OcspAnswer
    autorite: str
    serial: int
    row: StatusRow | None
    signer: DelegatedSigner
    since: datetime
    renew_at: datetime
    until: datetime


class KeptAnswers:
    """Answers by the plain request that asks for them; for several threads.

    One half is for what was asked for last, the other for the certificates with the highest numbers: neither a large
    lot nor a crowd of clients pushes out the other's.
    """

    def __init__(self, bound: int) -> None:
        """At most ``bound`` answers, 4 at least."""
        self.bound = bound
        self._asked_bound = bound // 2
        self._issued_bound = bound // 2 // FORMS
        self._asked: OrderedDict[bytes, Kept] = OrderedDict()
        self._issued: dict[bytes, Kept] = {}
        self._newest: list[tuple[int, tuple[bytes, ...]]] = []  # a heap
        self._lock = Lock()

    def requests(self) -> list[bytes]:
        """What can be asked for now."""
        with self._lock:
            return [*self._asked, *self._issued]

    def peek(self, request: bytes) -> Kept | None:
        """The answer, without more."""
        with self._lock:
            return self._asked.get(request) or self._issued.get(request)

    def ask(self, request: bytes) -> Kept | None:
        """The answer; from now on it is one of those asked for last."""
        with self._lock:
            kept = self._asked.get(request)
            if kept is not None:
                self._asked.move_to_end(request)
                return kept
            kept = self._issued.get(request)
            if kept is not None:
                self._put_asked(request, kept)
            return kept

    def put_asked(self, request: bytes, kept: Kept) -> None:
        """Keep the answer to a request that came."""
        with self._lock:
            self._put_asked(request, kept)

    def _put_asked(self, request: bytes, kept: Kept) -> None:
        self._issued.pop(request, None)
        self._asked[request] = kept
        self._asked.move_to_end(request)
        if len(self._asked) > self._asked_bound:
            self._asked.popitem(last=False)

    def takes(self, number: int) -> bool:
        """Whether the certificate of this number is among the newest that there is room for."""
        with self._lock:
            return self._takes(number)

    def _takes(self, number: int) -> bool:
        return len(self._newest) < self._issued_bound or number > self._newest[0][0]

    def put_issued(self, number: int, answers: Mapping[bytes, Kept]) -> None:
        """Keep the answers for a certificate that nobody asked for yet; the oldest one's make room."""
        with self._lock:
            if not self._takes(number):
                return
            new = {request: kept for request, kept in answers.items() if request not in self._asked}
            self._issued.update(new)
            heappush(self._newest, (number, tuple(new)))
            if len(self._newest) > self._issued_bound:
                for request in heappop(self._newest)[1]:
                    self._issued.pop(request, None)

    def replace(self, request: bytes, former: Kept, kept: Kept | None) -> None:
        """Put another answer, or none, where the former one still is."""
        with self._lock:
            for place in (self._asked, self._issued):
                if place.get(request) is former:
                    if kept is None:
                        del place[request]
                    else:
                        place[request] = kept
