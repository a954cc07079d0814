"""The operations as spyne declares them, and the road of a call through one: arguments, function, answer.

spyne has the last word on what the contract is (``tests/contract``); its protocols have no part in a call. They would
build a context, a tree and a string for each, at several times the cost of everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spyne import Application
from spyne.protocol.soap import Soap11, Soap12

from registration.errors import IgcError
from ws.call import Call
from ws.contract.names import CONTRACT_NS, Operation, SoapVersion
from ws.contract.reading import members_of
from ws.contract.writing import Pieces, Writer, writer_of
from ws.demandes.operations import DemandeOperations
from ws.droits.operations import DroitOperations
from ws.etat_service.operations import EtatServiceOperations
from ws.lots.operations import LotOperations
from ws.produits.operations import ProduitOperations
from ws.retraits.operations import RetraitOperations
from ws.revocations.operations import RevocationOperations
from ws.serving.faults import as_igc_error, render_fault

AREAS = (
    LotOperations,
    DemandeOperations,
    ProduitOperations,
    RetraitOperations,
    RevocationOperations,
    DroitOperations,
    EtatServiceOperations,
)
"""One service class per area; a new area is one more."""


def new_application(version: SoapVersion) -> Application:
    """The spyne application of one SOAP version: what the contract is held against."""
    protocol = Soap11 if version is SoapVersion.V11 else Soap12
    return Application(AREAS, tns=CONTRACT_NS, name="ServiceLots", in_protocol=protocol(), out_protocol=protocol())


@dataclass(frozen=True, slots=True)
class _Context:
    """What an operation is given first, as spyne would."""

    udc: Call


@dataclass(frozen=True, slots=True)
class _Road:
    """One operation."""

    function: Callable[..., Any]
    arguments: Callable[[Call], list[Any]]
    write: Writer
    start: str
    end: str

    def take(self, call: Call) -> str:
        """The response element; raises what the operation raises."""
        pieces: Pieces = [self.start]
        self.write(self.function(_Context(call), *self.arguments(call)), pieces)
        pieces.append(self.end)
        return "".join(pieces)


def _road_of(operation: Operation) -> _Road:
    (method,) = [area.public_methods[operation.value] for area in AREAS if operation.value in area.public_methods]
    ((name, kind),) = method.out_message.get_flat_type_info(method.out_message).items()
    read = None if operation.carries_lot else members_of(method.in_message)
    return _Road(
        function=method.function,
        arguments=(lambda call: [call.lot]) if read is None else (lambda call: read(call.request.body)),
        write=writer_of(name, kind),
        start=f'<{operation.value}Response xmlns="{CONTRACT_NS}">',
        end=f"</{operation.value}Response>",
    )


_ROADS: Mapping[Operation, _Road] = {operation: _road_of(operation) for operation in Operation}
_ENVELOPES = {
    version: (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{version.namespace}"><soap:Body>',
        "</soap:Body></soap:Envelope>",
    )
    for version in SoapVersion
}


def dispatch(call: Call) -> tuple[bytes, IgcError | None]:
    """The whole answer, and the error when it is a fault. Every exception becomes a fault of the contract."""
    version = call.request.version
    try:
        response = _ROADS[call.request.operation].take(call)
    except Exception as raised:  # noqa: BLE001 -- nothing leaves this canal but a fault
        error = as_igc_error(raised)
        return render_fault(error, version), error
    head, tail = _ENVELOPES[version]
    return f"{head}{response}{tail}".encode(), None
