"""One call from bytes to bytes, in a worker thread: who asks, what is asked, is it well formed, then the use case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registration.errors import IgcError, NotAtOnceError
from registration.ports import AuthorityPort
from registration.values import Caller, LotForm, Origin, RevocationLotForm
from registration.vocabulary import Canal
from ws.call import Call
from ws.contract.model import elements
from ws.contract.names import Operation, SoapVersion, contract_tag
from ws.gates import xml as xml_gate
from ws.gates.values import read_values
from ws.lots import reader as lot_reader
from ws.lots.operations import check_one_key
from ws.revocations import reader as revocation_reader
from ws.serving.operations import dispatch
from ws.serving.waiting import Watched

_INDEX_LOT, _REFERENCE, _VERSION_CONNUE, _ATTENTE = map(
    contract_tag, ("indexLot", "reference", "versionConnue", "attente")
)


@dataclass(frozen=True, kw_only=True)
class Framing:
    """What the HTTP headers said about the message."""

    version: SoapVersion
    charset: str | None
    action: str | None


@dataclass(frozen=True)
class Answer:
    """A whole SOAP message; ``error`` when it is a fault."""

    content: bytes
    operation: Operation
    error: IgcError | None


@dataclass(frozen=True)
class Wait:
    """A follow-up that asks to wait for a change before it is answered."""

    call: Call
    watched: Watched
    mark: str
    seconds: int


@dataclass(frozen=True)
class Later:
    """A call, read and checked, for a thread of its kind: one that writes, or that takes longer than was given."""

    call: Call


Outcome = Answer | Wait | Later
_SHORT = frozenset({Operation.SUIVRE_LOT})


class SoapService:
    """The synchronous half of the canal; safe to call from several threads."""

    def __init__(self, authority: AuthorityPort, *, max_items: int, max_bytes: int, max_wait: int) -> None:
        """Limits as published by consulterService; ``max_wait`` in seconds."""
        self.authority = authority
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._max_wait = max_wait
        elements()  # a schema that is not known whole stops the service here, not at the first message

    def process(
        self, peer: bytes | None, body: Iterable[bytes], framing: Framing, *, may_write: bool, at_once: bool = False
    ) -> Outcome:
        """Answer the message of this peer; IgcError for what is refused before an operation is called.

        The peer is identified before the first byte is parsed. Unless ``may_write``, an operation that writes is given
        back instead of called, and one that reads sees the database at one moment. With ``at_once`` every operation is
        given back but those that read a few rows by their key; NotAtOnceError when already the peer takes longer, or
        acts for a third party.
        """
        if may_write:
            call = self._read(self.authority.acteurs.identify(peer), body, framing)
            return self._wait_asked(call) or self.answer(call)
        with self.authority.view():
            call = self._read(self.authority.acteurs.identify(peer, at_once=at_once), body, framing, at_once=at_once)
            operation = call.request.operation
            if operation.writes or (at_once and operation not in _SHORT):
                return Later(call)
            return self._wait_asked(call) or _answer(call)

    def process_again(self, call: Call) -> Answer | Wait:
        """As ``process`` for a call that was read before, and does not write."""
        with self.authority.view():
            call = self._as_now(call)
            return self._wait_asked(call) or _answer(call)

    def answer(self, call: Call) -> Answer:
        """Call the operation some time after its message was read; refusals as ``process``."""
        return _answer(self._as_now(call))

    def _as_now(self, call: Call) -> Call:
        """The call while its sender may still act for the third party, if he acts for one."""
        if call.request.tiers is None:
            return call
        return replace(call, origin=self._origin(call.holder, call.request.tiers))

    def _origin(self, holder: Caller, tiers: str | None) -> Origin:
        """Whose rights count: the holder's, or the third party's in whose place he says to act."""
        caller = holder if tiers is None else self.authority.acteurs.act_for(holder, tiers)
        return Origin(
            acteur=caller.acteur,
            canal=Canal.WS,
            administrateur=caller.administrateur,
            identite=caller.identite,
            to_enter=caller.to_enter,
        )

    def _read(self, holder: Caller, body: Iterable[bytes], framing: Framing, *, at_once: bool = False) -> Call:
        request = xml_gate.read_request(body, framing.version, charset=framing.charset, action=framing.action)
        if at_once and request.tiers is not None:
            raise NotAtOnceError  # who may act for whom takes more than a look at the database
        origin = self._origin(holder, request.tiers)  # before anything is read of a lot
        lot: LotForm | RevocationLotForm | None = None
        if request.operation.carries_revocations:
            lot = revocation_reader.read_lot(request.body, max_items=self._max_items)
        elif request.operation.carries_lot:
            lot = lot_reader.read_lot(request.body, max_items=self._max_items)
        else:
            read_values(request.body)
        return Call(
            request=request,
            authority=self.authority,
            holder=holder,
            origin=origin,
            max_items=self._max_items,
            max_bytes=self._max_bytes,
            lot=lot,
        )

    def _wait_asked(self, call: Call) -> Wait | None:
        """The wait, when the caller of a follow-up gave a time and the version that he knows, and still knows it."""
        if call.request.operation is not Operation.SUIVRE_LOT:
            return None
        given = {child.tag: child.text for child in call.request.body.iterchildren("*")}
        seconds, known = min(int(given.get(_ATTENTE) or 0), self._max_wait), given.get(_VERSION_CONNUE)
        if not seconds or not known:
            return None
        index, acteur = given.get(_INDEX_LOT), call.origin.acteur
        lots = call.authority.lots
        try:
            check_one_key(None if index is None else int(index), given.get(_REFERENCE))
            lot = lots.follow(acteur, index=None if index is None else int(index), reference=given.get(_REFERENCE))
            mark = lots.marks([lot.index])[lot.index]
        except IgcError:
            return None  # told by the operation
        # The share of waits is that of who waits, whomever he acts for.
        return Wait(call, Watched(call.holder.key, lot.index), mark, seconds) if lot.version == known else None


def _answer(call: Call) -> Answer:
    content, error = dispatch(call)
    return Answer(content, call.request.operation, error)
