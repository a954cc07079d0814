"""What the stand-in remembers: lots, their demandes, and how the work on them goes on."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from lxml import etree

from tests.integration.clients.stand_in.authority import StandInAuthority, now
from tests.integration.clients.stand_in.messages import FaultError, Member, number_of, refusal, text_of


class Demande:
    """One item; it is refused when its serviceApplicatif is REFUS, and signed otherwise."""

    def __init__(self, numero: int, lot_index: int, position: int, node: etree._Element) -> None:
        self.numero, self.lot_index, self.position = numero, lot_index, position
        self.fields = [(etree.QName(child).localname, child.text or "") for child in node]
        self.etat = "ENREGISTREE"
        self.produit: str | None = None
        self.certificate: x509.Certificate | None = None
        self.code: str | None = None
        self.born = now()

    def text(self, name: str) -> str | None:
        return next((text for key, text in self.fields if key == name), None)

    @property
    def rejected(self) -> bool:
        return self.text("serviceApplicatif") == "REFUS"

    def process(self, authority: StandInAuthority) -> None:
        if self.etat != "ENREGISTREE":
            return
        if self.rejected:
            self.etat = "REJETEE"
            return
        csr = x509.load_der_x509_csr(base64.b64decode(self.text("csr") or ""))
        self.certificate = authority.sign(csr.public_key(), self.text("reference") or f"n{self.numero}")
        self.etat, self.produit = "TRANSMISE", "A_RETIRER"

    def as_members(self) -> Iterator[Member]:
        yield "numeroDemande", self.numero
        yield "canal", "WS"
        yield "indexLot", self.lot_index
        yield "position", self.position
        yield from self._given("reference", "offre", "usage")
        yield "etat", self.etat
        if self.produit:
            yield "etatProduit", self.produit
        yield from self._given("structure", "beneficiaire", "serviceApplicatif", "adresseEmail")
        yield from ((name, text) for name, text in self.fields if name == "fqdn")
        yield "creeLe", self.born
        yield "modifieLe", self.born
        if self.certificate:
            yield "numeroSerie", f"{self.certificate.serial_number:X}"
            yield "finValidite", self.certificate.not_valid_after_utc
        if self.etat == "REJETEE":
            yield "erreur", list(refusal())

    def _given(self, *names: str) -> Iterator[Member]:
        for name in names:
            if text := self.text(name):
                yield name, text


@dataclass
class Lot:
    """A deposited lot; ``content`` is what the same reference must come back with."""

    index: int
    reference: str
    content: bytes
    version: int = 1
    born: dt.datetime = field(default_factory=now)
    demandes: list[Demande] = field(default_factory=list)


class Memory:
    """Lots and demandes by their numbers; each follow-up lets ``step`` demandes go on."""

    def __init__(self, authority: StandInAuthority, step: int) -> None:
        self.authority = authority
        self.step = step
        self.lots: dict[int, Lot] = {}
        self.demandes: dict[int, Demande] = {}

    def keep(self, reference: str, content: bytes, nodes: Sequence[etree._Element]) -> Lot:
        lot = Lot(len(self.lots) + 1, reference, content)
        for position, node in enumerate(nodes, start=1):
            demande = Demande(len(self.demandes) + 1, lot.index, position, node)
            self.demandes[demande.numero] = demande
            lot.demandes.append(demande)
        self.lots[lot.index] = lot
        return lot

    def lot_of(self, body: etree._Element) -> Lot:
        return self.lot(number_of(body, "indexLot"))

    def lot(self, index: int) -> Lot:
        if index not in self.lots:
            raise FaultError("introuvable", "ERR_WS_031", "Aucun lot visible par vous ne porte cet index.")
        return self.lots[index]

    def demande_of(self, body: etree._Element) -> Demande:
        numero = number_of(body, "numeroDemande")
        if numero not in self.demandes:
            raise FaultError("introuvable", "ERR_WS_032", "Aucune demande visible par vous ne porte ce numéro.")
        return self.demandes[numero]

    def advance(self, lot: Lot) -> None:
        waiting = [demande for demande in lot.demandes if demande.etat == "ENREGISTREE"]
        for demande in waiting[: self.step]:
            demande.process(self.authority)
        if waiting:
            lot.version += 1


def page(body: etree._Element, found: Sequence[Demande]) -> tuple[list[Demande], list[Member]]:
    """The part of what was found that was asked for, and from where the next one starts."""
    start = int(text_of(body, "aPartirDe") or 0)
    size = int(text_of(body, "taille") or 100)
    rest = [demande for demande in found if demande.numero > start]
    return rest[:size], [("suivant", rest[size - 1].numero)] if len(rest) > size else []
