"""One call from bytes to bytes, in a worker thread: who asks, what is asked, is it well formed, then the use case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registration.authority import RegistrationAuthority
from registration.errors import IgcError
from registration.values import Acteur, Origin
from registration.vocabulary import Canal
from ws import lot_reader, schema_gate, xml_gate
from ws.operations import Call, check_one_key
from ws.soap import Operation, SoapVersion, contract_tag
from ws.soap_protocol import Dispatcher
from ws.waiting import Watched


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
    known: str
    seconds: int


class SoapService:
    """The synchronous half of the canal; safe to call from several threads."""

    def __init__(self, authority: RegistrationAuthority, *, max_items: int, max_bytes: int, max_wait: int) -> None:
        """Limits as published by consulterService; ``max_wait`` in seconds."""
        self.authority = authority
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._max_wait = max_wait
        self._dispatcher = Dispatcher()

    def process(self, peer: bytes | None, body: Iterable[bytes], framing: Framing) -> Answer | Wait:
        """Answer the message of this peer; IgcError for what is refused before an operation is called.

        The peer is identified before the first byte is parsed.
        """
        acteur = self.authority.identify(peer)
        call = self._read(acteur, body, framing)
        if call.request.operation is Operation.SUIVRE_LOT:
            wait = self._wait_asked(acteur, call)
            if wait is not None:
                return wait
        return self.answer(call)

    def answer(self, call: Call) -> Answer:
        """Call the operation."""
        content, error = self._dispatcher.dispatch(call)
        return Answer(content, call.request.operation, error)

    def _read(self, acteur: Acteur, body: Iterable[bytes], framing: Framing) -> Call:
        request = xml_gate.read_request(body, framing.version, charset=framing.charset, action=framing.action)
        lot = None
        if request.operation.carries_lot:
            lot = lot_reader.read_lot(request.body, max_items=self._max_items)
        else:
            schema_gate.check(request.body)
        return Call(
            request=request,
            authority=self.authority,
            origin=Origin(acteur=acteur, canal=Canal.WS),
            max_items=self._max_items,
            max_bytes=self._max_bytes,
            lot=lot,
        )

    def _wait_asked(self, acteur: Acteur, call: Call) -> Wait | None:
        """The wait, when the caller gave both a time and the version he knows."""
        body = call.request.body
        texts = {
            name: body.findtext(contract_tag(name)) for name in ("indexLot", "reference", "versionConnue", "attente")
        }
        index = None if texts["indexLot"] is None else int(texts["indexLot"])
        check_one_key(index, texts["reference"])
        seconds = min(int(texts["attente"] or 0), self._max_wait)
        if not seconds or not texts["versionConnue"]:
            return None
        return Wait(call, Watched(acteur, index, texts["reference"]), texts["versionConnue"], seconds)
