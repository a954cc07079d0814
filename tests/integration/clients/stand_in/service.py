"""A small service that speaks the published contract, and the plan of cuts and faults that a test gives it.

It is not our ws room: it stands for "any service that honours the contract", checks every message both ways against
the XSD, and signs real certificates from the CSRs it gets. An item whose serviceApplicatif is REFUS is rejected.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from lxml import etree

from tests.integration.clients.stand_in import demandes, lots
from tests.integration.clients.stand_in.authority import StandInAuthority, now
from tests.integration.clients.stand_in.memory import Demande, Lot, Memory
from tests.integration.clients.stand_in.messages import NS, SOAP, Member, Schema, response

# Answers of what stands between the client and a service.
STRANGE = {
    "foreign fault": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><e:Fault><faultcode>e:Server</faultcode>"
    "<faultstring>proxy</faultstring></e:Fault></e:Body></e:Envelope>".encode(),
    "broken xml": b"<e:Envelope",
    "no soap": b"<html/>",
    "other answer": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><accuse xmlns='{NS}'/></e:Body></e:Envelope>".encode(),
    "empty": b"",
    "no page": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><rechercherDemandesResponse xmlns='{NS}'/></e:Body></e:Envelope>".encode(),
    "no zone": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><consulterServiceResponse xmlns='{NS}'><etatService>"
    "<plateforme>TEST</plateforme><versionContrat>1.0</versionContrat><heure>2026-11-23T08:00:00</heure>"
    "<acteur>x</acteur><demandesParLot>1</demandesParLot><octetsParMessage>1</octetsParMessage>"
    "</etatService></consulterServiceResponse></e:Body></e:Envelope>".encode(),
    "doctype": f"<!DOCTYPE a [<!ENTITY b 'c'>]><e:Envelope xmlns:e='{SOAP}'><e:Body>&b;</e:Body></e:Envelope>".encode(),
}


def consulter_service(_memory: Memory, _body: etree._Element) -> Iterator[Member]:
    yield (
        "etatService",
        [
            ("plateforme", "TEST"),
            ("versionContrat", "1.0"),
            ("heure", now()),
            ("acteur", "application d'essai"),
            ("demandesParLot", 10000),
            ("octetsParMessage", 33554432),
            ("cgu", _texte("cgu")),
            ("pc", _texte("pc")),
        ],
    )


def _texte(name: str) -> list[Member]:
    return [("version", "1.0"), ("empreinte", "0" * 64), ("adresse", f"http://igc.example/textes/{name}/1.0")]


_OPERATIONS: dict[str, Callable[[Memory, etree._Element], Iterable[Member]]] = {
    "deposerLot": lots.deposer_lot,
    "verifierLot": lots.verifier_lot,
    "suivreLot": lots.suivre_lot,
    "listerDemandesLot": lots.lister_demandes_lot,
    "rechercherDemandes": demandes.rechercher_demandes,
    "listerARenouveler": demandes.lister_a_renouveler,
    "consulterDemande": demandes.consulter_demande,
    "retirerDemande": demandes.retirer_demande,
    "retirerPageLot": demandes.retirer_page_lot,
    "annulerDemande": demandes.annuler_demande,
    "annulerLot": demandes.annuler_lot,
    "consulterService": consulter_service,
}


class StandIn:
    """The service's memory, its operations, and the plan of cuts and faults; ``url`` is where it listens.

    ``held`` says that a call whose answer is planned to be held has arrived, ``release`` lets it go on.
    """

    url: str

    def __init__(self, authority: StandInAuthority, *, step: int = 10_000) -> None:
        self.authority = authority
        self.memory = Memory(authority, step)
        self.calls: Counter[str] = Counter()
        self.connections = 0
        self.open_connections: set[object] = set()
        self.texts: list[bytes] = []
        self.clients: set[object] = set()
        self.paths: list[str] = []
        self.published_address: str | None = None
        self.held = threading.Event()
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.schema = Schema()
        self._plan: list[tuple[str, str]] = []

    @property
    def lots(self) -> dict[int, Lot]:
        return self.memory.lots

    @property
    def demandes(self) -> dict[int, Demande]:
        return self.memory.demandes

    def plan_next(self, operation: str, what: str, times: int = 1) -> None:
        """The next ``times`` calls of the operation (``*``: of any) end as ``what``.

        before, after, truncated: the line is cut there; status:N: an HTML answer; fault, denied: a typed fault;
        slow: the answer takes half a second; hold: nothing is answered until ``release``; skip lets one call pass;
        a key of ``STRANGE``: those bytes.
        """
        self._plan += [(operation, what)] * times

    def take_plan(self, operation: str) -> str | None:
        for rank, (planned, what) in enumerate(self._plan):
            if planned in (operation, "*"):
                del self._plan[rank]
                return None if what == "skip" else what
        return None

    def answer(self, operation: str, body: etree._Element) -> etree._Element:
        """The response to a call; FaultError when the contract has a fault for it."""
        node = response(operation, _OPERATIONS[operation](self.memory, body))
        self.schema.check(node)
        return node
