"""spyne between the gates and the use cases: it dispatches, deserialises arguments, serialises answers.

It never parses or validates: it is given the element that passed ``ws.xml_gate`` and ``ws.schema_gate``. What it gets
wrong in 2.14 is replaced here: faults outside ``detail``, its own parser, its error texts, its log of requests.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from lxml import etree
from spyne import Application, DateTime, Fault, MethodContext
from spyne.protocol.soap import Soap11, Soap12
from spyne.server import ServerBase

from registration.errors import IgcError
from ws.contract_types import Lot
from ws.faults import append_fault, as_igc_error
from ws.operations import Call, LotsService
from ws.soap import CONTRACT_NS, SoapVersion
from ws.xml_gate import Request

# spyne logs requests and tracebacks with the caller's values; what matters is logged by ws.faults and ws.front.
logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)

_HEAVY = ("udc", "in_document", "in_body_doc", "in_object", "out_object", "out_document", "out_body_doc", "out_string")
"""Members of a spyne context that hold what the caller sent or gets."""


class ContractFault(Fault):
    """One of our errors on its way through spyne."""

    def __init__(self, error: IgcError) -> None:
        super().__init__("Server", error.text)
        self.error = error


class _Gated:
    """What both protocol versions share: input is a ``Request``, faults are those of the contract."""

    version: SoapVersion

    def __init__(self) -> None:
        super().__init__()
        self.deserialization_handlers: Any
        self.deserialization_handlers[Lot] = lambda ctx, _cls, _element: ctx.udc.lot
        self._from_unicode_handlers: Any
        self._from_unicode_handlers[DateTime] = lambda _cls, text: datetime.fromisoformat(text.strip())

    def create_in_document(self, ctx: MethodContext, _charset: str | None = None) -> None:
        """Take the parsed envelope as it is."""
        ctx.in_document = ctx.udc.request.envelope

    def decompose_incoming_envelope(self, ctx: MethodContext, _message: Any = None) -> None:  # noqa: ANN401  # spyne's marker
        """Take the one request element; headers are not part of the contract."""
        request: Request = ctx.udc.request
        ctx.in_header_doc = None
        ctx.in_body_doc = request.body
        ctx.method_request_string = request.body.tag

    def fault_to_parent(
        self, _ctx: MethodContext, _cls: type, inst: ContractFault, parent: etree._Element, _ns: str, **_: object
    ) -> None:
        """The fault with its element inside the detail."""
        append_fault(parent, inst.error, self.version)


class _Soap11(_Gated, Soap11):
    version = SoapVersion.V11


class _Soap12(_Gated, Soap12):
    version = SoapVersion.V12


class _Application(Application):
    def call_wrapper(self, ctx: MethodContext) -> Any:  # noqa: ANN401  # spyne's context, any result
        """Call the operation; every exception leaves as a fault of the contract."""
        try:
            return super().call_wrapper(ctx)
        except Exception as error:
            raise ContractFault(as_igc_error(error)) from error


def new_application(version: SoapVersion) -> Application:
    """The spyne application of one SOAP version."""
    protocol = _Soap11 if version is SoapVersion.V11 else _Soap12
    return _Application(
        [LotsService], tns=CONTRACT_NS, name="ServiceLots", in_protocol=protocol(), out_protocol=protocol()
    )


class _Server(ServerBase):
    transport = "urn:igc:gated"


class Dispatcher:
    """Calls the operation that a gated request asks for. One per process, used from several threads."""

    def __init__(self) -> None:
        """Build one spyne application per SOAP version: an application has one protocol."""
        self._servers = {version: _Server(new_application(version)) for version in SoapVersion}

    def dispatch(self, call: Call) -> tuple[bytes, IgcError | None]:
        """The whole answer, and the error when it is a fault. Raises only what goes wrong in serialising."""
        server = self._servers[call.request.version]
        initial = MethodContext(server, MethodContext.SERVER)
        initial.udc = call
        ctx = server.generate_contexts(initial)[0]
        try:
            if ctx.in_error is None:
                server.get_in_object(ctx)
            if ctx.in_error is None:
                server.get_out_object(ctx)
            if ctx.out_error is not None and not isinstance(ctx.out_error, ContractFault):
                ctx.out_error = ContractFault(as_igc_error(ctx.out_error))
            server.get_out_string(ctx)
            return b"".join(ctx.out_string), None if ctx.out_error is None else ctx.out_error.error
        finally:
            # Contexts refer to themselves, so a lot would stay in memory until the garbage collector comes round.
            for each in (initial, ctx):
                for name in _HEAVY:
                    setattr(each, name, None)
